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
public actor ValueLearner: Role, JobHandler {
  private let worker: Worker
  private let shelf: TrainingShelf?
  private let threads: TrainingThreads
  private let log = Logger(label: "recap.value-learner")
  private let executor = ThreadExecutor(name: "value-learner")

  /// - Parameters:
  ///   - shelf: Keeps the state of the training at hand; nil to start interrupted jobs anew.
  ///   - threads: Threads of its arithmetic.
  public init(
    worker: Worker, shelf: TrainingShelf? = nil, threads: TrainingThreads = TrainingThreads()
  ) {
    self.worker = worker
    self.shelf = shelf
    self.threads = threads
  }

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Takes jobs until the run is over or the task is cancelled.
  public func run() async throws {
    try await worker.run(self)
  }

  /// Trains one value function and stores its checkpoint.
  public func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
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
      failureCost: work.failureCost, threads: threads.count(for: order.job),
      seed: order.job.seed)
    let saves = try shelf?.place(for: order, configuration: context.configuration)
    var metrics = try await carryOut(
      trainer, steps: work.training.steps, saves: saves, reportingTo: context)
    if let pairs { metrics["captioned images"] = Double(pairs.count) }
    trainer.finish()
    let checkpoint = try await context.archive.putCheckpoint(try value.checkpoint().files)
    try saves?.remove()
    return .checkpoint(checkpoint, metrics: metrics)
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
