import ArgumentParser
import Collectives
import Episodes
import Networks
import Policies
import RecapAlgorithm
import Tensors

/// Compares the weights that ranks get together with those of one rank alone.
struct RankCheck {
  private static let steps = 10
  private static let tolerance = 1e-5

  private let communicator: any Communicator
  private let threads: Int
  private let episodes: [Episode]
  private let settings = TrainingSettings(
    steps: steps, batchSize: 48, learningRate: 3e-3, warmupSteps: 2, stateNoise: 0.05)

  init(_ communicator: any Communicator, threads: Int) throws {
    self.communicator = communicator
    self.threads = threads
    let maker = try BenchEpisode(steps: 30, cameras: 1)
    episodes = try (0..<4).map { try EpisodeFile.parse(try maker.file($0).bytes) }
  }

  /// - Throws: Exit status 1, on all ranks, where the weights differ.
  func run() throws {
    let policies = try (trained(policyWith: communicator), trained(policyWith: nil))
    let values = try (trained(valueWith: communicator), trained(valueWith: nil))
    var worst = 0.0
    for (name, pair) in [("policy", policies), ("value function", values)] {
      let difference = Self.difference(pair.0, pair.1)
      worst = max(worst, difference)
      let isEqual = pair.0 == pair.1 ? ", bit for bit equal" : ""
      print(
        "rank \(communicator.rank) of \(communicator.count): the \(name)'s weights differ by "
          + "\(difference)\(isEqual)")
    }
    // NaN is not close either.
    let failures = communicator.sum([worst <= Self.tolerance ? 0 : 1])[0]
    if failures > 0 { throw ExitCode.failure }
  }

  /// The weights of a policy after some steps.
  private func trained(policyWith communicator: (any Communicator)?) throws -> [Float] {
    let policy = try Policy(settings: BenchEpisode.policy, learningFrom: episodes, seed: 1)
    let trainer = try PolicyTrainer(
      policy: policy,
      examples: TrainingExamples(episodes: episodes, labels: episodes.map { _ in nil }),
      settings: settings, indicatorDropout: 0.3, threads: threads, communicator: communicator,
      seed: 1)
    for _ in 0..<Self.steps { _ = try trainer.step() }
    trainer.finish()
    return try Self.weights(policy.checkpoint())
  }

  /// The weights of a value function after some steps.
  private func trained(valueWith communicator: (any Communicator)?) throws -> [Float] {
    let shape = BenchEpisode.policy
    let value = try ValueFunction(
      settings: ValueSettings(
        network: shape.backbone, usesImages: true, usesEnvironmentState: false,
        patchSize: shape.patchSize), learningFrom: episodes, seed: 1)
    let trainer = try ValueTrainer(
      value: value, episodes: episodes, settings: settings, failureCost: nil, threads: threads,
      communicator: communicator, seed: 1)
    for _ in 0..<Self.steps { _ = try trainer.step() }
    trainer.finish()
    return try Self.weights(value.checkpoint())
  }

  private static func weights(_ checkpoint: CheckpointFiles) throws -> [Float] {
    let file = try SafetensorsFile(parsing: checkpoint.files["model.safetensors"] ?? [])
    return try file.names.flatMap { try file.floats($0) }
  }

  /// ‖w − w′‖ / ‖w′‖
  private static func difference(_ some: [Float], _ others: [Float]) -> Double {
    let squares = zip(some, others).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    return (squares / others.reduce(0) { $0 + Double($1) * Double($1) }).squareRoot()
  }
}
