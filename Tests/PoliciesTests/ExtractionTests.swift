import Episodes
import RecapAlgorithm
import Tensors
import Testing

@testable import Policies

/// The ways to make a policy that RECAP is compared with, on actions that go right (advantage 1) or
/// left (−1), whatever is observed.
@Suite struct ExtractionTests {
  private let examples: TrainingExamples

  init() throws {
    let twoWays = try LearningTests.twoWays()
    let labels = twoWays.episodes.map { episode in
      let way: Float = episode.actions[0] > 0 ? 1 : -1
      let none = [Float](repeating: 0, count: episode.count)
      return EpisodeLabels(
        values: none, advantages: none.map { _ in way }, positives: none.map { _ in way > 0 })
    }
    examples = try TrainingExamples(episodes: twoWays.episodes, labels: labels)
  }

  private func train(
    _ policy: Policy, _ weighting: ActionWeighting, steps: Int, rate: Float = 1e-2
  ) throws -> [[String: Double]] {
    let trainer = try PolicyTrainer(
      policy: policy, examples: examples, settings: Toy.training(steps: steps, rate: rate),
      indicatorDropout: 1, weighting: weighting, seed: 1)
    let metrics = try (0..<steps).map { _ in try trainer.step() }
    trainer.finish()
    return metrics
  }

  /// How many of 40 chunks begin to the right.
  private func rights(_ policy: Policy) throws -> Int {
    let requests = (1000..<1040).map { Toy.request(UInt64($0), indicator: .absent) }
    return try policy.chunks(for: requests).count { $0.values[0] > 0 }
  }

  @Test func imitationGoesBothWaysAndAdvantageWeightsPreferTheBetterOne() throws {
    let imitated = try Toy.policy()
    _ = try train(imitated, .uniform, steps: 250)
    #expect((8...32).contains(try rights(imitated)))
    let weighted = try Toy.policy()
    _ = try train(weighted, .advantage(temperature: 0.5, limit: 20), steps: 250)
    #expect(try rights(weighted) >= 35)
  }

  @Test func aTrustRegionKeepsThePolicyNearTheOneThatPractised() throws {
    let before = try Toy.policy()
    _ = try train(before, .uniform, steps: 250)
    let start = try before.checkpoint()
    func error(_ policy: Policy, _ way: Float) throws -> Float {
      // The mean of the flow-matching error of each way's actions, with the same noise for all.
      let trainer = try PolicyTrainer(
        policy: policy, examples: examples, settings: Toy.training(steps: 1), indicatorDropout: 1,
        seed: 5)
      let columns = try policy.inputs.columns(of: examples)
      let frames = (0..<examples.count).filter {
        examples.episodes[examples.episode(ofFrame: $0)].actions[0] * way > 0
      }
      let targets = trainer.targets(of: frames)
      let tape = Tape(policy.store)
      tape.reset(recording: false)
      let losses = policy.network.losses(
        tape, policy.inputs.batch(of: frames, in: columns), targets)
      return tape.scalar(losses.flow)
    }
    let narrow = try Policy(checkpoint: start)
    _ = try train(narrow, .trustRegion(0.01), steps: 60, rate: 2e-3)
    let wide = try Policy(checkpoint: start)
    let metrics = try train(wide, .trustRegion(0.5), steps: 60, rate: 2e-3)
    #expect(metrics.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    // Better actions become likelier against worse ones, and more so where there is room.
    let gains = try [before, narrow, wide].map { try error($0, -1) - error($0, 1) }
    #expect(gains[2] > gains[0] + 0.01)
    #expect(abs(gains[1] - gains[0]) < abs(gains[2] - gains[0]))
  }

  @Test func weightsNeedLabels() throws {
    let unlabelled = try TrainingExamples(
      episodes: examples.episodes, labels: examples.episodes.map { _ in nil })
    let error = try #require(throws: PolicyError.self) {
      try PolicyTrainer(
        policy: Toy.policy(), examples: unlabelled, settings: Toy.training(steps: 1),
        indicatorDropout: 1, weighting: .trustRegion(0.1), seed: 1)
    }
    #expect("\(error)".contains("no labels"))
  }

  @Test func weightsOfOneChangeNothing() throws {
    let plain = try Toy.policy()
    let even = try Toy.policy()
    // A temperature at which all weights are 1 up to rounding.
    let first = try train(plain, .uniform, steps: 2)
    let second = try train(even, .advantage(temperature: 1e9, limit: 20), steps: 2)
    #expect(first == second)
  }
}
