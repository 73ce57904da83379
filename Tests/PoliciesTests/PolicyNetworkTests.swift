import Episodes
import RecapAlgorithm
import Tensors
import Testing

@testable import Policies

@Suite struct PolicyNetworkTests {
  /// A batch with targets, from which single entries are then changed.
  struct Fixture {
    let policy: Policy
    let batch: ObservationBatch
    var targets: PolicyNetwork.Targets

    /// - Parameter padded: Whether texts are single bytes, so that shorter ones are padded.
    init(_ settings: PolicySettings = Toy.policySettings(), padded: Bool) throws {
      policy = try Toy.scrambled(settings, tokenizer: padded ? BytePairTokenizer() : nil)
      let episode = try Toy.noiseEpisode(1, steps: 6)
      let examples = try TrainingExamples(episodes: [episode], labels: [nil])
      batch = policy.inputs.batch(
        of: Array(0..<6), in: try policy.inputs.columns(of: examples))
      targets = try PolicyTrainer(
        policy: policy, examples: examples, settings: Toy.training(steps: 1), indicatorDropout: 0,
        seed: 1
      ).targets(of: Array(0..<6))
    }

    /// Subtask, action and flow loss.
    func losses() throws -> (subtask: Float, action: Float, flow: Float) {
      let tape = policy.tape
      tape.reset(recording: false)
      let losses = policy.network.losses(tape, batch, targets)
      return (
        tape.scalar(losses.subtasks[0]), tape.scalar(losses.action),
        tape.scalar(losses.flow)
      )
    }

    func outputs() throws -> (subtask: [Float], action: [Float], velocity: [Float]) {
      let tape = policy.tape
      tape.reset(recording: false)
      let outputs = policy.network.outputs(tape, batch, targets)
      return (
        tape.value(try #require(outputs.subtaskLogits)), tape.value(outputs.actionLogits),
        tape.value(outputs.velocity)
      )
    }

    mutating func setIndicator(_ indicator: AdvantageIndicator) {
      let tokens = policy.inputs.prompts.indicator(indicator)
      targets.indicatorTokens = (0..<batch.count).flatMap { _ in tokens }
    }

    /// Adds to one row of a parameter.
    func disturb(_ name: String, row: Int, by amount: Float = 1) throws {
      let store = policy.store
      let parameter = try #require(store.parameter(named: name))
      let width = store.shape(of: parameter)[1]
      var values = store.values(of: parameter)
      for index in row * width..<(row + 1) * width { values[index] += amount }
      store.setValues(of: parameter, to: values)
    }
  }

  @Test(arguments: [false, true])
  func theIndicatorReachesActionsButNotTheSubtask(padded: Bool) throws {
    var fixture = try Fixture(padded: padded)
    fixture.setIndicator(.positive)
    let positive = try fixture.losses()
    fixture.setIndicator(.negative)
    let negative = try fixture.losses()
    #expect(positive.subtask == negative.subtask)
    #expect(positive.action != negative.action)
    #expect(positive.flow != negative.flow)
  }

  /// What a place holds is not seen by what stands before it.
  @Test(arguments: [false, true])
  func whatIsWrittenComesFromWhatStandsBefore(padded: Bool) throws {
    var fixture = try Fixture(padded: padded)
    let before = try fixture.outputs()
    // The last token of each sample's subtask: its own prediction knows it, the one before does not.
    let slots = fixture.policy.inputs.prompts.subtaskSlots
    for sample in 0..<fixture.batch.count {
      let row = sample * slots..<(sample + 1) * slots
      let last = try #require(row.last { fixture.targets.subtaskTokens[$0] != 0 })
      fixture.targets.subtaskTokens[last] = 7
    }
    let after = try fixture.outputs()
    let vocabulary = before.subtask.count / (fixture.batch.count * slots)
    let first = 0..<vocabulary
    #expect(before.subtask[first] == after.subtask[first])
    #expect(before.subtask != after.subtask)
    #expect(before.action != after.action)
    #expect(before.velocity != after.velocity)
  }

  /// The expert does not see the FAST tokens, and they see only those before them.
  @Test(arguments: [false, true])
  func actionTokensReachOnlyLaterOnes(padded: Bool) throws {
    var fixture = try Fixture(padded: padded)
    let before = try fixture.outputs()
    let slots = fixture.policy.network.shape.actionSlots
    for sample in 0..<fixture.batch.count { fixture.targets.actionTokens[sample * slots + 2] = 5 }
    let after = try fixture.outputs()
    #expect(before.subtask == after.subtask)
    #expect(before.velocity == after.velocity)
    let vocabulary = fixture.policy.actionTokenizer.vocabularySize
    #expect(before.action[..<(2 * vocabulary)] == after.action[..<(2 * vocabulary)])
    let third = 2 * vocabulary..<3 * vocabulary
    #expect(before.action[third] != after.action[third])
  }

  @Test func paddingIsNotSeen() throws {
    let fixture = try Fixture(padded: true)
    #expect(fixture.batch.taskTokens.contains(BytePairTokenizer.pad), "the fixture must pad")
    let before = try fixture.losses()
    try fixture.disturb("encoder.text", row: Int(BytePairTokenizer.pad))
    let after = try fixture.losses()
    #expect(before.subtask == after.subtask)
    #expect(before.action == after.action)
    #expect(before.flow == after.flow)
  }

