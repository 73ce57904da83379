import Collectives
import Episodes
import Foundation
import Logging
import Messaging
import RecapAlgorithm

/// The ranks that do one learner's jobs together. The first one is the worker that the coordinator knows: it takes jobs,
/// keeps their leases, saves states and stores results. It tells the others what to do, and they follow.
///
/// What one rank meets alone, such as the end of a lease or an episode that it cannot read, all of them hear of at the
/// next step, where they vote on whether to go on. Only a rank that is gone is not heard of: it ends its whole group, the
/// lease ends with it, and the job is handed out again.
public struct RankGroup: Sendable {
  public let communicator: any Communicator
  private let log = Logger(label: "recap.ranks")

  /// - Parameter communicator: Of at least two ranks.
  public init(_ communicator: any Communicator) { self.communicator = communicator }

  /// Whether this is the rank that leads.
  public var isFirst: Bool { communicator.isFirst }

  // MARK: - The first rank leads

  /// What the first rank says between two jobs.
  private enum Word: Codable {
    /// The run is at this coordinator.
    case coordinator(String)
    case job(JobOrder, configuration: String, threads: Int)
    /// No more jobs of this coordinator.
    case jobsOver
    /// No more of anything.
    case over
  }

  private func tell(_ word: Word) throws {
    _ = communicator.broadcast(Array(try JSONEncoder().encode(word)))
  }

  private func hear() throws -> Word {
    try JSONDecoder().decode(Word.self, from: Data(communicator.broadcast([])))
  }

  /// Tells the other ranks where the coordinator is, for what they read of the archive.
  public func begin(at endpoint: String) throws { try tell(.coordinator(endpoint)) }

  /// Tells the other ranks that this coordinator has no more jobs.
  public func end() throws { try tell(.jobsOver) }

  /// Tells the other ranks that they may stop.
  public func dismiss() throws { try tell(.over) }

  /// Tells the other ranks of a job, before the first rank prepares it. They prepare it too.
  public func share(_ order: JobOrder, _ context: JobContext, threads: Int) throws {
    try tell(.job(order, configuration: context.configuration, threads: threads))
  }

  // MARK: - The others follow

  /// Where the coordinator is of which the first rank will take jobs; nil when there is nothing more to do. Waits.
  public func nextCoordinator() throws -> String? {
    switch try hear() {
    case .coordinator(let endpoint): endpoint
    case .over: nil
    case .job, .jobsOver: throw RanksOutOfStep()
    }
  }

  /// Does the first rank's jobs with it until there are no more. Waits on the caller's actor, whose thread is its own.
  public func follow(
    with helper: some JobHelper, archive: ArchiveClient,
    isolation: isolated (any Actor)? = #isolation
  ) async throws {
    while true {
      switch try hear() {
      case .job(let order, let configuration, let threads):
        log.info("rank \(communicator.rank) helps with \(order.job.id)")
        do {
          try await helper.help(
            with: order, JobContext(archive: archive, configuration: configuration),
            threads: threads)
        } catch {
          // All ranks have agreed on that, so they are in step.
          log.notice("\(order.job.id) ended on rank \(communicator.rank): \(error)")
        }
      case .jobsOver: return
      case .coordinator, .over: throw RanksOutOfStep()
      }
    }
  }

  // MARK: - All agree

  /// Votes on whether to go on.
  ///
  /// - Returns: Ranks that are against it.
  func votes(against isAgainst: Bool) -> Int {
    Int(communicator.sum([isAgainst ? 1 : 0])[0])
  }

  /// Votes against a job that this rank could not prepare, where the others begin to train.
  public func refuse() { _ = votes(against: true) }

  /// Whether all ranks have the same digest.
  func agrees(on digest: ContentDigest) -> Bool {
    // Sums of small whole numbers are exact.
    let parts = "\(digest)".utf8.map { Double($0) }
    let sums = communicator.sum(parts)
    let isMine = zip(parts, sums).allSatisfy { $0 * Double(communicator.count) == $1 }
    return votes(against: !isMine) == 0
  }
}

/// Where a learner's jobs come from.
public enum JobSource: Sendable {
  /// The coordinator; other ranks, where there are any, help with them.
  case coordinator(Worker, ranks: RankGroup?)
  /// The first rank of a group that this one helps.
  case firstRank(RankGroup, archive: ArchiveClient)

  public var ranks: RankGroup? {
    switch self {
    case .coordinator(_, let ranks): ranks
    case .firstRank(let ranks, _): ranks
    }
  }

  /// Does jobs until the run is over or, on the first rank, the task is cancelled.
  public func run(
    _ learner: some JobHandler & JobHelper, isolation: isolated (any Actor)? = #isolation
  ) async throws {
    switch self {
    case .coordinator(let worker, let ranks):
      do {
        try await worker.run(learner)
      } catch {
        try ranks?.end()
        throw error
      }
      try ranks?.end()
    case .firstRank(let ranks, let archive):
      try await ranks.follow(with: learner, archive: archive)
    }
  }
}

/// Helps the first rank of a group with its jobs.
public protocol JobHelper: Sendable {
  /// Does this rank's part of a job.
  ///
  /// - Parameter threads: What the first rank computes with.
  func help(with order: JobOrder, _ context: JobContext, threads: Int) async throws
}

/// Another rank could not go on, so nobody does.
public struct RanksStopped: Error, CustomStringConvertible {
  public var description: String {
    "a rank stopped; its own log, above or beside this one, has the reason"
  }
}

/// The ranks have not got the same weights: the group's machines or versions of `recap` are not alike.
public struct RanksDiffer: Error, CustomStringConvertible {
  public var description: String {
    "the ranks' weights differ at the end of the training, which is a fault of the machines or of the program: "
      + "all ranks take the same steps"
  }
}

/// The ranks do not do the same.
struct RanksOutOfStep: Error, CustomStringConvertible {
  var description: String {
    "the ranks are out of step: all must be the same version of recap, started by the same command"
  }
}
