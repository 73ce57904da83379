import Tensors

/// The projections of grouped-query attention with rotary positions (Ainslie et al. 2023, Su et al.
/// 2021).
///
/// Queries and the keys and values they read may come from different networks, as an action expert
/// reads its backbone: project each where it lives and join them with `KeyValue.appending`.
public struct Attention: Sendable {
  /// Queries, keys and values at once: columns ordered (q | k | v), then head, then dimension.
  public let projection: Linear
  public let output: Linear
  public let heads: Int
  public let keyValueHeads: Int
  public let headWidth: Int

  /// Adds `<name>.qkv.weight` [width, (heads + 2 · keyValueHeads) · headWidth] and
  /// `<name>.output.weight` [heads · headWidth, width], without biases.
  public init(_ store: ParameterStore, _ name: String, _ settings: TransformerSettings) {
    let (width, headWidth) = (settings.width, settings.headWidth)
    let (heads, keyValueHeads) = (settings.heads, settings.keyValueHeads)
    precondition(
      heads % keyValueHeads == 0 && headWidth % 2 == 0,
      "'\(name)': \(keyValueHeads) key-value heads must divide \(heads) heads, "
        + "and the head width \(headWidth) must be even")
    projection = Linear(
      store, "\(name).qkv", inputs: width, outputs: (heads + 2 * keyValueHeads) * headWidth,
      bias: false)
    output = Linear(
      store, "\(name).output", inputs: heads * headWidth, outputs: width, bias: false)
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
  }

  private var queryWidth: Int { heads * headWidth }
  private var keyWidth: Int { keyValueHeads * headWidth }

  /// The queries of some tokens and the keys and values of all, in one product where all look.
  ///
  /// - Parameters:
  ///   - x: [B, T, width], normalised.
  ///   - positions: [T]
  ///   - rows: The tokens that will look.
  /// - Returns: Queries [B, rows, heads · headWidth], turned (nil for no rows), and the T tokens'
  ///   keys and values.
  public func project(
    _ tape: Tape, _ x: Variable, positions: [Int32], rows: Range<Int>
  ) -> (queries: Variable?, keyValue: KeyValue) {
    guard rows.count == positions.count else {
      let queries =
        rows.isEmpty
        ? nil
        : self.queries(tape, tape.slice(x, rows: rows), positions: Array(positions[rows]))
      return (queries, keyValue(tape, x, positions: positions))
    }
    let all = projection(tape, x)
    let queries = tape.rotary(
      tape.columns(all, 0..<queryWidth), heads: heads, positions: positions)
    return (queries, keyValue(tape, all, firstColumn: queryWidth, positions: positions))
  }

  /// x [B, T, width] at `positions` [T] → [B, T, heads · headWidth], turned.
  public func queries(_ tape: Tape, _ x: Variable, positions: [Int32]) -> Variable {
    tape.rotary(
      projection(tape, x, columns: 0..<queryWidth), heads: heads, positions: positions)
  }

  /// x [B, T, width] at `positions` [T] → keys, turned, and values, [B, T, keyValueHeads ·
  /// headWidth] each.
  public func keyValue(_ tape: Tape, _ x: Variable, positions: [Int32]) -> KeyValue {
    let columns = queryWidth..<queryWidth + 2 * keyWidth
    return keyValue(
      tape, projection(tape, x, columns: columns), firstColumn: 0, positions: positions)
  }

  /// Keys and values out of a product that holds them from `firstColumn` on.
  private func keyValue(
    _ tape: Tape, _ product: Variable, firstColumn: Int, positions: [Int32]
  ) -> KeyValue {
    let middle = firstColumn + keyWidth
    return KeyValue(
      key: tape.rotary(
        tape.columns(product, firstColumn..<middle), heads: keyValueHeads, positions: positions),
      value: tape.columns(product, middle..<middle + keyWidth))
  }

  /// Attention and the output projection.
  ///
  /// - Parameters:
  ///   - queries: [B, Tq, heads · headWidth], as `project` makes them.
  ///   - seen: What they look at, Tk tokens.
  ///   - mask: [Tq, Tk] or [B, Tq, Tk]; nil where all is seen.
  /// - Returns: [B, Tq, width]
  public func attend(
    _ tape: Tape, queries: Variable, seen: KeyValue, mask: AttentionMask?
  ) -> Variable {
    output(
      tape,
      tape.attention(
        query: queries, key: seen.key, value: seen.value, heads: heads,
        keyValueHeads: keyValueHeads, mask: mask))
  }

  /// Attention of tokens x [B, Tq, width] at `positions` [Tq], normalised, to others: `queries` and
  /// `attend` in one. Where the tokens look at themselves, `project` is cheaper.
  public func callAsFunction(
    _ tape: Tape, _ x: Variable, positions: [Int32], seen: KeyValue, mask: AttentionMask?
  ) -> Variable {
    attend(tape, queries: queries(tape, x, positions: positions), seen: seen, mask: mask)
  }
}
