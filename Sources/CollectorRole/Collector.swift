import Episodes
import Executors
import Messaging
import Policies
import RecapAlgorithm
import Robots
import RoleRuntime

/// The collector: has a robot attempt tasks, with the newest policy or a person in charge, and sees every episode
/// safely into the archive before it counts it.
///
/// The policy computes on a thread of its own, so that a robot need not stand while it does.
public actor Collector: Role, JobHandler {
  private let robot: any Robot
  private let worker: Worker
  private let spool: EpisodeSpool
  private let executor: ThreadExecutor
  /// Before the next job after failures in a row: a fault that passes, such as a driver that has to be started anew,
  /// should not use up all attempts of a job at once.
  private let pauses = Backoff(first: .seconds(1), longest: .seconds(30))
  /// Jobs that failed since the last recorded episode.
  private var failures = 0
  /// The policy loaded last; a stage's jobs all ask for the same one.
  private var loaded: (digest: ContentDigest, policy: ActingPolicy)?
  private let terms: ControlTerms
  private let tally: ControlTally

  /// - Parameters:
  ///   - robot: The robot, ready to begin.
  ///   - terms: How policies control it.
  ///   - tally: Where it is counted how that goes.
  ///   - worker: The connection to the coordinator; its description names the robot.
  ///   - spool: Where episodes wait until the archive has acknowledged them.
  public init(
    robot: any Robot, terms: ControlTerms = ControlTerms(), tally: ControlTally = ControlTally(),
    worker: Worker, spool: EpisodeSpool
  ) {
    self.robot = robot
    self.terms = terms
    self.tally = tally
    self.worker = worker
    self.spool = spool
    executor = ThreadExecutor(name: "collector")
  }

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Takes jobs until the run is over or the task is cancelled.
  public func run() async throws {
    try await worker.run(self)
  }

  /// Records the episodes of one job, skipping those that the archive already has; after a failure not at once.
  public func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
    if failures > 0 { try await Task.sleep(for: pauses.delay(afterFailures: failures)) }
    do {
      return try await collect(order, context)
    } catch let returned as JobReturned {
      throw returned
    } catch {
      failures += 1
      throw error
    }
  }

  private func collect(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
    guard case .collect(let work) = order.job.work, let taskName = order.job.task else {
      throw CollectorError.unexpectedWork(job: order.job.id)
    }
    guard let task = robot.tasks.first(where: { $0.name == taskName }) else {
      throw CollectorError.unknownTask(taskName, offered: robot.tasks.map(\.name))
    }
    try await spool.drain(to: context.archive)
    let policy = try await policy(for: order, context.archive)
    var receipts = try await context.archive.receipts(ofJob: order.job.id)
    let recorded = Set(receipts.map(\.index))
    let wanted = work.firstEpisode..<work.firstEpisode + work.episodeCount
    for index in wanted where !recorded.contains(index) {
      let attempt = Attempt(
        job: order.job, work: work, index: index, task: task, policyDigest: order.policy,
        robotName: worker.description.name)
      let episode = try await episode(of: attempt, policy, context)
      failures = 0
      receipts.append(try await spool.upload(episode, to: context.archive))
      let judged = receipts.filter { $0.outcome != .unjudged }
      let successes = judged.count { $0.outcome == .success }
      await context.report(
        JobProgress(
          done: receipts.count, total: work.episodeCount, unit: "episodes",
          metrics: judged.isEmpty
            ? [:] : ["success rate": Double(successes) / Double(judged.count)]))
    }
    return .episodes(receipts.sorted { $0.index < $1.index })
  }

  /// Has the robot attempt an episode until there is one: an attempt that it gives up is made again.
  ///
  /// - Throws: `JobReturned` where a person has paused this worker, or the robot is not there.
  private func episode(
    of attempt: Attempt, _ policy: ActingPolicy?, _ context: JobContext
  ) async throws -> Episode {
    while true {
      try Task.checkCancellation()
      if await context.isPaused { throw JobReturned() }
      do {
        return try await attempt.episode(
          by: robot, policy: policy, under: terms, tally: tally)
      } catch RobotAbsence.abandoned {
        continue
      } catch let absence as RobotAbsence {
        throw JobReturned(reason: absence.description)
      }
    }
  }

  /// The policy that is to act; nil where a person does.
  private func policy(for order: JobOrder, _ archive: ArchiveClient) async throws -> ActingPolicy? {
    guard let digest = order.policy else { return nil }
    if let loaded, loaded.digest == digest { return loaded.policy }
    let files = try await archive.getCheckpoint(digest)
    let policy = try ActingPolicy(checkpoint: CheckpointFiles(files: files))
    loaded = (digest, policy)
    return policy
  }
}

/// Why a collector could not do a job.
public enum CollectorError: Error, CustomStringConvertible {
  case unexpectedWork(job: String)
  case unknownTask(String, offered: [String])

  public var description: String {
    switch self {
    case .unexpectedWork(let job): "\(job) is not work for a collector"
    case .unknownTask(let task, let offered):
      "this robot does not offer the task '\(task)'; it offers \(offered.joined(separator: ", "))"
    }
  }
}
