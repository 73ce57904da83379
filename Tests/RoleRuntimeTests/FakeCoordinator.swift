import Episodes
import Messaging
import RecapAlgorithm

/// A coordinator that hands out given jobs in order, and writes down what it hears.
actor FakeCoordinator {
  enum Event: Equatable, Sendable {
    case joined
    case asked
    /// With the progress's `done`.
    case heartbeat(lease: String?, done: Int?)
    case finished(lease: String)
    case failed(lease: String, reason: String)
    case returned(lease: String)
    case left
  }

  /// What is heard once without being answered.
  enum Silence {
    case join
    case result
  }

  struct Refusal: Error, CustomStringConvertible { let description: String }

  private(set) var log: [Event] = []
  /// Of the last heartbeat.
  private(set) var vitals: RobotVitals?
  private var jobs: [JobOrder]
  /// The job that the worker holds.
  private var held: JobOrder?
  private var isKnown = false
  private var refusesToMeet = false
  private var isPaused = false
  private var silences: Set<Silence> = []
  private var watchers:
    [(isMet: ([Event]) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
      []

  init(leases: [String]) { jobs = leases.map(Self.order) }

  static func order(lease: String) -> JobOrder {
    let label = LabelWork(dataset: [], value: "v", lookahead: nil, positiveShare: [:])
    return JobOrder(
      job: Job(id: "job of \(lease)", task: nil, iteration: nil, seed: 1, work: .label(label)),
      lease: lease)
  }

  // MARK: What tests do to it

  /// As after a restart without records of who is here.
  func forgetWorker() { isKnown = false }
  func revokeLease() { held = nil }
  func refuseJoins() { refusesToMeet = true }
  func pause() { isPaused = true }
  /// As when the worker's key was removed.
  func expel() {
    refusesToMeet = true
    isKnown = false
    held = nil
  }
  func keepSilentOnce(about subject: Silence) { silences.insert(subject) }

  /// Returns as soon as the log satisfies `condition`.
  func hears(_ condition: @escaping @Sendable ([Event]) -> Bool) async {
    if condition(log) { return }
    await withCheckedContinuation { watchers.append((condition, $0)) }
  }

  /// The log without heartbeats and questions, whose number depends on time.
  var story: [Event] {
    log.filter {
      if case .heartbeat = $0 { return false }
      return $0 != .asked
    }
  }

  // MARK: What it answers

  private func note(_ event: Event) {
    log.append(event)
    for watcher in watchers where watcher.isMet(log) { watcher.continuation.resume() }
    watchers.removeAll { $0.isMet(log) }
  }

  nonisolated func makeRouter() -> RequestRouter {
    var router = RequestRouter()
    router.answer(JoinRequest.self) { _ in try await self.join() }
    router.answer(NextJobRequest.self) { _ in try await self.nextJob() }
    router.answer(HeartbeatRequest.self) { try await self.heartbeat($0) }
    router.answer(JobFinishedRequest.self) { try await self.finished($0.lease) }
    router.answer(JobFailedRequest.self) { try await self.failed($0.lease, $0.reason) }
    router.answer(JobReturnedRequest.self) { await self.returned($0.lease) }
    router.answer(LeaveRequest.self) { _ in await self.leave() }
    return router
  }

  /// Ends with the server, which cancels its handlers.
  private func keepSilence(about subject: Silence) async throws {
    guard silences.remove(subject) != nil else { return }
    try await Task.sleep(for: .seconds(3_600))
  }

  private func join() async throws -> JoinRequest.Reply {
    if refusesToMeet { throw Refusal(description: "this run needs no such robot") }
    isKnown = true
    note(.joined)
    try await keepSilence(about: .join)
    return JoinRequest.Reply(
      run: "test", heartbeatSeconds: 1, leaseSeconds: 10, configuration: #"{"a":1}"#)
  }

  private func nextJob() throws -> NextJobRequest.Reply {
    guard isKnown else { throw Refusal(description: "join first") }
    note(.asked)
    if held == nil, !jobs.isEmpty { held = jobs.removeFirst() }
    return NextJobRequest.Reply(order: held, finished: held == nil)
  }

  private func returned(_ lease: String) -> Acknowledgement {
    note(.returned(lease: lease))
    if held?.lease == lease { held = nil }
    return Acknowledgement()
  }

  private func heartbeat(_ request: HeartbeatRequest) throws -> HeartbeatRequest.Reply {
    if refusesToMeet { throw Refusal(description: "this run needs no such robot") }
    vitals = request.vitals
    note(.heartbeat(lease: request.lease, done: request.progress?.done))
    return HeartbeatRequest.Reply(
      leaseValid: request.lease == held?.lease, known: isKnown, paused: isPaused)
  }

  private func finished(_ lease: String) async throws -> JobFinishedRequest.Reply {
    guard isKnown else { throw Refusal(description: "join first") }
    note(.finished(lease: lease))
    try await keepSilence(about: .result)
    let accepted = held?.lease == lease
    if accepted { held = nil }
    return JobFinishedRequest.Reply(accepted: accepted)
  }

  private func failed(_ lease: String, _ reason: String) throws -> Acknowledgement {
    guard isKnown else { throw Refusal(description: "join first") }
    note(.failed(lease: lease, reason: reason))
    if held?.lease == lease { held = nil }
    return Acknowledgement()
  }

  private func leave() -> Acknowledgement {
    note(.left)
    return Acknowledgement()
  }
}
