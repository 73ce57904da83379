import Configuration
import Episodes
import Executors
import Messaging
import Policies
import RecapAlgorithm
import RoleRuntime

/// The policy learner: trains the advantage-conditioned policy on everything recorded so far (paper, Equation 3).
///
/// The arithmetic runs on this actor's own thread.
public actor PolicyLearner: Learner {
  public nonisolated let jobs: JobSource
  public nonisolated let shelf: TrainingShelf?
  public nonisolated let threads: TrainingThreads
  private let executor = ThreadExecutor(name: "policy-learner")

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
    guard case .trainPolicy(let work) = order.job.work else {
      throw UnexpectedWork(job: order.job.id, role: .policyLearner)
    }
    let configuration = try RunConfiguration(resolvedJSON: context.configuration)
    let examples = try await examples(for: order, work, context.archive)
    let policy = try await model(
      order, configuration, examples.map(\.episode), context.archive)
    let split = HeldOut.split(examples.map(\.digest), share: work.training.heldOutShare)
    let heldOut = split.heldOut.map { examples[$0] }
    let trainer = try PolicyTrainer(
      policy: policy, examples: Self.dataset(split.training.map { examples[$0] }),
      heldOut: heldOut.isEmpty ? nil : Self.dataset(heldOut),
      settings: work.training, indicatorDropout: work.indicatorDropout, weighting: work.weighting,
      threads: threads, communicator: jobs.ranks?.communicator, seed: order.job.seed)
    return PreparedTraining(trainer, steps: work.training.steps) {
      trainer.finish()
      return try policy.checkpoint().files
    }
  }

  /// An episode to learn from.
  private struct Example {
    var digest: ContentDigest
    var episode: Episode
    /// Nil where every indicator is positive.
    var labels: EpisodeLabels?
  }

  private static func dataset(_ examples: [Example]) throws -> TrainingExamples {
    try TrainingExamples(episodes: examples.map(\.episode), labels: examples.map(\.labels))
  }

  /// Episodes and their labels in the dataset's order, without those that failed where the job wants successes only.
  private func examples(
    for order: JobOrder, _ work: TrainPolicyWork, _ archive: ArchiveClient
  ) async throws -> [Example] {
    let episodes = try await archive.getEpisodes(of: order)
    let labels = try await labels(for: order, archive)
    let all = order.dataset.indices.map {
      Example(digest: order.dataset[$0], episode: episodes[$0], labels: labels[$0])
    }
    guard work.onlySuccesses else { return all }
    let wanted = all.filter { $0.episode.metadata.outcome == .success }
    guard !wanted.isEmpty else {
      throw NoSuccesses(job: order.job.id, episodes: episodes.count)
    }
    return wanted
  }

  /// Labels in the dataset's order; nil for every episode where the job has none and each indicator is positive.
  private func labels(
    for order: JobOrder, _ archive: ArchiveClient
  ) async throws -> [EpisodeLabels?] {
    guard let digest = order.labels else { return order.dataset.map { _ in nil } }
    let set = try await archive.getLabels(digest)
    return try order.dataset.map { episode in
      guard let labels = set.episodes[episode] else {
        throw IncompleteLabels(job: order.job.id, labels: digest, episode: episode)
      }
      return labels
    }
  }

  private func model(
    _ order: JobOrder, _ configuration: RunConfiguration, _ episodes: [Episode],
    _ archive: ArchiveClient
  ) async throws -> Policy {
    if let initial = order.initial {
      return try Policy(
        checkpoint: CheckpointFiles(files: try await archive.getCheckpoint(initial)))
    }
    return try Policy(
      settings: configuration.models.policy, learningFrom: episodes, seed: order.job.seed)
  }
}

/// A label set that does not cover its dataset.
public struct IncompleteLabels: Error, CustomStringConvertible {
  var job: String
  var labels: ContentDigest
  var episode: ContentDigest

  public var description: String {
    "\(job): label set \(labels.short) has no labels for episode \(episode.short)"
  }
}

/// Nothing to imitate: every episode failed.
public struct NoSuccesses: Error, CustomStringConvertible {
  var job: String
  var episodes: Int

  public var description: String {
    "\(job) imitates successes only, but all \(episodes) episodes of its dataset failed"
  }
}

extension PolicyTrainer: Training {}
