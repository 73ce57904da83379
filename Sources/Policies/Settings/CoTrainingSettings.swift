/// Training of a value function on images with captions beside its returns (the paper's "small
/// share of multimodal web data", which keeps V from over-fitting).
public struct CoTrainingSettings: Codable, Hashable, Sendable {
  /// A folder of images (PNG, JPEG, binary PPM), each beside a text file of the same name.
  public var folder: String
  /// Image–text pairs in a step, as a share of the batch size.
  public var share: Float
  /// Weight of the caption loss beside the value loss.
  public var weight: Float
  /// Places of a caption: its beginning and its tokens; the rest of a longer one is left out.
  public var captionTokens: Int

  public init(
    folder: String, share: Float = 0.1, weight: Float = 0.5, captionTokens: Int = 32
  ) {
    self.folder = folder
    self.share = share
    self.weight = weight
    self.captionTokens = captionTokens
  }

  /// Pairs in a step: at least one.
  func pairs(besides batchSize: Int) -> Int {
    max(1, Int((share * Float(batchSize)).rounded()))
  }

  func validate() throws(PolicyError) {
    for (key, value) in [("share", share), ("weight", weight)] {
      guard value.isFinite, value > 0 else {
        throw .settings("coTraining.\(key) is \(value); it must be a number above 0")
      }
    }
    guard captionTokens >= 2 else {
      throw .settings("coTraining.captionTokens is \(captionTokens); it must be at least 2")
    }
  }
}
