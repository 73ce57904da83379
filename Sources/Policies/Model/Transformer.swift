import Networks
import Tensors

/// The keys and values of one layer: [B, T, keyValueHeads × headWidth] each.
struct KeyValue {
  var key: Variable
  var value: Variable

  /// Only the tokens in `rows`.
  func rows(_ rows: Range<Int>, on tape: Tape) -> KeyValue {
    KeyValue(key: tape.slice(key, rows: rows), value: tape.slice(value, rows: rows))
  }

  /// With another block of tokens behind.
  func appending(_ other: KeyValue, on tape: Tape) -> KeyValue {
    KeyValue(
      key: tape.concatenate([key, other.key]), value: tape.concatenate([value, other.value]))
  }

  /// As a constant: gradients end here.
  func stoppingGradient(on tape: Tape) -> KeyValue {
    KeyValue(key: tape.stopGradient(key), value: tape.stopGradient(value))
  }
}

extension Attention {
  init(_ store: ParameterStore, _ name: String, _ settings: TransformerSettings) {
    self.init(
      store, name, width: settings.width, heads: settings.heads,
      keyValueHeads: settings.keyValueHeads, headWidth: settings.headWidth)
  }

  /// Keys and values of tokens x [B, T, width] at `positions` [T].
  func keyValue(_ tape: Tape, _ x: Variable, positions: [Int32]) -> KeyValue {
    let (keys, values) = keysAndValues(tape, x, positions: positions)
    return KeyValue(key: keys, value: values)
  }

  /// - Parameters:
  ///   - x: The tokens that look, [B, Tq, width], normalised.
  ///   - positions: [Tq]
  ///   - seen: What they look at, Tk tokens.
  ///   - mask: [Tq, Tk] or [B, Tq, Tk]; nil where all is seen.
  /// - Returns: [B, Tq, width]
  func callAsFunction(
    _ tape: Tape, _ x: Variable, positions: [Int32], seen: KeyValue, mask: AttentionMask?
  ) -> Variable {
    attend(
      tape, queries: queries(tape, x, positions: positions), keys: seen.key, values: seen.value,
      mask: mask)
  }
}

/// One pre-norm layer: x + attention(norm(x)), then x + feedForward(norm(x)).
struct TransformerLayer {
  private let attentionNorm: RMSNorm
  private let attention: Attention
  private let feedForwardNorm: RMSNorm
  private let feedForward: GatedMLP

  init(_ store: ParameterStore, _ name: String, _ settings: TransformerSettings) {
    attentionNorm = RMSNorm(store, "\(name).attention_norm", width: settings.width)
    attention = Attention(store, "\(name).attention", settings)
    feedForwardNorm = RMSNorm(store, "\(name).feed_forward_norm", width: settings.width)
    feedForward = GatedMLP(
      store, "\(name).feed_forward", width: settings.width, feedForward: settings.feedForward)
  }

  /// - Parameters:
  ///   - x: [B, T, width]
  ///   - positions: [T]
  ///   - past: Keys and values of tokens in front, which these tokens may see too.
  ///   - rows: The tokens whose new state is wanted; a last layer need not compute the others'.
  ///   - mask: Of `rows`, looking at `past` and these tokens.
  /// - Returns: The new states, [B, rows, width] (nil for no rows), and these tokens' keys and
  ///   values.
  func callAsFunction(
    _ tape: Tape, _ x: Variable, positions: [Int32], past: KeyValue?, rows: Range<Int>,
    mask: AttentionMask?
  ) -> (states: Variable?, keyValue: KeyValue) {
    let normed = attentionNorm(tape, x)
    let own = attention.keyValue(tape, normed, positions: positions)
    guard !rows.isEmpty else { return (nil, own) }
    let isWhole = rows.count == positions.count
    let seen = past?.appending(own, on: tape) ?? own
    let attended = attention(
      tape, isWhole ? normed : tape.slice(normed, rows: rows), positions: Array(positions[rows]),
      seen: seen, mask: mask)
    let state = tape.add(isWhole ? x : tape.slice(x, rows: rows), attended)
    return (tape.add(state, feedForward(tape, feedForwardNorm(tape, state))), own)
  }
}

/// A stack of layers and a last norm.
struct Transformer {
  private let layers: [TransformerLayer]
  private let norm: RMSNorm

  init(_ store: ParameterStore, _ name: String, _ settings: TransformerSettings) {
    layers = (0..<settings.layers).map { TransformerLayer(store, "\(name).layers.\($0)", settings) }
    norm = RMSNorm(store, "\(name).norm", width: settings.width)
  }

  /// Runs tokens through all layers.
  ///
  /// - Parameters:
  ///   - x: [B, T, width]
  ///   - tokens: Which tokens of the layout these are, [T].
  ///   - past: By layer, keys and values of tokens in front; `pastTokens` says which.
  ///   - outputs: The rows of `x` whose final states are wanted.
  ///   - padding: By sample and token, past ones first: whether it is padding.
  /// - Returns: Normalised final states, [B, outputs, width] (nil for no outputs), and keys and
  ///   values by layer.
  func callAsFunction(
    _ tape: Tape, _ x: Variable, tokens: [Int], layout: TokenLayout,
    past: (tokens: [Int], keyValues: [KeyValue])? = nil, outputs: Range<Int>, padding: [Bool]?
  ) -> (states: Variable?, keyValues: [KeyValue]) {
    let positions = tokens.map { layout.positions[$0] }
    let keys = (past?.tokens ?? []) + tokens
    let mask = layout.mask(queries: tokens, keys: keys, padding: padding)
    let lastMask = layout.mask(queries: Array(tokens[outputs]), keys: keys, padding: padding)
    var state: Variable? = x
    var keyValues: [KeyValue] = []
    for (index, layer) in layers.enumerated() {
      guard let input = state else { break }
      let isLast = index == layers.count - 1
      let result = layer(
        tape, input, positions: positions, past: past?.keyValues[index],
        rows: isLast ? outputs : 0..<tokens.count, mask: isLast ? lastMask : mask)
      state = result.states
      keyValues.append(result.keyValue)
    }
    return (state.map { norm(tape, $0) }, keyValues)
  }
}
