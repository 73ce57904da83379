import Tensors

/// The projections of grouped-query attention with rotary positions (Ainslie et al. 2023, Su et al.
/// 2021).
///
/// Queries and the keys and values they read may come from different networks, as an action expert
/// reads its backbone: project each where it lives, join them with `Tape.concatenate`, and call
/// `attend`.
public struct Attention: Sendable {
  public let query: Linear
  public let key: Linear
  public let value: Linear
  public let output: Linear
  public let heads: Int
  public let keyValueHeads: Int
  public let headWidth: Int

  /// Adds `<name>.{query,key,value,output}.weight`, without biases.
  public init(
    _ store: ParameterStore, _ name: String, width: Int, heads: Int, keyValueHeads: Int,
    headWidth: Int
  ) {
    precondition(
      heads % keyValueHeads == 0 && headWidth % 2 == 0,
      "'\(name)': \(keyValueHeads) key-value heads must divide \(heads) heads, "
        + "and the head width \(headWidth) must be even")
    func linear(_ part: String, _ inputs: Int, _ outputs: Int) -> Linear {
      Linear(store, "\(name).\(part)", inputs: inputs, outputs: outputs, bias: false)
    }
    query = linear("query", width, heads * headWidth)
    key = linear("key", width, keyValueHeads * headWidth)
    value = linear("value", width, keyValueHeads * headWidth)
    output = linear("output", heads * headWidth, width)
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
  }

  /// x [B, T, width] at `positions` [T] → [B, T, heads · headWidth], turned.
  public func queries(_ tape: Tape, _ x: Variable, positions: [Int32]) -> Variable {
    tape.rotary(query(tape, x), heads: heads, positions: positions)
  }

  /// x [B, T, width] at `positions` [T] → keys, turned, and values, [B, T, keyValueHeads ·
  /// headWidth] each.
  public func keysAndValues(
    _ tape: Tape, _ x: Variable, positions: [Int32]
  ) -> (keys: Variable, values: Variable) {
    (
      tape.rotary(key(tape, x), heads: keyValueHeads, positions: positions),
      value(tape, x)
    )
  }

  /// Attention and the output projection: → [B, Tq, width].
  public func attend(
    _ tape: Tape, queries: Variable, keys: Variable, values: Variable, mask: AttentionMask? = nil
  ) -> Variable {
    output(
      tape,
      tape.attention(
        query: queries, key: keys, value: values, heads: heads, keyValueHeads: keyValueHeads,
        mask: mask))
  }

  /// Self-attention: x [B, T, width] → the same shape.
  public func callAsFunction(
    _ tape: Tape, _ x: Variable, positions: [Int32], mask: AttentionMask? = nil
  ) -> Variable {
    let (keys, values) = keysAndValues(tape, x, positions: positions)
    return attend(
      tape, queries: queries(tape, x, positions: positions), keys: keys, values: values, mask: mask)
  }
}
