import Networks

/// A vision tower: a transformer over each camera's patches, before the model's own.
public struct VisionSettings: Codable, Hashable, Sendable {
  public var network: TransformerSettings
  /// Blocks of merge × merge neighbouring patches become one token of the model.
  public var merge: Int

  public init(network: TransformerSettings, merge: Int = 1) {
    self.network = network
    self.merge = merge
  }

  func validate() throws(PolicyError) {
    try network.validate(as: "vision.network")
    guard merge >= 1 else { throw .settings("vision.merge is \(merge); it must be at least 1") }
  }
}
