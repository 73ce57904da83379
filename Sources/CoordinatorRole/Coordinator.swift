import Configuration
import EpisodeStorage
import Episodes
import Foundation
import Logging
import Messaging
import RecapAlgorithm
import RoleRuntime

/// The coordinator: runs Algorithm 1's plan over whoever is here, and answers for the archive.
///
/// All decisions are the plan's, a value type. This actor is its shell: it turns messages and silence into events,
/// writes each event to the archive, and only then carries out the commands that followed from it. After a restart
/// the same events rebuild the same plan.
public actor Coordinator: Role {
  let archive: Archive
  let configuration: RunConfiguration
  /// The resolved configuration, as every worker is given it.
  let configurationJSON: String
  /// Tells this run apart from every other.
  let ownRun: OwnRun
  /// Whose keys are let in.
  let keys: KeyRing
  let log: Logger
  private let server: any RequestServer
  /// Whether it goes on answering after the run is finished.
  private let lingers: Bool
  let notify: @Sendable (RunNotice) -> Void
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private(set) var plan: Plan
  private(set) var attendance: Attendance
  /// The order that each worker holds, whether or not it has heard of it yet.
  private(set) var orders = OrderBook()
  /// The latest report of each worker on the lease that it holds.
  private(set) var reports: [String: (lease: String, progress: JobProgress)] = [:]
  private var waiting: [String: WaitingWorker] = [:]
  /// Events that the plan has seen and whose submitters have no answer yet, oldest first.
  private var outbox: [OutboxEntry] = []
  private var ended: RunEnd?
  /// Jobs of which somebody was told that they wait for people who judge.
  var heldJobs: Set<String> = []
  /// Events are no longer taken: the coordinator stops.
  private var isClosed = false
  /// Why the archive could not store an event or a result.
  private var archiveFailure: (any Error)?
  private var admission: RobotAdmission
  private var dismissedAt = Duration.zero
  private let wakeDrain: AsyncStream<Void>.Continuation
  private let drainSignals: AsyncStream<Void>

  /// A worker's unanswered question for work.
  private struct WaitingWorker {
    var reply: CheckedContinuation<JobOrder?, Never>
    var until: Duration
  }

  private struct OutboxEntry {
    var event: PlanEvent
    var commands: [PlanCommand]
    var done: CheckedContinuation<[PlanCommand], any Error>
  }

  private enum RunEnd {
    case finished
    case failed(String)
  }

  /// - Parameters:
  ///   - archive: The run's archive, already holding `configuration`; its events rebuild the plan.
  ///   - configuration: The resolved configuration.
  ///   - server: Where workers ask.
  ///   - keys: Kept up to date with the run's invitations, for the transport.
  ///   - lingers: Whether to go on answering after the run is finished, until cancelled.
  ///   - notify: Told of everything that a person watching wants to see; must not block.
  public init(
    archive: Archive, configuration: RunConfiguration, server: any RequestServer,
    keys: KeyRing = KeyRing(), lingers: Bool = false, log: Logger,
    notify: @escaping @Sendable (RunNotice) -> Void
  ) async throws {
    self.archive = archive
    self.configuration = configuration
    configurationJSON = try configuration.resolvedJSON
    ownRun = OwnRun(id: try await archive.run().id, name: configuration.name)
    self.server = server
    self.keys = keys
    self.lingers = lingers
    self.log = log
    self.notify = notify
    start = clock.now
    attendance = Attendance(patience: .seconds(configuration.runtime.leaseSeconds))
    admission = RobotAdmission(
      tasks: configuration.tasks.map(\.name), robots: configuration.robots,
      embodiment: try await archive.recordedEmbodiment())
    plan = try await Plan(of: configuration, in: archive)
    keys.update(plan.invitations.values)
    (drainSignals, wakeDrain) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    for lease in plan.liveLeases {
      guard let order = plan.order(for: lease.job, lease: lease.lease) else { continue }
      orders.give(order, to: lease.worker)
    }
    // The process may have ended between an event and its catalogue row; recording a result again changes nothing.
    for (job, result) in plan.results {
      if let job = plan.job(job) { try await archive.recordResult(result, of: job) }
    }
  }

  /// Serves until the plan is finished and every worker has been told, or until cancelled.
  ///
  /// - Throws: `RunFailed` when a job failed too often; what the archive threw when it could not store an event or a
  ///   result, after which nothing that anyone was told is lost and another coordinator can go on.
  public func run() async throws {
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        let router = makeRouter()
        group.addTask { try await self.drain() }
        group.addTask {
          try await self.resume()
          try await self.server.serve(router)
        }
        group.addTask { try await self.watch() }
        defer { group.cancelAll() }
        while let _ = try await group.next(), !isOver {}
      }
    } catch {
      // Whoever waited for the archive may be the first to notice that it failed.
      throw archiveFailure ?? error
    }
    if let archiveFailure { throw archiveFailure }
    try conclude()
  }

  // MARK: - The plan's shell

  /// Hands an event to the plan; returns when the event is durable and its commands are carried out.
  ///
  /// - Throws: `CancellationError` when the coordinator stops before that, for whatever reason.
  @discardableResult
  func submit(_ event: PlanEvent) async throws -> [PlanCommand] {
    if isClosed { throw CancellationError() }
    return try await withCheckedThrowingContinuation { done in
      let invitations = plan.invitations
      let commands = plan.handle(event)
      if plan.invitations != invitations { keys.update(plan.invitations.values) }
      outbox.append(OutboxEntry(event: event, commands: commands, done: done))
      wakeDrain.yield()
    }
  }

  /// Stores events until the task is cancelled or the archive fails.
  private func drain() async throws {
    defer { close() }
    do {
      for await _ in drainSignals { try await emptyOutbox() }
    } catch {
      if !Task.isCancelled { archiveFailure = error }
      throw error
    }
  }

  /// Saves events in the order the plan saw them, a batch in one transaction, and then carries out their commands. An
  /// entry leaves the outbox when its submitter is answered, so that `close` finds those who still wait.
  private func emptyOutbox() async throws {
    while !outbox.isEmpty {
      // More may come while these are saved.
      let count = outbox.count
      try await archive.append(outbox.map(\.event))
      for _ in 0..<count {
        for command in outbox[0].commands { try await carryOut(command) }
        let entry = outbox.removeFirst()
        entry.done.resume(returning: entry.commands)
      }
    }
  }

  /// Nobody may wait for a coordinator that no longer answers.
  private func close() {
    isClosed = true
    for entry in outbox { entry.done.resume(throwing: CancellationError()) }
    outbox = []
    dismissWaiting()
  }

  private func carryOut(_ command: PlanCommand) async throws {
    switch command {
    case .grant(let worker, _, let order):
      // A lease is granted again to a worker that asks again; it started only once.
      if orders.give(order, to: worker)?.lease != order.lease {
        notify(.jobStarted(id: order.job.id, worker: worker))
      }
      answer(worker, with: order)
    case .revoke(let lease), .accepted(let lease), .rejected(let lease):
      orders.withdraw(lease: lease)
    case .jobDone(let job):
      guard let result = plan.result(of: job), let job = plan.job(job) else { return }
      try await archive.recordResult(result, of: job)
      let summary = JobSummary.text(for: result, of: job, leftOut: plan.leftOut(of: job.id))
      notify(.jobFinished(id: job.id, summary: summary))
      noteHeldJobs()
    case .jobRetried(let job, let reason):
      notify(.jobRetried(id: job, reason: reason))
    case .runFinished:
      ended = .finished
      dismissWaiting()
    case .runFailed(let reason):
      ended = .failed(reason)
      dismissWaiting()
    }
  }

  /// Tells the plan that whoever was here before the restart has to be heard again.
  private func resume() async throws {
    if !plan.isPristine { try await submit(.coordinatorRestarted) }
    noteHeldJobs()
  }

  // MARK: - Who is here

  var now: Duration { clock.now - start }

  func join(_ worker: WorkerDescription, time: Date? = nil) async throws -> JoinRequest.Reply {
    if plan.removed.contains(worker.name) { throw WorkerRemoved(name: worker.name) }
    if attendance.isReplaced(incarnation: worker.incarnation) { throw NameTaken(name: worker.name) }
    try ownRun.check(worker.runID, of: "worker '\(worker.name)'")
    try admission.admit(worker, time: time)
    if let task = admission.unofferedTasks.first, !isOver {
      let offered = admission.offeredTasks.joined(separator: ", ")
      ended = .failed("no robot offers the task '\(task)'; they offer \(offered)")
      dismissWaiting()
    }
    let skew = time?.timeIntervalSinceNow
    if let replaced = attendance.join(worker, at: now, clockSkew: skew) {
      log.info("worker restarted", metadata: ["worker": "\(worker.name)"])
      try await lose(worker.name, replaced)
    }
    try await submit(
      .workerJoined(
        worker: worker.name, incarnation: worker.incarnation, role: worker.role,
        tasks: worker.tasks.map(\.name)))
    notify(.workerJoined(worker.name))
    return JoinRequest.Reply(
      run: configuration.name, heartbeatSeconds: configuration.runtime.heartbeatSeconds,
      leaseSeconds: configuration.runtime.leaseSeconds,
      configuration: configurationJSON)
  }

  /// Answers with work as soon as there is some, or with nothing after the time the worker is willing to wait.
  func nextJob(_ request: NextJobRequest) async throws -> NextJobRequest.Reply {
    // One without a key that could be refused: for it, the run is over.
    if plan.removed.contains(request.worker) {
      return NextJobRequest.Reply(order: nil, finished: true)
    }
    guard
      attendance.hear(
        request.worker, incarnation: request.incarnation, at: now, vitals: request.vitals)
    else {
      if attendance.isReplaced(incarnation: request.incarnation) {
        throw NameTaken(name: request.worker)
      }
      throw UnknownWorker(name: request.worker)
    }
    if isOver { return NextJobRequest.Reply(order: nil, finished: true) }
    if let order = orders[request.worker] {
      return NextJobRequest.Reply(order: order, finished: false)
    }
    // A worker without work asks every few seconds, for as long as there is none.
    if !plan.isWaiting(request.worker, incarnation: request.incarnation) {
      try await submit(.jobWanted(worker: request.worker, incarnation: request.incarnation))
    }
    if let order = orders[request.worker] {
      return NextJobRequest.Reply(order: order, finished: false)
    }
    if isOver { return NextJobRequest.Reply(order: nil, finished: true) }
    if isClosed { throw CancellationError() }
    answer(request.worker, with: nil)
    let order = await withCheckedContinuation { reply in
      waiting[request.worker] = WaitingWorker(
        reply: reply, until: now + .seconds(min(request.waitSeconds, 30)))
    }
    return NextJobRequest.Reply(order: order, finished: order == nil && isOver)
  }

  func heartbeat(_ request: HeartbeatRequest) async throws -> HeartbeatRequest.Reply {
    let known = attendance.hear(
      request.worker, incarnation: request.incarnation, at: now, vitals: request.vitals)
    let order = orders[request.worker]
    let valid = known && (request.lease == nil || order?.lease == request.lease)
    if valid, let order, let progress = request.progress {
      notify(.jobProgress(id: order.job.id, progress: progress))
      // Most heartbeats of a robot in the middle of an episode say what the last one said: nothing to store.
      let last = reports.updateValue((order.lease, progress), forKey: request.worker)
      if last?.lease != order.lease || last?.progress != progress {
        try await record(progress, of: order.job.id)
      }
    }
    // One that was replaced has nothing to join for: it drops its job, and is told why when it asks for another.
    let replaced = attendance.isReplaced(incarnation: request.incarnation)
    return HeartbeatRequest.Reply(
      leaseValid: valid, known: known || replaced, paused: plan.paused.contains(request.worker))
  }

  /// Keeps a job's metrics for curves.
  private func record(_ progress: JobProgress, of job: String) async throws {
    let time = Date()
    try await archive.recordMetrics(
      progress.metrics.map {
        MetricSample(job: job, step: progress.done, name: $0.key, value: $0.value, time: time)
      })
  }

  func leave(_ request: LeaveRequest) async throws {
    let (worker, incarnation) = (request.worker, request.incarnation)
    guard attendance.leave(worker, incarnation: incarnation) else { return }
    try await submit(gone: worker, .workerLeft(worker: worker, incarnation: incarnation))
  }

  /// Forgets a worker that is removed, whatever it waits for.
  func dismiss(_ worker: String) {
    if let incarnation = attendance.workers[worker]?.description.incarnation {
      _ = attendance.leave(worker, incarnation: incarnation)
      notify(.workerLost(worker))
    }
    answer(worker, with: nil)
    orders.withdraw(from: worker)
    reports[worker] = nil
  }

  private func lose(_ worker: String, _ incarnation: String) async throws {
    try await submit(gone: worker, .workerLost(worker: worker, incarnation: incarnation))
  }

  private func submit(gone worker: String, _ event: PlanEvent) async throws {
    answer(worker, with: nil)
    orders.withdraw(from: worker)
    reports[worker] = nil
    try await submit(event)
    if !isOver { notify(.workerLost(worker)) }
  }

  /// Once a second: takes the silent for lost, and answers those who have waited long enough.
  private func watch() async throws {
    while true {
      try await Task.sleep(for: .seconds(1), clock: clock)
      for worker in attendance.removeSilent(at: now) {
        log.warning("worker silent", metadata: ["worker": "\(worker.name)"])
        try await lose(worker.name, worker.incarnation)
      }
      if now > attendance.patience {
        for (worker, incarnation) in plan.unheardWorkers {
          try await lose(worker, incarnation)
        }
      }
      for (worker, question) in waiting where question.until <= now {
        answer(worker, with: nil)
      }
      if lingers, case .finished = ended { continue }
      if isOver, attendance.workers.isEmpty || now > dismissedAt + .seconds(3) { return }
    }
  }

  private func answer(_ worker: String, with order: JobOrder?) {
    waiting.removeValue(forKey: worker)?.reply.resume(returning: order)
  }

  // MARK: - The end

  private var isOver: Bool { ended != nil }

  private func dismissWaiting() {
    dismissedAt = now
    for worker in waiting.keys.sorted() { answer(worker, with: nil) }
  }

  private func conclude() throws {
    switch ended {
    case .failed(let reason):
      notify(.runFailed(reason))
      throw RunFailed(reason: reason)
    case .finished, nil:
      notify(.runFinished)
    }
  }
}

/// A run that cannot go on: a job failed too often.
public struct RunFailed: Error, CustomStringConvertible {
  public var reason: String
  public var description: String { "the run failed: \(reason)" }
}
