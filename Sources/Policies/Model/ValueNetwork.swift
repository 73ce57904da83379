import Networks
import Tensors

/// The value function's network. Letters as for `ModelShape`; d is its width.
struct ValueNetwork: Sendable {
  private let shape: ModelShape
  private let settings: ValueSettings
  private let layout: TokenLayout
  private let encoder: ObservationEncoder
  /// The value token, [1, d].
  private let valueToken: Parameter
  private let transformer: Transformer
  private let head: Linear

  init(_ store: ParameterStore, shape: ModelShape, settings: ValueSettings) {
    self.shape = shape
    self.settings = settings
    layout = TokenLayout([.observed(shape.observationTokens + 1)])
    encoder = ObservationEncoder(
      store, "encoder", shape, width: settings.network.width, vision: settings.vision)
    valueToken = store.add("value_token", [1, settings.network.width], .normal(1), decays: false)
    transformer = Transformer(store, "network", settings.network)
    head = Linear(
      store, "head", inputs: settings.network.width, outputs: settings.bins, initial: .zeros)
  }

  /// Logits of p(V | o, ℓ), [B, bins].
  func logits(_ tape: Tape, _ batch: ObservationBatch) -> Variable {
    let token = tape.embedding(
      table: valueToken, ids: Array(repeating: 0, count: batch.count), shape: [batch.count, 1])
    let last = layout.count - 1
    let (states, _) = transformer(
      tape, tape.concatenate(encoder(tape, batch) + [token]), tokens: 0..<layout.count, of: layout,
      outputs: last..<layout.count, padding: batch.padding(shape).flatMap { $0 + [false] })
    guard let states else { preconditionFailure("a value network has a value token") }
    return tape.reshape(head(tape, states), [batch.count, settings.bins])
  }
}
