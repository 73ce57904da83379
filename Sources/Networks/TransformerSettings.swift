/// The size of a transformer with grouped-query attention and gated feed-forward layers.
public struct TransformerSettings: Codable, Hashable, Sendable {
  /// Width of the residual stream.
  public var width: Int
  /// Layers, at least 1.
  public var layers: Int
  /// Query heads.
  public var heads: Int
  /// Key and value heads; a divisor of `heads`.
  public var keyValueHeads: Int
  /// Width of one head; even, because rotary positions turn pairs.
  public var headWidth: Int
  /// Width inside the gated feed-forward layer.
  public var feedForward: Int

  public init(
    width: Int, layers: Int, heads: Int, keyValueHeads: Int, headWidth: Int, feedForward: Int
  ) {
    self.width = width
    self.layers = layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
    self.feedForward = feedForward
  }
}
