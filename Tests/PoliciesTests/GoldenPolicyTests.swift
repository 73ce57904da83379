import Networks
import Tensors
import Testing

@testable import Policies

/// The policy against `Golden`.
@Suite struct `The policy agrees with an independent implementation` {
  private static let settings = PolicySettings(
    backbone: TransformerSettings(
      width: 16, layers: 2, heads: 4, keyValueHeads: 2, headWidth: 6, feedForward: 24),
    expertWidth: 12, expertFeedForward: 20, chunkLength: 5, usesImages: true,
    usesEnvironmentState: true, patchSize: 4, flowLossWeight: 0.7)

  private static let shape = ModelShape(
    cameras: 2, patches: 8, patchWidth: 48, proprioception: 4, environmentState: 2, action: 3,
    textVocabulary: 270, taskSlots: 3, subtaskSlots: 4, indicatorSlots: 2, actionVocabulary: 21,
    actionSlots: 6)

  private struct Model {
    let golden: Golden
    let store = ParameterStore(seed: 1)
    let network: PolicyNetwork
    let tape: Tape

    init(
      _ fixture: String = "policy", _ settings: PolicySettings = settings,
      _ shape: ModelShape = shape
    ) throws {
      golden = try Golden(fixture)
      network = PolicyNetwork(store, shape: shape, settings: settings)
      tape = Tape(store)
      try golden.load(into: store)
    }

    /// Subtask, action, flow and total loss, with gradients.
    func losses() throws -> [Float] {
      tape.reset(recording: true)
      let losses = network.losses(tape, try golden.observations(), try golden.targets())
      store.zeroGradients()
      tape.backward(from: losses.total)
      return [losses.subtasks[0], losses.action, losses.flow, losses.total]
        .map { tape.scalar($0) }
    }

    /// Logits at places that predict, and velocities.
    func checkOutputs() throws {
      let targets = try golden.targets()
      tape.reset(recording: false)
      let outputs = network.outputs(tape, try golden.observations(), targets)
      for (logits, classes, name) in [
        (try #require(outputs.subtaskLogits), targets.subtaskTargets, "subtask_logits"),
        (outputs.actionLogits, targets.actionTargets, "fast_logits"),
      ] {
        let (ours, theirs) = (tape.value(logits), try golden.expected(name))
        let width = ours.count / classes.count
        for (row, target) in classes.enumerated() where target >= 0 {
          let range = row * width..<(row + 1) * width
          expectClose(Array(ours[range]), Array(theirs[range]), "\(name), row \(row)")
        }
      }
      expectClose(tape.value(outputs.velocity), try golden.expected("velocity"), "velocity")
    }
  }

  @Test func `in logits and velocities`() throws { try Model().checkOutputs() }

  @Test func `in losses and all gradients`() throws {
    let model = try Model()
    expectClose(try model.losses(), try model.golden.expected("losses"), "losses")
    try model.golden.checkGradients(of: model.store)
  }

  @Test func `in ten training steps`() throws {
    let model = try Model()
    let optimizer = AdamW(model.store)
    let losses = try model.golden.expected("step_losses")
    let norms = try model.golden.expected("step_norms")
    for step in 0..<10 {
      expectClose(
        try model.losses(), Array(losses[step * 4..<step * 4 + 4]), "losses, step \(step)")
      let norm = optimizer.step(learningRate: 3e-3, weightDecay: 0.01, clip: 1)
      expectClose([norm], [norms[step]], "gradient norm, step \(step)")
    }
    try model.golden.checkParametersAfter(model.store)
  }

  /// Keys and values are kept between observation, text and flow; the reference computes all anew.
  @Test func `in sampled chunks for β = 1 and β = 2`() throws {
    let model = try Model()
    let (golden, tape) = (model.golden, model.tape)
    let noise = try golden.input("sample_noise")
    let (positive, none) = (
      try golden.tokens("indicator_positive"), try golden.tokens("indicator_none")
    )
    for (guidance, name) in [(nil, "chunk_beta1"), ([2, 2, 2, 2], "chunk_beta2")]
      as [([Float]?, String)]
    {
      tape.reset(recording: false)
      let conditioning = model.network.conditioning(
        tape, model.network.prefix(tape, try golden.observations()),
        subtasks: try golden.tokens("subtask_tokens"),
        indicators: guidance == nil ? [positive] : [positive, none])
      let chunk = model.network.integrated(
        tape, conditioning, from: noise, guidance: guidance)
      expectClose(chunk, try golden.expected(name), "\(name)")
    }
  }

  /// Free choice among all tokens at every place is the same as greedy decoding.
  @Test func `in subtasks written token by token`() throws {
    let model = try Model()
    let decoded = try model.golden.file.int32s("expected.subtask_decoded", shape: [4, 3])
    // The decoded text of each sample among many others that differ from it somewhere.
    let texts = (0..<4).map { sample in
      Array(decoded[sample * 3..<sample * 3 + 3]).filter { $0 > 0 }
    }
    var random = RandomSource(seed: 1)
    let choices = texts.map { text in
      var others = (0..<200).map { _ in
        (0..<3).map { _ in Int32(1 + random.integer(below: 269)) }
      }
      for place in text.indices {
        others += (1..<270).map { text[..<place] + [Int32($0)] }.filter { $0 != text }
      }
      return others.filter { $0 != text } + [text]
    }
    model.tape.reset(recording: false)
    let chosen = model.network.subtasks(
      model.tape, model.network.prefix(model.tape, try model.golden.observations()),
      choices: choices)
    #expect(zip(choices, chosen).map { $0[$1] } == texts)
  }

  @Test func `with a vision tower`() throws {
    var settings = Self.settings
    settings.patchSize = 2
    settings.vision = VisionSettings(
      network: TransformerSettings(
        width: 8, layers: 1, heads: 2, keyValueHeads: 2, headWidth: 4, feedForward: 12),
      merge: 2)
    var shape = Self.shape
    (shape.cameras, shape.patches, shape.patchWidth, shape.patchesPerToken) = (1, 16, 12, 4)
    let model = try Model("policy_vision", settings, shape)
    try model.checkOutputs()
    expectClose(try model.losses(), try model.golden.expected("losses"), "losses")
    try model.golden.checkGradients(of: model.store)
  }
}
