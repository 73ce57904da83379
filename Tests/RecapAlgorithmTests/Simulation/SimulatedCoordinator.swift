import Foundation

@testable import RecapAlgorithm

/// The plan's shell: stores each event before it carries out the commands, forgets everything else
/// in a crash, and rebuilds the plan from the stored events. It checks what the plan promises as
/// commands go by.
struct SimulatedCoordinator {
  private let jobs: [Job]
  private let storesJSON: Bool
  private(set) var plan: Plan
  private(set) var hasFinished = false

  // On disk
  private var stored: [PlanEvent] = []
  private var storedJSON: [Data] = []

  // In memory
  private var lastHeard: [String: (incarnation: String, tick: Int)] = [:]
  private var orders: [String: JobOrder] = [:]
  private var startedAt = 0
  private var downUntil = 0
  private(set) var isUp = true
  /// The next event is lost before it is stored (1), or its commands before they are carried out
  /// (2).
  private var crashPoint: (stage: Int, until: Int)?

  // What the judge knows, apart from the plan
  private var live: [String: (job: String, worker: String)] = [:]
  private var done: [String: String] = [:]
  private(set) var ordersByJob: [String: JobOrder] = [:]
  /// Whose result each job has, but for adopted ones.
  private(set) var doers: [String: String] = [:]
  private(set) var restarts = 0
  private(set) var rejections = 0
  private(set) var repetitions = 0
  private(set) var adoptions = 0
  private(set) var refusedAdoptions = 0

  private static let patience = 25

  init(jobs: [Job], storesJSON: Bool) {
    self.jobs = jobs
    self.storesJSON = storesJSON
    plan = Plan(jobs: jobs, maximumAttempts: 20)
  }

  // MARK: - Crashing and coming back

  mutating func crash(at stage: Int, until tick: Int) {
    if stage == 0 { goDown(until: tick) } else { crashPoint = (stage, tick) }
  }

  private mutating func goDown(until tick: Int) {
    isUp = false
    downUntil = tick
    crashPoint = nil
    orders = [:]
    lastHeard = [:]
  }

  private mutating func comeBack(_ now: Int, _ outbox: inout [Message]) throws {
    restarts += 1
    isUp = true
    startedAt = now
    plan = try rebuilt()
    try submit(.coordinatorRestarted, &outbox)
  }

  private func rebuilt(onDone: (String) -> Void = { _ in }) throws -> Plan {
    var plan = Plan(jobs: jobs, maximumAttempts: 20)
    let events =
      storesJSON
      ? try storedJSON.map { try JSONDecoder().decode(PlanEvent.self, from: $0) } : stored
    for event in events {
      for case .jobDone(let job) in plan.handle(event) { onDone(job) }
    }
    return plan
  }

  // MARK: - Time

  mutating func tick(_ now: Int, _ outbox: inout [Message]) throws {
    if !isUp {
      guard now >= downUntil else { return }
      try comeBack(now, &outbox)
    }
    let silent = lastHeard.filter { now - $0.value.tick > Self.patience }
    for (worker, presence) in silent.sorted(by: { $0.key < $1.key }) where isUp {
      lastHeard[worker] = nil
      // Both ways of telling the plan must do: the lease alone, or the worker with it.
      if now.isMultiple(of: 2), let order = orders[worker] {
        try submit(.leaseExpired(lease: order.lease), &outbox)
      } else {
        try submit(.workerLost(worker: worker, incarnation: presence.incarnation), &outbox)
      }
    }
    if isUp, now - startedAt > Self.patience {
      for (worker, incarnation) in plan.unheardWorkers where isUp && lastHeard[worker] == nil {
        try submit(.workerLost(worker: worker, incarnation: incarnation), &outbox)
      }
    }
  }

  // MARK: - Messages

