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

  public init(scale: Float = 2, vocabularyLimit: Int = 512, slots: Int = 24) {
    self.scale = scale
    self.vocabularyLimit = vocabularyLimit
    self.slots = slots
  }

  func validate() throws(PolicyError) {
    guard scale.isFinite, scale > 0 else {
      throw .settings("actionTokens.scale is \(scale); it must be a number above 0")
    }
    guard vocabularyLimit >= 8 else {
      throw .settings("actionTokens.vocabularyLimit is \(vocabularyLimit); it must be at least 8")
    }
    guard slots >= 2 else {
      throw .settings("actionTokens.slots is \(slots); it must be at least 2")
    }
  }
}
