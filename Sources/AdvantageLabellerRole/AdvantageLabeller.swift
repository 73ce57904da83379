import Episodes
import Executors
import Messaging
import Policies
import RecapAlgorithm
import RoleRuntime

/// The advantage labeller: reads every episode of a dataset with the value function, and says of each action
/// whether it was better than usual (paper, Equation 2 and Section IV-B).
///
/// A large dataset is several jobs: shards, which any labeller may read, and one that labels by their values. Both
/// ways give the same label set.
///
/// The arithmetic runs on this actor's own thread.
public actor AdvantageLabeller: Role, JobHandler {
  private let worker: Worker
  private let executor = ThreadExecutor(name: "advantage-labeller")
  /// Episodes fetched at a time, while those before are read: few, since they may hold images.
  private static let batch = 8

  public init(worker: Worker) { self.worker = worker }

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Takes jobs until the run is over or the task is cancelled.
  public func run() async throws {
    try await worker.run(self)
  }

  /// Labels a dataset or estimates the values of a shard, and stores what came out.
  public func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
    let (job, archive) = (order.job, context.archive)
    guard let value = order.value else {
      throw UnexpectedWork(job: job.id, role: .advantageLabeller)
    }
    switch job.work {
    case .estimateValues:
      let provenance = ValueSet.Provenance(job: job.id, value: value)
      let episodes = try await estimated(order, context, with: value)
      return .values(
        try await archive.putValues(ValueSet(provenance: provenance, episodes: episodes)))
    case .label(let work):
      let values =
        if let shards = order.values {
          try await gathered(shards, context)
        } else {
          try await estimated(order, context, with: value)
        }
      let episodes = try order.dataset.map { digest in
        guard let episode = values[digest] else { throw MissingValues(episode: digest) }
        return Labelling.ValuedEpisode(
          digest: digest, episode, outcome: order.outcomes?[digest])
      }
      let labels = try Labelling.label(
        episodes, job: job.id, value: value, work: work, seed: job.seed)
      return .labels(try await archive.putLabels(labels), labels.metadata)
    case .collect, .trainValue, .trainPolicy:
      throw UnexpectedWork(job: job.id, role: .advantageLabeller)
    }
  }

  /// V of every step of the order's episodes.
  private func estimated(
    _ order: JobOrder, _ context: JobContext, with digest: ContentDigest
  ) async throws -> [ContentDigest: EpisodeValues] {
    let archive = context.archive
    let value = try ValueFunction(
      checkpoint: CheckpointFiles(files: try await archive.getCheckpoint(digest)))
    let batches = stride(from: 0, to: order.dataset.count, by: Self.batch).map { start in
      Array(order.dataset[start..<min(start + Self.batch, order.dataset.count)])
    }
    var values: [ContentDigest: EpisodeValues] = [:]
    var episodes = try await archive.getEpisodes(batches.first ?? [])
    for (place, batch) in batches.enumerated() {
      let next = place + 1 < batches.count ? batches[place + 1] : []
      async let following = archive.getEpisodes(next)
      for (digest, episode) in zip(batch, episodes) {
        try Task.checkCancellation()
        values[digest] = EpisodeValues(of: episode, values: try value.values(of: episode))
      }
      await context.report(
        JobProgress(
          done: place * Self.batch + batch.count, total: order.dataset.count, unit: "episodes"))
      episodes = try await following
    }
    return values
  }

  /// What the shards' jobs have estimated.
  private func gathered(
    _ shards: [ContentDigest], _ context: JobContext
  ) async throws -> [ContentDigest: EpisodeValues] {
    var values: [ContentDigest: EpisodeValues] = [:]
    for shard in shards {
      values.merge(try await context.archive.getValues(shard).episodes) { first, _ in first }
    }
    return values
  }
}

/// A dataset's shards that do not hold all of it.
struct MissingValues: Error, CustomStringConvertible {
  var episode: ContentDigest
  var description: String { "no shard holds values of episode \(episode.short)" }
}
