import Messaging
import RecapAlgorithm

/// A part of the system: all that it promises is to run until its work is over or its task is
/// cancelled.
public protocol Role: Sendable {
  /// Runs to the end of the work. Returns normally when the task is cancelled, after a clean stop.
  ///
  /// - Throws: What makes going on impossible.
  func run() async throws
}

/// Does the jobs of one role.
public protocol JobHandler: Sendable {
  /// Does one job; its outputs must be durable in the archive when it returns.
  ///
  /// The task is cancelled when the job is no longer this worker's: stop soon, by throwing.
  ///
  /// - Throws: Why the job could not be done; the text reaches the coordinator and its log.
  func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult
}

/// What a job handler may use besides its order.
public struct JobContext: Sendable {
  /// Blobs, episodes, checkpoints and labels.
  public let archive: ArchiveClient
  /// The run's resolved configuration, as JSON.
  public let configuration: String
  private let reporter: @Sendable (JobProgress) async -> Void

  /// - Parameter report: Where progress goes.
  public init(
    archive: ArchiveClient, configuration: String,
    report: @escaping @Sendable (JobProgress) async -> Void = { _ in }
  ) {
    self.archive = archive
    self.configuration = configuration
    reporter = report
  }

  /// Says how far the job is. Cheap: the latest report travels with the next heartbeat, earlier
  /// ones are dropped.
  public func report(_ progress: JobProgress) async { await reporter(progress) }
}
