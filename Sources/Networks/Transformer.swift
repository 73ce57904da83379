import Tensors

/// The keys and values of one layer: [B, T, keyValueHeads × headWidth] each.
public struct KeyValue: Sendable {
  public var key: Variable
  public var value: Variable

  public init(key: Variable, value: Variable) {
    self.key = key
    self.value = value
  }

  /// Only the tokens in `rows`.
  public func rows(_ rows: Range<Int>, on tape: Tape) -> KeyValue {
    KeyValue(key: tape.slice(key, rows: rows), value: tape.slice(value, rows: rows))
  }

  /// With another block of tokens behind.
  public func appending(_ other: KeyValue, on tape: Tape) -> KeyValue {
    KeyValue(
      key: tape.concatenate([key, other.key]), value: tape.concatenate([value, other.value]))
  }

  /// The whole batch several times, one after the other.
  public func repeated(_ times: Int, on tape: Tape) -> KeyValue {
    func repeated(_ x: Variable) -> Variable {
      let shape = tape.shape(x)
      // Samples are contiguous: as one long sample the batch can be concatenated with itself.
      let long = tape.reshape(x, [1, shape[0] * shape[1], shape[2]])
      return tape.reshape(
        tape.concatenate(Array(repeating: long, count: times)),
        [shape[0] * times, shape[1], shape[2]])
    }
    return KeyValue(key: repeated(key), value: repeated(value))
  }

  /// As a constant: gradients end here.
  public func stoppingGradient(on tape: Tape) -> KeyValue {
    KeyValue(key: tape.stopGradient(key), value: tape.stopGradient(value))
  }
}

/// One pre-norm layer: x + attention(norm(x)), then x + feedForward(norm(x)).
public struct TransformerLayer: Sendable {
  private let attentionNorm: RMSNorm
  private let attention: Attention
  private let feedForwardNorm: RMSNorm
  private let feedForward: GatedMLP

  public init(_ store: ParameterStore, _ name: String, _ settings: TransformerSettings) {
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
  public func callAsFunction(
    _ tape: Tape, _ x: Variable, positions: [Int32], past: KeyValue?, rows: Range<Int>,
    mask: AttentionMask?
  ) -> (states: Variable?, keyValue: KeyValue) {
    let (queries, own) = attention.project(
      tape, attentionNorm(tape, x), positions: positions, rows: rows)
    guard let queries else { return (nil, own) }
    let attended = attention.attend(
      tape, queries: queries, seen: past?.appending(own, on: tape) ?? own, mask: mask)
    let isWhole = rows.count == positions.count
    let state = tape.add(isWhole ? x : tape.slice(x, rows: rows), attended)
    return (tape.add(state, feedForward(tape, feedForwardNorm(tape, state))), own)
  }
}

/// A stack of layers and a last norm.
public struct Transformer: Sendable {
  private let layers: [TransformerLayer]
  private let norm: RMSNorm

  public init(_ store: ParameterStore, _ name: String, _ settings: TransformerSettings) {
    layers = (0..<settings.layers).map { TransformerLayer(store, "\(name).layers.\($0)", settings) }
    norm = RMSNorm(store, "\(name).norm", width: settings.width)
  }

  /// Runs tokens through all layers.
  ///
  /// - Parameters:
  ///   - x: [B, T, width]
  ///   - positions: Rotary positions, [T].
  ///   - past: By layer, keys and values of P tokens in front, which these tokens may see too.
  ///   - outputs: The rows of `x` whose final states are wanted; the last layer skips the others.
  ///   - mask: Of all T rows, looking at P + T tokens; nil where all is seen.
  ///   - outputMask: The same of the `outputs` rows alone.
  /// - Returns: Normalised final states, [B, outputs, width] (nil for no outputs), and these
  ///   tokens' keys and values by layer.
  public func callAsFunction(
    _ tape: Tape, _ x: Variable, positions: [Int32], past: [KeyValue]? = nil,
    outputs: Range<Int>, mask: AttentionMask?, outputMask: AttentionMask?
  ) -> (states: Variable?, keyValues: [KeyValue]) {
    var state: Variable? = x
    var keyValues: [KeyValue] = []
    for (index, layer) in layers.enumerated() {
      guard let input = state else { break }
      let isLast = index == layers.count - 1
      let result = layer(
        tape, input, positions: positions, past: past?[index],
        rows: isLast ? outputs : 0..<positions.count, mask: isLast ? outputMask : mask)
      state = result.states
      keyValues.append(result.keyValue)
    }
    return (state.map { norm(tape, $0) }, keyValues)
  }
}