  mutating func receive(
    _ message: WorkerMessage, from worker: String, _ incarnation: String, at now: Int,
    _ outbox: inout [Message]
  ) throws {
    guard isUp else { return }
    func reply(_ content: CoordinatorMessage) {
      outbox.append(.toWorker(worker: worker, incarnation: incarnation, content))
    }
    if case .join(let role, let tasks) = message {
      lastHeard[worker] = (incarnation, now)
      if try submit(
        .workerJoined(worker: worker, incarnation: incarnation, role: role, tasks: tasks), &outbox)
        != nil
      {
        reply(.welcome)
      }
      return
    }
    // Reports are judged by their lease alone; everything else only from a worker that is known.
    if lastHeard[worker]?.incarnation == incarnation {
      lastHeard[worker]?.tick = now
    } else {
      switch message {
      case .finished, .failed: break
      default: return reply(.unknown)
      }
    }
    switch message {
    case .join: break
    case .want where plan.isWaiting(worker, incarnation: incarnation): break
    case .want:
      try submit(.jobWanted(worker: worker, incarnation: incarnation), &outbox)
    case .heartbeat(let lease):
      if orders[worker]?.lease != lease { reply(.leaseInvalid(lease: lease)) }
    case .finished(let lease, let result):
      let event = PlanEvent.jobFinished(worker: worker, lease: lease, result: result)
      if let commands = try submit(event, &outbox) {
        guard
          commands.contains(.accepted(lease: lease)) || commands.contains(.rejected(lease: lease))
        else { throw Violation("\(lease) was finished and got no answer") }
        reply(.answered(lease: lease))
      }
    case .failed(let lease, let reason):
      if try submit(.jobFailed(worker: worker, lease: lease, reason: reason), &outbox) != nil {
        reply(.answered(lease: lease))
      }
    case .leave:
      lastHeard[worker] = nil
      try submit(.workerLeft(worker: worker, incarnation: incarnation), &outbox)
    }
  }

  // MARK: - Other runs' results

  /// Takes over what another run has made of a job, whether or not this one can have it now.
  mutating func adopt(_ job: Job, _ outbox: inout [Message]) throws {
    guard isUp else { return }
    let order = plan.order(for: job.id, lease: "")
    let isWelcome = order != nil && plan.result(of: job.id) == nil
    let before = plan.results
    let event = PlanEvent.resultAdopted(
      job: job.id, result: result(of: order ?? JobOrder(job: job, lease: "")), from: "another")
    guard let commands = try submit(event, &outbox) else { return }
    guard commands.contains(.jobDone(job: job.id)) == isWelcome else {
      throw Violation("\(job.id): adopted \(!isWelcome), but could be \(isWelcome)")
    }
    if isWelcome {
      adoptions += 1
    } else {
      refusedAdoptions += 1
      guard commands.isEmpty, plan.results == before else {
        throw Violation("\(job.id) could not be adopted and something happened: \(commands)")
      }
    }
  }

  /// Returns nil where the coordinator died over the event.
  @discardableResult
  private mutating func submit(
    _ event: PlanEvent, _ outbox: inout [Message]
  ) throws -> [PlanCommand]? {
    let commands = plan.handle(event)
    if let crashPoint, crashPoint.stage == 1 {
      goDown(until: crashPoint.until)
      return nil
    }
    if storesJSON { storedJSON.append(try JSONEncoder().encode(event)) }
    stored.append(event)
    try judge(commands, of: event)
    if let crashPoint {
      goDown(until: crashPoint.until)
      return nil
    }
    for command in commands { carryOut(command, &outbox) }
    return commands
  }

  private mutating func carryOut(_ command: PlanCommand, _ outbox: inout [Message]) {
    switch command {
    case .grant(let worker, _, let order):
      orders[worker] = order
      if let incarnation = lastHeard[worker]?.incarnation {
        outbox.append(.toWorker(worker: worker, incarnation: incarnation, .order(order)))
      }
    case .revoke(let lease), .accepted(let lease), .rejected(let lease):
      orders = orders.filter { $0.value.lease != lease }
    case .runFinished: hasFinished = true
    case .jobDone, .jobRetried, .runFailed: break
    }
  }

