import Networks
import RecapAlgorithm
import Tensors
import Testing

@testable import Policies

/// The value function against `Golden`.
@Suite struct `The value function agrees with an independent implementation` {
  private let golden: Golden
  private let store = ParameterStore(seed: 1)
  private let network: ValueNetwork
  private let tape: Tape

  init() throws {
    golden = try Golden("value")
    network = ValueNetwork(store, shape: GoldenValue.shape, settings: GoldenValue.settings())
    tape = Tape(store)
    try golden.load(into: store)
  }

  private func loss() throws -> Float {
    tape.reset(recording: true)
    let loss = tape.softmaxCrossEntropy(
      logits: network.logits(tape, try golden.observations()), targets: try golden.tokens("bins"))
    store.zeroGradients()
    tape.backward(from: loss)
    return tape.scalar(loss)
  }

  @Test func `in logits, distribution and value`() throws {
    tape.reset(recording: false)
    let logits = network.logits(tape, try golden.observations())
    expectClose(tape.value(logits), try golden.expected("logits"), "logits")
    let probabilities = tape.value(tape.softmax(logits))
    expectClose(probabilities, try golden.expected("probabilities"), "probabilities")
    expectClose(
      ValueBins(count: 11).expectations(of: probabilities), try golden.expected("value"), "value")
  }

  @Test func `in loss and all gradients`() throws {
    expectClose([try loss()], try golden.expected("loss"), "loss")
    try golden.checkGradients(of: store)
  }

  @Test func `in ten training steps`() throws {
    let optimizer = AdamW(store)
    let losses = try golden.expected("step_losses")
    for step in 0..<10 {
      expectClose([try loss()], [losses[step]], "loss, step \(step)")
      optimizer.step(learningRate: 3e-3, weightDecay: 0.01, clip: 1)
    }
    try golden.checkParametersAfter(store)
  }
}

/// Co-training on image–text pairs against `Golden`.
@Suite struct `Captions agree with an independent implementation` {
  private let golden: Golden
  private let store = ParameterStore(seed: 1)
  private let network: ValueNetwork
  private let tape: Tape

  init() throws {
    golden = try Golden("value")
    network = ValueNetwork(
      store, shape: GoldenValue.shape,
      settings: GoldenValue.settings(CoTrainingSettings(folder: "", captionTokens: 5)))
    tape = Tape(store)
    try golden.load(into: store)
  }

  private func captions() throws -> CaptionBatch {
    CaptionBatch(
      count: 4, patches: try golden.input("caption_patches"),
      tokens: try golden.tokens("caption_tokens"), targets: try golden.tokens("caption_targets"))
  }

  @Test func `in logits and loss`() throws {
    tape.reset(recording: false)
    let batch = try captions()
    let logits = tape.value(network.captionLogits(tape, batch))
    let expected = try golden.expected("caption_logits")
    let width = GoldenValue.shape.textVocabulary
    // Elsewhere nothing is predicted.
    let rows = batch.targets.indices.filter { batch.targets[$0] >= 0 }
    func kept(_ logits: [Float]) -> [Float] {
      rows.flatMap { logits[$0 * width..<($0 + 1) * width] }
    }
    expectClose(kept(logits), kept(expected), "caption logits")
    let loss = tape.scalar(network.captionLoss(tape, batch))
    expectClose([loss], try golden.expected("caption_loss"), "caption loss")
  }

  @Test func `in all gradients of both losses`() throws {
    tape.reset(recording: true)
    let value = tape.softmaxCrossEntropy(
      logits: network.logits(tape, try golden.observations()), targets: try golden.tokens("bins"))
    let caption = network.captionLoss(tape, try captions())
    store.zeroGradients()
    tape.backward(from: tape.weightedSum([(value, 1), (caption, 0.5)]))
    try golden.checkGradients(of: store, prefix: "expected.cotraining_gradient.")
    #expect(
      store.names.allSatisfy { golden.file.names.contains("expected.cotraining_gradient.\($0)") })
  }
}

/// The value function of the fixture.
private enum GoldenValue {
  static let shape = ModelShape(
    cameras: 2, patches: 8, firstCameraPatches: 4, patchWidth: 48, proprioception: 4,
    environmentState: 2, action: 3, textVocabulary: 270, taskSlots: 3)

  static func settings(_ coTraining: CoTrainingSettings? = nil) -> ValueSettings {
    ValueSettings(
      network: TransformerSettings(
        width: 16, layers: 2, heads: 2, keyValueHeads: 1, headWidth: 8, feedForward: 24),
      bins: 11, usesImages: true, usesEnvironmentState: true, patchSize: 4, coTraining: coTraining)
  }
}
