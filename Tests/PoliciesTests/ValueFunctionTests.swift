import Episodes
import RecapAlgorithm
import Tensors
import Testing

@testable import Policies

@Suite struct ValueFunctionTests {
  static func settings(splitsReturns: Bool = false) -> ValueSettings {
    ValueSettings(
      network: Toy.transformer, usesImages: false, usesEnvironmentState: true,
      splitsReturns: splitsReturns)
  }

  static func value(_ settings: ValueSettings = settings()) throws -> ValueFunction {
    try ValueFunction(
      settings: settings, embodiment: Toy.embodiment,
      prompts: Prompts(tasks: [Toy.pour, Toy.wipe]),
      normalization: Toy.unit(Toy.embodiment), seed: 1)
  }

  /// Progress is the first state feature; whether the episode will fail shows in the first
  /// environment feature.
  static func episode(_ number: Int, fails: Bool) throws -> Episode {
    try Toy.episode("e\(number)", outcome: fails ? .failure : .success, steps: 12) { step in
      var observation = Toy.observation(UInt64(number * 100 + step))
      observation.proprioception[0] = Float(step) / 6 - 1
      observation.environmentState[0] = fails ? 1 : -1
      return (observation, [0, 0], nil)
    }
  }

  @Test(arguments: [false, true])
  func learnsReturns(splitsReturns: Bool) throws {
    let value = try Self.value(Self.settings(splitsReturns: splitsReturns))
    let episodes = try (0..<20).map { try Self.episode($0, fails: $0.isMultiple(of: 2)) }
    let others = try (20..<30).map { try Self.episode($0, fails: $0.isMultiple(of: 2)) }
    let trainer = try ValueTrainer(
      value: value, episodes: episodes, heldOut: others,
      settings: Toy.training(steps: 250, rate: 1e-2), failureCost: nil, seed: 1)
    let before = try trainer.validationMetrics()
    let losses = try (0..<250).map { _ in try #require(try trainer.step()["loss"]) }
    let after = try trainer.validationMetrics()
    #expect(try #require(before["validation R2"]) < 0.3)
    #expect(try #require(after["validation R2"]) > 0.9)
    #expect(
      try #require(after["validation loss"]) < 0.6 * #require(before["validation loss"]))
    trainer.finish()
    #expect(losses[249] < 0.5 * losses[0])
    let success = try value.values(of: Self.episode(100, fails: false))
    let failure = try value.values(of: Self.episode(101, fails: true))
    // 12 steps of a limit of 12: the return of step t is −(11 − t) / 12.
    for (step, estimate) in success.enumerated() {
      #expect(abs(estimate + Float(11 - step) / 12) < 0.15, "step \(step)")
    }
    #expect(failure.allSatisfy { $0 < -0.85 && $0 >= -1 })
  }

  @Test func aFreshValueFunctionIsUndecided() throws {
    let values = try Self.value().values(of: Self.episode(1, fails: false))
    #expect(isClose(values, Array(repeating: -0.5, count: 12), within: 1e-3))
  }

  @Test func checkpointGivesTheSameValues() throws {
    let value = try Self.value()
    Toy.scramble(value.store)
    let episode = try Self.episode(1, fails: false)
    let restored = try ValueFunction(checkpoint: value.checkpoint())
    #expect(try restored.values(of: episode) == value.values(of: episode))
    #expect(try restored.checkpoint() == value.checkpoint())
    #expect(throws: PolicyError.self) { try Policy(checkpoint: value.checkpoint()) }
  }

  /// Two-hot by hand: a return half-way between two of three bins (values −1, −0.5, 0) costs the
  /// mean of both cross-entropies.
  @Test func splitReturnsAreTwoHot() throws {
    var settings = Self.settings(splitsReturns: true)
    settings.bins = 3
    let value = try Self.value(settings)
    value.tape.reset(recording: false)
    let logits = value.tape.constant([2, 3], [0, 1, 2, 0, 1, 2])
    let loss = value.tape.scalar(
      ReturnTarget(bins: value.bins, splits: value.settings.splitsReturns)
        .loss(value.tape, logits, [-0.25, -1], total: 2))
    // log(1 + e + e²) = 2.407606; −log p = 2.407606 − logit.
    let expected = ((1.407606 + 0.407606) / 2 + 2.407606) / 2 as Float
    #expect(isClose([loss], [expected], within: 1e-5))
  }

  @Test func taskTextMatters() throws {
    let value = try Self.value()
    Toy.scramble(value.store)
    let pour = try Self.episode(1, fails: false)
    let wipe = try Toy.episode(task: Toy.wipe, steps: 12) {
      (pour.observation(at: $0), [0, 0], nil)
    }
    #expect(!isClose(try value.values(of: pour), try value.values(of: wipe), within: 1e-4))
  }

  @Test func foreignEpisodesAreRefused() throws {
    let value = try Self.value()
    var other = Toy.embodiment
    other.actionWidth = 1
    #expect(throws: PolicyError.self) {
      try value.values(of: Toy.noiseEpisode(1, embodiment: other, steps: 2))
    }
    var mow = Toy.pour
    mow.name = "mow"
    #expect(throws: PolicyError.self) {
      try value.values(of: Toy.noiseEpisode(1, task: mow, steps: 2))
    }
  }
}
