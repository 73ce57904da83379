import Foundation
import Logging
import Messaging
import RecapAlgorithm

/// The connection of a worker to its coordinator: joins, takes jobs, keeps their leases alive while
/// a handler does them, and reports how they ended.
///
/// The coordinator may go away and come back at any time: a handler at work goes on, and what is to
/// be said is said again until it is heard.
public actor Worker {
  /// Who this worker is.
  public nonisolated let description: WorkerDescription
  private let control: any RequestClient
  private let archive: ArchiveClient
  private let clock: any Clock<Duration>
  private let timing: WorkerTiming
  private let now: @Sendable () -> Date
  private let vitals: @Sendable () -> RobotVitals?
  private let log: Logger

  /// What the coordinator asked for when it last answered a join.
  private var terms: JoinRequest.Reply?
  /// The latest report of the job at hand.
  private var progress: JobProgress?
  /// How the link to the coordinator does.
  private var link: (roundTrip: Duration?, unanswered: Int) = (nil, 0)
  /// Whether a person has paused this worker, as the coordinator said last.
  private var isPaused = false

  /// - Parameters:
  ///   - description: The name must be unique within the run, the incarnation new for every start.
  ///   - control: The connection to the coordinator.
  ///   - archive: Handed to the job handler.
  ///   - clock: Paces heartbeats and retries.
  ///   - now: The machine's time of day, which the coordinator compares with its own.
  ///   - vitals: For collectors: how the robot fares, asked at every sign of life; must not wait.
  public init(
    _ description: WorkerDescription, control: any RequestClient, archive: ArchiveClient,
    clock: any Clock<Duration> = ContinuousClock(), timing: WorkerTiming = WorkerTiming(),
    now: @escaping @Sendable () -> Date = { Date() },
    vitals: @escaping @Sendable () -> RobotVitals? = { nil },
    log: Logger = Logger(label: "recap.worker")
  ) {
    self.description = description
    self.control = control
    self.archive = archive
    self.clock = clock
    self.timing = timing
    self.now = now
    self.vitals = vitals
    var log = log
    log[metadataKey: "worker"] = "\(description.name)"
    self.log = log
  }

  /// Joins and does jobs until the run is over or the task is cancelled; then says goodbye and
  /// returns.
  ///
  /// - Throws: `RequestError.refused` when the coordinator will not have this worker, `.closed`
  ///   when the connection was closed, `.malformed` when the other side speaks another protocol.
  public func run(_ handler: any JobHandler) async throws {
    do {
      try await join()
      while let order = try await nextOrder() {
        try await carryOut(order, with: handler)
      }
      log.info("the run is over")
    } catch  where Task.isCancelled {
      log.info("stopping")
    }
    await sayLastWords(
      LeaveRequest(worker: description.name, incarnation: description.incarnation))
  }

  // MARK: Joining and asking

  private func join() async throws {
    let control = control
    let timeout = timing.requestTimeout
    let (description, now) = (description, now)
    terms = try await retrying {
      try await control.send(
        JoinRequest(worker: description, time: now().timeIntervalSince1970), timeout: timeout)
    }
    log.info("joined run \(terms?.run ?? "")")
  }

  /// The next job, or nil when the run is over.
  private func nextOrder() async throws -> JobOrder? {
    var refusals = 0
    while true {
      let wait = min(timing.longestJobWait, .seconds((terms?.leaseSeconds ?? 10) / 2))
      let request = NextJobRequest(
        worker: description.name, incarnation: description.incarnation, waitSeconds: wait.inSeconds,
        vitals: vitalsWithLink())
      let control = control
      let timeout = wait + timing.requestTimeout
      do {
        let reply = try await retrying { try await control.send(request, timeout: timeout) }
        if reply.finished { return nil }
        if let order = reply.order { return order }
        refusals = 0
      } catch RequestError.refused(_, let reason) {
        // A coordinator that was started anew may not know us.
        refusals += 1
        log.notice("asking for a job was refused: \(reason); joining again")
        try await clock.sleep(for: timing.backoff.delay(afterFailures: refusals))
        try await join()
      }
    }
  }

  // MARK: Doing a job

  private enum Ending: Sendable {
    case finished(JobResult)
    case failed(any Error)
    case leaseLost
  }

  /// Does one job and reports its end.
  private func carryOut(_ order: JobOrder, with handler: any JobHandler) async throws {
    log.info("job \(order.job.id) begins")
    progress = nil
    // Whoever is given a job is not paused.
    isPaused = false
    let context = JobContext(
      archive: archive, configuration: terms?.configuration ?? "",
      isPaused: { [weak self] in await self?.isPaused ?? false },
      report: { [weak self] in await self?.note($0) })
    let ending = await withTaskGroup(of: Ending?.self) { group in
      group.addTask {
        do {
          return .finished(try await handler.run(order, context))
        } catch {
          return .failed(error)
        }
      }
      group.addTask { await self.keepAlive(lease: order.lease) ? nil : .leaseLost }
      var ending: Ending?
      while ending == nil, let next = await group.next() { ending = next }
      group.cancelAll()
      return ending ?? .leaseLost
    }
    switch ending {
    case .finished(let result):
      let request = JobFinishedRequest(
        worker: description.name, lease: order.lease, result: result)
      let accepted = try await report(request)?.accepted ?? false
      log.info("job \(order.job.id) done\(accepted ? "" : ", but its lease was lost")")
    case .failed(let returned as JobReturned):
      log.notice("job \(order.job.id) is given back: \(returned.reason)")
      _ = try await report(JobReturnedRequest(worker: description.name, lease: order.lease))
    case .failed(let error):
      try Task.checkCancellation()
      let reason = String(describing: error)
      log.error("job \(order.job.id) failed: \(reason)")
      _ = try await report(
        JobFailedRequest(worker: description.name, lease: order.lease, reason: reason))
    case .leaseLost:
      try Task.checkCancellation()
      log.notice("job \(order.job.id) is no longer ours")
    }
  }

  private func note(_ progress: JobProgress) { self.progress = progress }

  /// How the robot fares, and its link.
  private func vitalsWithLink() -> RobotVitals? {
    var vitals = vitals()
    vitals?.roundTripSeconds = link.roundTrip.map { $0 / .seconds(1) }
    vitals?.unansweredHeartbeats = link.unanswered
    return vitals
  }

  /// Sends heartbeats until the task is cancelled (true) or the lease is lost (false).
  private func keepAlive(lease: String) async -> Bool {
    var failures = 0
    while !Task.isCancelled {
      let interval = Duration.seconds(terms?.heartbeatSeconds ?? 1)
      let pause =
        failures == 0
        ? interval : min(interval, timing.backoff.delay(afterFailures: failures))
      do {
        try await clock.sleep(for: pause)
        let request = HeartbeatRequest(
          worker: description.name, incarnation: description.incarnation, lease: lease,
          progress: progress, vitals: vitalsWithLink())
        let begin = ContinuousClock.now
        let reply = try await control.send(request, timeout: timing.requestTimeout)
        link.roundTrip = .now - begin
        failures = 0
        isPaused = reply.paused
        if !reply.known {
          // The lease may still be ours in the coordinator's records: the next heartbeat tells.
          log.notice("the coordinator does not know this worker; joining again")
          terms = try await control.send(
            JoinRequest(worker: description, time: now().timeIntervalSince1970),
            timeout: timing.requestTimeout)
        } else if !reply.leaseValid {
          return false
        }
      } catch let refusal as RequestError where refusal.isRefusal {
        // A worker that was removed may not even join again.
        do {
          terms = try await control.send(
            JoinRequest(worker: description, time: now().timeIntervalSince1970),
            timeout: timing.requestTimeout)
        } catch let refusal as RequestError where refusal.isRefusal {
          log.error("heartbeat: \(refusal)")
          return false
        } catch {
          failures += 1
        }
      } catch {
        // The job is over: nobody waits for an answer any more.
        if Task.isCancelled { return true }
        failures += 1
        link.unanswered += 1
        log.warning("heartbeat: \(error); the job goes on")
      }
    }
    return true
  }

  /// Tells the coordinator how a job ended, until it answers.
  ///
  /// - Returns: The answer, or nil when the coordinator has no use for the report.
  private func report<R: Request>(_ request: R) async throws -> R.Reply? {
    let control = control
    let timeout = timing.requestTimeout
    do {
      do {
        return try await retrying { try await control.send(request, timeout: timeout) }
      } catch RequestError.refused(_, let reason) {
        log.notice("the report was refused: \(reason); joining again")
        try await join()
        return try await retrying { try await control.send(request, timeout: timeout) }
      }
    } catch RequestError.refused(_, let reason) {
      log.warning("the report was refused: \(reason)")
      return nil
    } catch  where Task.isCancelled {
      // The work is done; what is left is one message, so it is worth one more try.
      await sayLastWords(request)
      throw CancellationError()
    }
  }

  // MARK: Sending

  private func retrying<T: Sendable>(_ attempt: @Sendable () async throws -> T) async throws -> T {
    try await timing.backoff.retrying(
      on: clock,
      waiting: { error, delay in log.notice("\(error); trying again in \(delay.inSeconds) s") },
      attempt)
  }

  /// Sends a request once, for a short time, even though the task is cancelled.
  private func sayLastWords<R: Request>(_ request: R) async {
    let (control, timeout) = (control, timing.farewellTimeout)
    await Task { _ = try? await control.send(request, timeout: timeout) }.value
  }
}

/// A worker's patience.
public struct WorkerTiming: Hashable, Sendable {
  /// For each answer that the coordinator can give at once.
  public var requestTimeout: Duration
  /// The longest that the coordinator may hold back its answer while it has no job; never more than
  /// half a lease.
  public var longestJobWait: Duration
  /// For each message sent after the task was cancelled.
  public var farewellTimeout: Duration
  /// Between attempts while the coordinator is away.
  public var backoff: Backoff

  public init(
    requestTimeout: Duration = .seconds(10), longestJobWait: Duration = .seconds(20),
    farewellTimeout: Duration = .seconds(2), backoff: Backoff = Backoff()
  ) {
    self.requestTimeout = requestTimeout
    self.longestJobWait = longestJobWait
    self.farewellTimeout = farewellTimeout
    self.backoff = backoff
  }
}
