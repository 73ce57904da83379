import Tensors

/// The projections of grouped-query attention with rotary positions (Ainslie et al. 2023, Su et al.
/// 2021).
///
/// Queries and the keys and values they read may come from different networks, as an action expert
/// reads its backbone: project each where it lives and join them with `KeyValue.appending`.
public struct Attention: Sendable {
  public let query: Linear
  public let key: Linear
  public let value: Linear
  public let output: Linear
  public let heads: Int
  public let keyValueHeads: Int
  public let headWidth: Int

  /// Adds `<name>.{query,key,value,output}.weight`, without biases.
  public init(_ store: ParameterStore, _ name: String, _ settings: TransformerSettings) {
    let (width, headWidth) = (settings.width, settings.headWidth)
    let (heads, keyValueHeads) = (settings.heads, settings.keyValueHeads)
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
  public func keyValue(_ tape: Tape, _ x: Variable, positions: [Int32]) -> KeyValue {
    KeyValue(
      key: tape.rotary(key(tape, x), heads: keyValueHeads, positions: positions),
      value: value(tape, x))
  }

  /// Attention and the output projection.
  ///
  /// - Parameters:
  ///   - x: The tokens that look, [B, Tq, width], normalised.
  ///   - positions: [Tq]
  ///   - seen: What they look at, Tk tokens.
  ///   - mask: [Tq, Tk] or [B, Tq, Tk]; nil where all is seen.
  /// - Returns: [B, Tq, width]
  public func callAsFunction(
    _ tape: Tape, _ x: Variable, positions: [Int32], seen: KeyValue, mask: AttentionMask?
  ) -> Variable {
    output(
      tape,
      tape.attention(
        query: queries(tape, x, positions: positions), key: seen.key, value: seen.value,
        heads: heads, keyValueHeads: keyValueHeads, mask: mask))
  }
}
