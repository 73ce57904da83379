import Collectives
import Episodes
import RecapAlgorithm
import Tensors
import Testing

@testable import Policies

/// R ranks that share a batch of R · b samples take the steps that one takes with the whole of it.
@Suite struct RankTests {
  private static let steps = 10
  private static let settings = {
    var settings = Toy.training(steps: steps, batchSize: 32)
    settings.gradientClip = 0.5
    settings.stateNoise = 0.1
    return settings
  }()

  /// What a training leaves: weights, and the last step's metrics.
  private struct Outcome: Sendable {
    var weights: [Float]
    var metrics: [String: Double]

    init(_ store: ParameterStore, _ metrics: [String: Double]) {
      weights = store.names.compactMap(store.parameter(named:)).flatMap(store.values(of:))
      self.metrics = metrics
    }

    /// ‖w − w′‖ / ‖w′‖
    func distance(from other: Outcome) -> Double {
      let squares = zip(weights, other.weights).reduce(0) { sum, pair in
        sum + Double((pair.0 - pair.1) * (pair.0 - pair.1))
      }
      return (squares / other.weights.reduce(0) { $0 + Double($1 * $1) }).squareRoot()
    }
  }

  /// Frames with subtasks and frames without, so that ranks have unequal numbers of tokens to predict.
  private static func examples() throws -> TrainingExamples {
    let episodes = try (0..<12).map { number in
      try Toy.noiseEpisode(
        UInt64(number), task: number.isMultiple(of: 3) ? Toy.wipe : Toy.pour,
        // Chunks are cut off at the ends of episodes, where their actions do not count.
        steps: 3 + number)
    }
    return try TrainingExamples(
      episodes: episodes,
      labels: episodes.map { episode in
        let values = (0..<episode.count).map { Float($0 % 3) - 1 }
        return EpisodeLabels(
          values: values, advantages: values, positives: values.map { $0 > 0 })
      })
  }

  private static func policy(
    _ communicator: (any Communicator)?, _ weighting: ActionWeighting
  ) throws -> Outcome {
    let policy = try Toy.scrambled()
    let trainer = try PolicyTrainer(
      policy: policy, examples: examples(), settings: settings, indicatorDropout: 0.3,
      weighting: weighting, communicator: communicator, seed: 7)
    var metrics: [String: Double] = [:]
    for _ in 0..<steps { metrics = try trainer.step() }
    trainer.finish()
    return Outcome(policy.store, metrics)
  }

  /// With co-training: the pairs of a step are few, so some ranks and slices have none.
  private static func value(_ communicator: (any Communicator)?) throws -> Outcome {
    var random = RandomSource(seed: 3)
    let pairs = ImageTextPairs(
      width: 8, height: 8,
      pairs: (0..<6).map { number in
        (
          (0..<192).map { _ in UInt8(random.integer(below: 256)) },
          number.isMultiple(of: 2) ? "bright" : "a rather dark picture"
        )
      })
    let episodes = try (0..<6).map {
      try Toy.noiseEpisode(UInt64($0), embodiment: Toy.seeing, steps: 4 + $0)
    }
    let value = try ValueFunction(
      settings: ValueSettings(
        network: Toy.transformer, bins: 21, usesImages: true, usesEnvironmentState: true,
        patchSize: 4,
        coTraining: CoTrainingSettings(folder: "/pairs", share: 0.1, weight: 1, captionTokens: 8)),
      learningFrom: episodes, captions: pairs.captions, seed: 1)
    Toy.scramble(value.store)
    let trainer = try ValueTrainer(
      value: value, episodes: episodes, pairs: pairs, settings: settings, failureCost: nil,
      communicator: communicator, seed: 7)
    var metrics: [String: Double] = [:]
    for _ in 0..<steps { metrics = try trainer.step() }
    trainer.finish()
    return Outcome(value.store, metrics)
  }

  private func compare(
    ranks: Int, _ train: @escaping @Sendable ((any Communicator)?) throws -> Outcome
  ) throws {
    let alone = try train(nil)
    let together = try InProcessCommunicator.run(ranks: ranks) { try train($0) }
    #expect(together.count == ranks)
    for outcome in together {
      #expect(outcome.weights == together[0].weights)
      #expect(outcome.metrics.keys.sorted() == alone.metrics.keys.sorted())
      for (name, metric) in alone.metrics {
        let other = try #require(outcome.metrics[name])
        #expect(abs(other - metric) <= 1e-5 * max(abs(metric), 1), "\(name)")
      }
      // One process has two lanes, whose gradients it adds as two ranks do.
      if ranks == 2 {
        #expect(outcome.weights == alone.weights)
      } else {
        #expect(outcome.distance(from: alone) <= 1e-5)
      }
    }
  }

  @Test(arguments: [2, 3, 4])
  func ranksTrainThePolicyOfOne(ranks: Int) throws {
    try compare(ranks: ranks) { try Self.policy($0, .uniform) }
  }

  @Test func ranksShareATrustRegion() throws {
    try compare(ranks: 2) { try Self.policy($0, .trustRegion(0.1)) }
  }

  @Test(arguments: [2, 4])
  func ranksTrainTheValueFunctionOfOne(ranks: Int) throws {
    try compare(ranks: ranks) { try Self.value($0) }
  }

  @Test func aBatchHasASampleForEachRank() throws {
    let messages = try InProcessCommunicator.run(ranks: 3) { communicator in
      let error = #expect(throws: PolicyError.self) {
        try PolicyTrainer(
          policy: Toy.policy(), examples: Self.examples(),
          settings: Toy.training(steps: 1, batchSize: 2), indicatorDropout: 0,
          communicator: communicator, seed: 1)
      }
      return error.map { "\($0)" } ?? ""
    }
    #expect(messages.allSatisfy { $0.contains("batchSize is 2, which 3 ranks cannot share") })
  }
}
