import CKernels

/// Which keys each query may attend to. Make one per arrangement of tokens and keep it: it holds
/// what the kernel reads.
public struct AttentionMask: Sendable {
  public let queries: Int
  public let keys: Int
  /// The number of samples that have masks of their own, or nil for one that serves all.
  public let samples: Int?
  /// 0 where visible, −10³⁰ where not: [samples or 1, queries, keys rounded up to whole vectors].
  let bias: [Float]

  /// - Parameter visible: [queries, keys], or [samples, queries, keys] with `samples`.
  public init(queries: Int, keys: Int, samples: Int? = nil, visible: [Bool]) {
    let rows = (samples ?? 1) * queries
    precondition(
      visible.count == rows * keys,
      "an attention mask of \(rows) rows of \(keys) keys cannot hold \(visible.count) entries")
    let padded = recap_attention_padded_keys(keys)
    var bias = [Float](repeating: -1e30, count: rows * padded)
    for row in 0..<rows {
      for key in 0..<keys where visible[row * keys + key] { bias[row * padded + key] = 0 }
    }
    self.queries = queries
    self.keys = keys
    self.samples = samples
    self.bias = bias
  }
}
