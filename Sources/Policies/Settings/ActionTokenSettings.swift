/// How a chunk of actions becomes FAST tokens (Pertsch et al. 2025, arXiv 2501.09747).
public struct ActionTokenSettings: Codable, Hashable, Sendable {
  /// Cosine coefficients of the normalised chunk are multiplied by this and rounded: larger keeps
  /// more detail and gives more tokens. FAST uses 10; the flow expert, not these tokens, moves the
  /// robot, so a coarse form is enough to teach the backbone.
  public var scale: Float
  /// The largest FAST vocabulary, special tokens included.
  public var vocabularyLimit: Int
  /// Places for FAST tokens; the rest of a longer chunk, its highest frequencies, is left out.
  public var slots: Int
  /// The probability that a token is hidden from those behind it in training, in [0, 1]. Where every
  /// token is seen, most of them follow from those before them, and little is learnt of what decides
  /// the chunk: the observation and the indicator. (Bowman et al. 2016 hide words of a text for the
  /// same reason.)
  public var inputDropout: Float

  public init(
    scale: Float = 2, vocabularyLimit: Int = 512, slots: Int = 24, inputDropout: Float = 0.5
  ) {
    self.scale = scale
    self.vocabularyLimit = vocabularyLimit
    self.slots = slots
    self.inputDropout = inputDropout
  }

  func validate() throws(PolicyError) {
    guard scale.isFinite, scale > 0 else {
      throw .settings("actionTokens.scale is \(scale); it must be a number above 0")
    }
    guard vocabularyLimit >= 8 else {
      throw .settings("actionTokens.vocabularyLimit is \(vocabularyLimit); it must be at least 8")
    }
    guard (0...1).contains(inputDropout) else {
      throw .settings("actionTokens.inputDropout is \(inputDropout); it must be in 0…1")
    }
    guard slots >= 2 else {
      throw .settings("actionTokens.slots is \(slots); it must be at least 2")
    }
  }
}
