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
public actor ValueLearner: Role, JobHandler, JobHelper {
  private let jobs: JobSource
  private let shelf: TrainingShelf?
  private let threads: TrainingThreads
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

  /// Takes jobs until the run is over or the task is cancelled.
  public func run() async throws {
    try await jobs.run(self)
  }

  /// Trains one value function and stores its checkpoint.
  public func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
    let threads = threads.count(for: order.job)
    let saves = try shelf?.place(for: order, configuration: context.configuration)
    try jobs.ranks?.share(order, context, threads: threads)
    let (value, metrics) = try await train(order, context, threads: threads, saves: saves)
    let checkpoint = try await context.archive.putCheckpoint(try value.checkpoint().files)
    try saves?.remove()
    return .checkpoint(checkpoint, metrics: metrics)
  }

  /// Trains the first rank's value function with it.
  public func help(with order: JobOrder, _ context: JobContext, threads: Int) async throws {
    _ = try await train(order, context, threads: threads, saves: nil)
  }

  private func train(
    _ order: JobOrder, _ context: JobContext, threads: Int, saves: SavedTraining?
  ) async throws -> (ValueFunction, metrics: [String: Double]) {
    let task: Trained
    do {
      task = try await prepare(order, context, threads: threads)
    } catch {
      jobs.ranks?.refuse()
      throw error
    }
    var metrics = try await carryOut(
      task.trainer, with: jobs.ranks, steps: task.steps, saves: saves, reportingTo: context)
    if let pairs = task.pairs { metrics["captioned images"] = Double(pairs.count) }
    task.trainer.finish()
    return (task.value, metrics)
  }

  /// What is to be trained.
  private struct Trained {
    var value: ValueFunction
    var trainer: ValueTrainer
    var steps: Int
    var pairs: ImageTextPairs?
  }

  private func prepare(
    _ order: JobOrder, _ context: JobContext, threads: Int
  ) async throws -> Trained {
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
    return Trained(value: value, trainer: trainer, steps: work.training.steps, pairs: pairs)
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
