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
  private let pause: @Sendable () async -> Bool
  private let reporter: @Sendable (JobProgress) async -> Void

  /// - Parameters:
  ///   - isPaused: Whether a person has paused the worker.
  ///   - report: Where progress goes.
  public init(
    archive: ArchiveClient, configuration: String,
    isPaused: @escaping @Sendable () async -> Bool = { false },
    report: @escaping @Sendable (JobProgress) async -> Void = { _ in }
  ) {
    self.archive = archive
    self.configuration = configuration
    pause = isPaused
    reporter = report
  }

  /// Whether a person has paused this worker, as of the last heartbeat. A handler whose job has
  /// natural breaks throws `JobReturned` at the next one.
  public var isPaused: Bool { get async { await pause() } }

  /// Says how far the job is. Cheap: the latest report travels with the next heartbeat, earlier
  /// ones are dropped.
  public func report(_ progress: JobProgress) async { await reporter(progress) }
}

/// A handler's word that it gives its job back undone, since a person has paused the worker or what it
/// works with is not there. It is nobody's fault, and counts as no attempt.
public struct JobReturned: Error {
  /// In words for people.
  public var reason: String

  public init(reason: String = "this worker is paused") { self.reason = reason }
}
