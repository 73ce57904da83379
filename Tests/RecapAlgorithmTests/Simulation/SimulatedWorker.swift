import Tensors

@testable import RecapAlgorithm

/// A worker process on a lossy network: says everything again until it is answered.
struct SimulatedWorker {
  let name: String
  let role: WorkerRole
  var tasks: [String] = []
  private var starts = 1
  private var activity = Activity.joining
  /// Not acting before this tick: crashed, or stopped by its operating system.
  private var silentUntil = 0
  /// When to say the current thing again.
  private var nextWord = 0
  private var mustJoin = true

  private enum Activity {
    case joining
    case asking
    case working(JobOrder, until: Int)
    case reporting(lease: String, WorkerMessage)
  }

  init(name: String, role: WorkerRole, tasks: [String] = []) {
    self.name = name
    self.role = role
    self.tasks = tasks
  }

  var incarnation: String { "\(starts)" }

  /// Dies and starts again later as a new process that knows nothing.
  mutating func crash(until: Int) {
    starts += 1
    activity = .joining
    mustJoin = true
    silentUntil = until
  }

  mutating func pause(until: Int) { silentUntil = max(silentUntil, until) }

  mutating func receive(_ message: CoordinatorMessage, at now: Int) {
    guard now >= silentUntil else { return }
    switch (message, activity) {
    case (.welcome, _):
      mustJoin = false
      if case .joining = activity { begin(.asking, at: now) }
    case (.order(let order), .asking):
      begin(.working(order, until: now + 2 + Int(order.job.seed % 9)), at: now)
    case (.unknown, _):
      mustJoin = true
    case (.leaseInvalid(let lease), .working(let order, _)) where order.lease == lease:
      begin(.asking, at: now)
    case (.answered(let lease), .reporting(let reported, _)) where reported == lease:
      begin(.asking, at: now)
    default:
      break
    }
  }

  private mutating func begin(_ next: Activity, at now: Int) {
    activity = next
    nextWord = now
  }

  mutating func tick(
    _ now: Int, leaves: Bool, failure: Double, _ random: inout RandomSource,
    _ outbox: inout [Message]
  ) {
    guard now >= silentUntil else { return }
    if leaves {
      say(.leave, &outbox)
      crash(until: now + 10)
      return
    }
    if case .working(let order, let until) = activity, now >= until {
      let fails = failure > 0 && Double.random(in: 0..<1, using: &random) < failure
      let report: WorkerMessage =
        fails
        ? .failed(lease: order.lease, reason: "simulated")
        : .finished(lease: order.lease, result(of: order))
      begin(.reporting(lease: order.lease, report), at: now)
    }
    guard now >= nextWord else { return }
    nextWord = now + 6
    if mustJoin { say(.join(role, tasks: tasks), &outbox) }
    switch activity {
    case .joining: break
    case .asking: say(.want, &outbox)
    case .working(let order, _): say(.heartbeat(lease: order.lease), &outbox)
    case .reporting(_, let report): say(report, &outbox)
    }
  }

  private func say(_ message: WorkerMessage, _ outbox: inout [Message]) {
    outbox.append(.toCoordinator(worker: name, incarnation: incarnation, message))
  }
}
