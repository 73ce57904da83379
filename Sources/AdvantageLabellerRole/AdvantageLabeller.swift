import Episodes
import Executors
import Messaging
import Policies
import RecapAlgorithm
import RoleRuntime

/// The advantage labeller: reads every episode of a dataset with the value function, and says of each action
/// whether it was better than usual (paper, Equation 2 and Section IV-B).
///
/// The arithmetic runs on this actor's own thread.
public actor AdvantageLabeller: Role, JobHandler {
  private let worker: Worker
  private let executor = ThreadExecutor(name: "advantage-labeller")

  public init(worker: Worker) { self.worker = worker }

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Takes jobs until the run is over or the task is cancelled.
  public func run() async throws {
    try await worker.run(self)
  }

  /// Labels one dataset and stores the label set.
  public func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
    guard case .label(let work) = order.job.work, let valueDigest = order.value else {
      throw UnexpectedWork(job: order.job.id, role: .advantageLabeller)
    }
    let archive = context.archive
    let value = try ValueFunction(
      checkpoint: CheckpointFiles(files: try await archive.getCheckpoint(valueDigest)))
    let episodes = try await archive.getEpisodes(of: order)
    var valued: [Labelling.ValuedEpisode] = []
    valued.reserveCapacity(episodes.count)
    for (digest, episode) in zip(order.dataset, episodes) {
      try Task.checkCancellation()
      valued.append(
        Labelling.ValuedEpisode(
          digest: digest, episode: episode, values: try value.values(of: episode)))
      if valued.count.isMultiple(of: 20) || valued.count == episodes.count {
        await context.report(
          JobProgress(done: valued.count, total: episodes.count, unit: "episodes"))
      }
    }
    let labels = try Labelling.label(
      valued, job: order.job.id, value: valueDigest, work: work, seed: order.job.seed)
    return .labels(try await archive.putLabels(labels), labels.metadata)
  }
}
