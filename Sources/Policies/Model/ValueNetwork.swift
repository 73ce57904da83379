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
  /// nil without co-training.
  private let captionHead: Linear?

  init(_ store: ParameterStore, shape: ModelShape, settings: ValueSettings) {
    self.shape = shape
    self.settings = settings
    layout = TokenLayout([.observed(shape.observationTokens + 1)])
    let width = settings.network.width
    encoder = ObservationEncoder(store, "encoder", shape, width: width, vision: settings.vision)
    valueToken = store.add("value_token", [1, width], .normal(1), decays: false)
    transformer = Transformer(store, "network", settings.network)
    head = Linear(store, "head", inputs: width, outputs: settings.bins, initial: .zeros)
    captionHead = settings.coTraining.map { _ in
      Linear(
        store, "caption_head", inputs: width, outputs: shape.textVocabulary, bias: false,
        initial: .zeros)
    }
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

  /// Logits of the token behind each place of a caption, [C, S, text vocabulary].
  ///
  /// - Precondition: The settings ask for co-training.
  func captionLogits(_ tape: Tape, _ batch: CaptionBatch) -> Variable {
    guard let captionHead else { preconditionFailure("captions are read only with co-training") }
    let image = encoder.firstCamera(tape, batch.patches, samples: batch.count)
    let seen = tape.shape(image)[1]
    let slots = batch.tokens.count / batch.count
    let layout = TokenLayout([.observed(seen), .written(slots)])
    let padding = (0..<batch.count).flatMap { sample in
      Array(repeating: false, count: seen)
        + batch.tokens[sample * slots..<(sample + 1) * slots].map { $0 == shape.pad }
    }
    let text = encoder.embed(tape, batch.tokens, samples: batch.count)
    let (states, _) = transformer(
      tape, tape.concatenate([image, text]), tokens: 0..<layout.count, of: layout,
      outputs: seen..<layout.count, padding: padding)
    guard let states else { preconditionFailure("a caption has places") }
    return captionHead(tape, states)
  }

  /// The mean of −log p(token) over all places that predict one, or a slice's share in it.
  ///
  /// - Parameter total: Such places in the whole batch; nil where this is one.
  /// - Precondition: The settings ask for co-training.
  func captionLoss(_ tape: Tape, _ batch: CaptionBatch, total: Float? = nil) -> Variable {
    tape.softmaxCrossEntropy(
      logits: captionLogits(tape, batch), targets: batch.targets, total: total)
  }
}
