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
      batch = policy.network.inputs.batch(
        of: Array(0..<6), in: try policy.network.inputs.columns(of: examples))
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
        tape.scalar(try #require(losses.subtask)), tape.scalar(losses.action),
        tape.scalar(losses.flow)
      )
    }

    mutating func setIndicator(_ indicator: AdvantageIndicator) {
      let tokens = policy.network.inputs.prompts.indicator(indicator)
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

  @Test(arguments: [false, true])
  func theSubtaskTextReachesActionsButNotItsOwnReadout(padded: Bool) throws {
    var fixture = try Fixture(padded: padded)
    let before = try fixture.losses()
    let other = fixture.policy.network.inputs.prompts.noSubtaskTokens
    fixture.targets.subtaskTokens = (0..<fixture.batch.count).flatMap { _ in other }
    let after = try fixture.losses()
    #expect(before.subtask == after.subtask)
    #expect(before.action != after.action)
    #expect(before.flow != after.flow)
  }

  @Test(arguments: [false, true])
  func nobodySeesAReadout(padded: Bool) throws {
    let fixture = try Fixture(padded: padded)
    let before = try fixture.losses()
    try fixture.disturb("backbone.readouts", row: 0)
    let subtask = try fixture.losses()
    #expect(subtask.subtask != before.subtask)
    #expect(subtask.action == before.action)
    #expect(subtask.flow == before.flow)
    try fixture.disturb("backbone.readouts", row: 0, by: -1)
    try fixture.disturb("backbone.readouts", row: 1)
    let action = try fixture.losses()
    #expect(isClose([action.subtask], [before.subtask], within: 1e-5))
    #expect(action.action != before.action)
    #expect(isClose([action.flow], [before.flow], within: 1e-5))
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

  @Test func theExpertNeverSeesTheActionReadout() throws {
    let layout = try Toy.policy().network.layout
    #expect(layout.visible == layout.count - 2)
    for query in 0..<layout.count {
      for key in layout.visible..<layout.count where key != query {
        #expect(!layout.sees(query, key))
      }
    }
  }

  @Test func groupsSeeTheirOwnAndEarlierOnes() {
    let layout = TokenLayout([
      .init(count: 2, group: 0), .init(count: 1, group: 0, isReadout: true),
      .init(count: 1, group: 1), .init(count: 1, group: 2, isReadout: true),
    ])
    // In memory: two of group 0, one of group 1, then the two read-outs.
    #expect(layout.positions == [0, 1, 3, 2, 4])
    #expect(layout.ranges == [0..<2, 3..<4, 2..<3, 4..<5])
    let expected = [
      [true, true, false, false, false],
      [true, true, false, false, false],
      [true, true, true, false, false],
      [true, true, false, true, false],
      [true, true, true, false, true],
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