  /// Knowledge Insulation: the backbone's gradient is the same bit for bit whether or not the flow
  /// loss is there, although the flow loss depends on the backbone.
  @Test(arguments: [false, true])
  func theFlowLossSendsNoGradientIntoTheBackbone(padded: Bool) throws {
    var gradients: [[String: [Float]]] = []
    for weight in [0, 1] as [Float] {
      let fixture = try Fixture(
        Toy.policySettings { $0.flowLossWeight = weight }, padded: padded)
      let (tape, store) = (fixture.policy.tape, fixture.policy.store)
      tape.reset(recording: true)
      let losses = fixture.policy.network.losses(tape, fixture.batch, fixture.targets)
      store.zeroGradients()
      tape.backward(from: losses.total)
      var byName: [String: [Float]] = [:]
      for name in store.names {
        byName[name] = store.gradient(of: try #require(store.parameter(named: name)))
      }
      gradients.append(byName)
    }
    for (name, without) in gradients[0] {
      if name.hasPrefix("expert.") {
        #expect(without.allSatisfy { $0 == 0 }, "\(name)")
        #expect(gradients[1][name]?.contains { $0 != 0 } == true, "\(name)")
      } else {
        // Compared outside the macro, which would print thousands of numbers.
        let isSame = without == gradients[1][name]
        #expect(isSame, "\(name)")
      }
    }
    let fixture = try Fixture(padded: padded)
    let before = try fixture.losses().flow
    try fixture.disturb("backbone.layers.0.attention.qkv.weight", row: 0)
    #expect(try fixture.losses().flow != before)
  }

  /// Reading in passes with cached keys and values gives the velocity that training computes in one
  /// pass.
  @Test(arguments: [false, true])
  func actingComputesWhatTrainingComputes(padded: Bool) throws {
    var fixture = try Fixture(padded: padded)
    let (network, tape) = (fixture.policy.network, fixture.policy.tape)
    let time: Float = 0.4
    fixture.targets.times = fixture.targets.times.map { _ in time }
    tape.reset(recording: false)
    let prefix = network.prefix(tape, fixture.batch)
    let conditioning = network.conditioning(
      tape, prefix, subtasks: fixture.targets.subtaskTokens,
      indicators: [fixture.targets.indicatorTokens])
    let velocity = network.velocity(
      tape, conditioning, noised: fixture.targets.noised, time: time)
    #expect(try fixture.losses().flow > 1e-2)
    fixture.targets.velocities = velocity
    #expect(try fixture.losses().flow < 1e-9)
  }

  /// Writing token by token with cached keys and values gives the logits of training.
  @Test(arguments: [false, true])
  func writingComputesWhatTrainingComputes(padded: Bool) throws {
    let fixture = try Fixture(padded: padded)
    let (network, tape) = (fixture.policy.network, fixture.policy.tape)
    let logits = try fixture.outputs().subtask
    let slots = fixture.policy.inputs.prompts.subtaskSlots
    let vocabulary = logits.count / (fixture.batch.count * slots)
    tape.reset(recording: false)
    // Of two texts that differ in one token only, the likelier one is chosen.
    let written = (0..<fixture.batch.count).map { sample in
      Array(fixture.targets.subtaskTokens[sample * slots + 1..<(sample + 1) * slots])
        .filter { $0 != BytePairTokenizer.pad }
    }
    for place in 0..<(written.map(\.count).min() ?? 0) {
      let choices = written.map { text in
        let other: Int32 = text[place] == 9 ? 8 : 9
        return [text, text[..<place] + [other]]
      }
      let chosen = network.subtasks(tape, network.prefix(tape, fixture.batch), choices: choices)
      for (sample, texts) in choices.enumerated() {
        let row = (sample * slots + place) * vocabulary
        let known = logits[row + Int(texts[0][place])]
        let other = logits[row + Int(texts[1][place])]
        #expect(chosen[sample] == (known >= other ? 0 : 1))
      }
    }
  }

  @Test func observationsSeeEachOtherAndWritingIsCausal() {
    let layout = TokenLayout([.observed(2), .written(2), .written(0), .written(1)])
    #expect(layout.ranges == [0..<2, 2..<4, 4..<4, 4..<5])
    let expected = [
      [true, true, false, false, false],
      [true, true, false, false, false],
      [true, true, true, false, false],
      [true, true, true, true, false],
      [true, true, true, true, true],
    ]
    for (query, row) in expected.enumerated() {
      #expect(row.indices.map { layout.sees(query, $0) } == row)
    }
  }

  @Test func flowTimeEmbeddingIsSmoothAtLowFrequencies() {
    let embedding = ActionExpert.embedding([0, 1], 4)
    // Wavelengths 0.004 and 4: after η = 1 the first has turned 250 times, the second a quarter.
    #expect(isClose(Array(embedding[0..<4]), [0, 0, 1, 1], within: 1e-6))
    #expect(isClose(Array(embedding[4..<8]), [0, 1, 1, 0], within: 1e-3))
  }
}
