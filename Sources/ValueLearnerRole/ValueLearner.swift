import Configuration
import Episodes
import Executors
import Logging
import Messaging
import Policies
import RecapAlgorithm
import RoleRuntime

/// The value learner: fits the distributional value function to the returns of a dataset (paper, Equation 1).
///
/// The arithmetic runs on this actor's own thread.
public actor ValueLearner: Learner {
  public nonisolated let jobs: JobSource
  public nonisolated let shelf: TrainingShelf?
  public nonisolated let threads: TrainingThreads
  private let log = Logger(label: "recap.value-learner")
  private let executor = ThreadExecutor(name: "value-learner")

  /// - Parameters:
  ///   - shelf: Keeps the state of the training at hand; nil to start interrupted jobs anew, and on ranks that help.
  ///   - threads: Threads of its arithmetic.
  public init(
    _ jobs: JobSource, shelf: TrainingShelf? = nil, threads: TrainingThreads = TrainingThreads()
  ) {
    self.jobs = jobs
    self.shelf = shelf
    self.threads = threads
  }

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  public func prepare(
    _ order: JobOrder, _ context: JobContext, threads: Int
  ) async throws -> PreparedTraining {
    guard case .trainValue(let work) = order.job.work else {
      throw UnexpectedWork(job: order.job.id, role: .valueLearner)
    }
    let configuration = try RunConfiguration(resolvedJSON: context.configuration)
    let episodes = try await context.archive.getEpisodes(of: order)
    let pairs = try episodes.first.flatMap {
      try ImageTextPairs(for: configuration.models.value, embodiment: $0.metadata.embodiment)
    }
    if let pairs, !pairs.leftOut.isEmpty {
      log.warning(
        """
        \(order.job.id) learns \(pairs.count) captioned images; left out, without a partner: \
        \(pairs.leftOut.prefix(5).joined(separator: ", "))\(pairs.leftOut.count > 5 ? ", …" : "")
        """)
    }
    let value = try await model(order, configuration, episodes, pairs, context.archive)
    let split = HeldOut.split(order.dataset, share: work.training.heldOutShare)
    let trainer = try ValueTrainer(
      value: value, episodes: split.training.map { episodes[$0] },
      heldOut: split.heldOut.map { episodes[$0] }, pairs: pairs, settings: work.training,
      failureCost: work.failureCost, threads: threads,
      communicator: jobs.ranks?.communicator, seed: order.job.seed)
    let metrics = pairs.map { ["captioned images": Double($0.count)] } ?? [:]
    return PreparedTraining(trainer, steps: work.training.steps, metrics: metrics) {
      trainer.finish()
      return try value.checkpoint().files
    }
  }

  private func model(
    _ order: JobOrder, _ configuration: RunConfiguration, _ episodes: [Episode],
    _ pairs: ImageTextPairs?, _ archive: ArchiveClient
  ) async throws -> ValueFunction {
    if let initial = order.initial {
      return try ValueFunction(
        checkpoint: CheckpointFiles(files: try await archive.getCheckpoint(initial)))
    }
    return try ValueFunction(
      settings: configuration.models.value, learningFrom: episodes,
      captions: pairs?.captions ?? [], seed: order.job.seed)
  }
}

extension ValueTrainer: Training {}