  // MARK: - The judge

  /// Holds the plan to its promises, by the commands of stored events alone.
  private mutating func judge(_ commands: [PlanCommand], of event: PlanEvent) throws {
    if case .resultAdopted(let job, _, _) = event, commands.contains(.jobDone(job: job)) {
      guard done.updateValue("adopted: \(job)", forKey: job) == nil else {
        throw Violation("\(job) was done and then adopted")
      }
      // What it would have been given out with must be what it was made from elsewhere.
      try note(plan.order(for: job, lease: ""))
    }
    for command in commands {
      switch command {
      case .grant(let worker, let lease, let order):
        let job = order.job
        guard order.lease == lease else { throw Violation("\(lease): order of \(order.lease)") }
        if let missing = job.dependencies.first(where: { done[$0] == nil }) {
          throw Violation("\(job.id) was given out before \(missing) was done")
        }
        guard done[job.id] == nil else { throw Violation("\(job.id) was given out when done") }
        if let held = live[lease] {
          guard held == (job.id, worker) else { throw Violation("\(lease) changed hands") }
        } else {
          if let other = live.first(where: { $0.value.job == job.id || $0.value.worker == worker })
          {
            throw Violation("\(lease) for \(worker) beside \(other)")
          }
          live[lease] = (job.id, worker)
        }
        try note(order)
      case .revoke(let lease):
        guard live.removeValue(forKey: lease) != nil else { throw Violation("revoked \(lease)") }
      case .accepted(let lease):
        if let held = live.removeValue(forKey: lease) {
          guard done.updateValue(lease, forKey: held.job) == nil else {
            throw Violation("\(held.job) got a second result")
          }
          doers[held.job] = held.worker
          guard commands.contains(.jobDone(job: held.job)) else {
            throw Violation("\(held.job) was accepted but not done")
          }
        } else {
          guard done.values.contains(lease) else {
            throw Violation("\(lease) was accepted, but was not live")
          }
          repetitions += 1
        }
      case .rejected(let lease):
        guard live[lease] == nil else { throw Violation("\(lease) was live but rejected") }
        guard !done.values.contains(lease) else { throw Violation("\(lease) counted before") }
        rejections += 1
      case .jobDone(let job):
        guard done[job] != nil else { throw Violation("\(job) is done without a result") }
      case .runFailed(let reason): throw Violation(reason)
      case .jobRetried, .runFinished: break
      }
    }
    for worker in plan.waiting {
      if let place = plan.queued.first(where: { plan.canDo(worker, $0) }) {
        throw Violation("\(worker) waits although it could do \(jobs[place].id), after \(event)")
      }
    }
  }

  /// A job's inputs are the same whenever it is given out.
  private mutating func note(_ order: JobOrder?) throws {
    guard var bare = order else { throw Violation("a job without its inputs") }
    bare.lease = ""
    if let earlier = ordersByJob.updateValue(bare, forKey: bare.job.id), earlier != bare {
      throw Violation("\(bare.job.id) was given out with other inputs than before")
    }
  }

  /// When all is over: every job done, and the stored events tell the same story.
  func checkEnd() throws {
    guard Set(done.keys) == Set(jobs.map(\.id)) else { throw Violation("jobs are missing") }
    var doneTimes: [String: Int] = [:]
    let rebuilt = try rebuilt { doneTimes[$0, default: 0] += 1 }
    guard rebuilt == plan else { throw Violation("the events rebuild another plan") }
    guard doneTimes.count == jobs.count, doneTimes.values.allSatisfy({ $0 == 1 }) else {
      throw Violation("jobs were done not once: \(doneTimes.filter { $0.value != 1 })")
    }
  }
}
