import Episodes

/// Algorithm 1's jobs, who does them, and what came out: a value that takes an event and returns
/// commands.
///
/// There is no clock, socket or database in it. Its shell, the coordinator, stores each event
/// before it carries out the commands that the event gave; replaying the stored events rebuilds the
/// same plan, so a crash loses nothing that anyone was told.
///
/// What holds at any time, whatever is lost, repeated or reordered:
/// - a job is given out only when all that it needs is done, and to one worker at a time;
/// - a worker holds at most one lease, and is given the same one again when it asks again;
/// - a paused worker is given no new one, and a removed one has none;
/// - a job's result is taken once, from the lease that was live; the same message again is accepted
///   and changes nothing, and the result of any other lease is rejected;
/// - the inputs of a job are decided by the results of others, in a fixed order, and by what people
///   had said of their episodes when it was given out; no episode that nobody has judged is among them;
/// - a result of another run is adopted only by a job that has none and whose inputs are there.
///
/// After `.coordinatorRestarted` leases live on, since their workers may have worked through the
/// coordinator's absence. The shell waits for `unheardWorkers` as long as for any silent worker,
/// and then reports them lost.
public struct Plan: Sendable, Codable, Equatable {
  /// In order of priority.
  public let jobs: [Job]
  /// A job that fails this often ends the run.
  public let maximumAttempts: Int
  /// What learning does about episodes that nobody has judged.
  public let judging: JudgingPolicy
  /// Why the run cannot go on; nil unless a job failed too often.
  public internal(set) var failure: String?

  /// Workers that a person has paused, by name, here or not.
  public internal(set) var paused: Set<String> = []
  /// Workers that have a key of their own, by name.
  public internal(set) var invitations: [String: Invitation] = [:]
  /// Workers that a person has removed and not invited again.
  public internal(set) var removed: Set<String> = []

  let places: [String: Int]
  let dependents: [[Int]]
  var records: [JobRecord]
  /// Places of the jobs that a worker may have, in order of priority. No waiting worker can do one:
  /// whatever could go together has been given out.
  var queued: [Int]
  var workers: [String: WorkerRecord] = [:]
  /// Live leases by name.
  var leases: [String: Lease] = [:]
  /// Leases whose result was taken, with their jobs.
  var settled: [String: Int] = [:]
  /// Iterations that rollbacks have withdrawn, by task.
  var withdrawn: [String: Set<Int>] = [:]
  /// What raters have said last of episodes, by rater.
  var ratings: [ContentDigest: [String: Outcome]] = [:]
  /// The outcomes that count of episodes that somebody has judged.
  var verdicts: [ContentDigest: Outcome] = [:]
  /// What raters have said last of an episode's criteria, by rater.
  var criteria: [ContentDigest: [String: [String: Bool]]] = [:]
  /// The episodes of finished jobs that are not judged.
  var unjudged: Set<ContentDigest> = []
  /// Workers that wait for a job, longest first.
  var waiting: [String] = []
  var doneCount = 0
  var eventCount = 0

  struct JobRecord: Sendable, Codable, Equatable {
    /// Dependencies that are not done.
    var missing: Int
    var result: JobResult?
    /// The run that the result was taken from; nil for a result of this one.
    var origin: String?
    var lease: String?
    var grants = 0
    var failures: [String] = []
    var losses = 0
    /// The jobs whose networks it takes in place of those that it names, since a rollback.
    var standIns: [String: String] = [:]
    /// Verdicts on its episodes, as they were when it was given out or adopted.
    var outcomes: [ContentDigest: Outcome]?
  }

  struct WorkerRecord: Sendable, Codable, Equatable {
    var incarnation: String
    var role: WorkerRole
    var tasks: [String]
    var lease: String?
    /// Heard since the coordinator's last start.
    var isHeard = true
  }

  struct Lease: Sendable, Codable, Equatable {
    var job: Int
    var worker: String
  }

  /// - Parameters:
  ///   - jobs: With unique ids, each after those that it needs.
  ///   - maximumAttempts: A job that fails this often ends the run, ≥ 1.
  ///   - judging: What learning does about episodes that nobody has judged.
  public init(jobs: [Job], maximumAttempts: Int, judging: JudgingPolicy = .leaveOut) {
    precondition(maximumAttempts >= 1, "a job is attempted at least once, got \(maximumAttempts)")
    var places: [String: Int] = [:]
    var dependents = [[Int]](repeating: [], count: jobs.count)
    var records: [JobRecord] = []
    for (place, job) in jobs.enumerated() {
      let needed = Set(job.dependencies)
      for dependency in needed {
        guard let earlier = places[dependency] else {
          preconditionFailure("\(job.id) needs \(dependency), which is no earlier job")
        }
        dependents[earlier].append(place)
      }
      precondition(places.updateValue(place, forKey: job.id) == nil, "two jobs are \(job.id)")
      records.append(JobRecord(missing: needed.count))
    }
    self.jobs = jobs
    self.maximumAttempts = maximumAttempts
    self.judging = judging
    self.places = places
    self.dependents = dependents
    self.records = records
    queued = records.indices.filter { records[$0].missing == 0 }
  }

  /// How often a job may lose its worker: generous, since that is mostly not the job's fault, but a
  /// job that kills every worker must end.
  var maximumLosses: Int { 10 * maximumAttempts + 20 }

  /// Takes what happened and returns what to do about it, in order.
  public mutating func handle(_ event: PlanEvent) -> [PlanCommand] {
    eventCount += 1
    switch event {
    case .workerJoined(let worker, let incarnation, let role, let tasks):
      return join(worker, incarnation, role, tasks)
    case .workerLeft(let worker, let incarnation):
      return leave(worker, incarnation)
    case .workerLost(let worker, let incarnation):
      return lose(worker, incarnation)
    case .jobWanted(let worker, let incarnation):
      return want(worker, incarnation)
    case .leaseExpired(let lease):
      return giveUp(lease, "the worker fell silent") + dispatch()
    case .jobFinished(let worker, let lease, let result):
      return finish(worker, lease, result)
    case .jobFailed(let worker, let lease, let reason):
      return fail(worker, lease, reason) + dispatch()
    case .jobReturned(let worker, let lease):
      return handBack(worker, lease)
    case .resultAdopted(let job, let result, let run):
      return adopt(job, result, from: run)
    case .rolledBack(let task, let k):
      return rollBack(task, to: k)
    case .workerPaused(let worker, _):
      paused.insert(worker)
      return []
    case .workerResumed(let worker, _):
      paused.remove(worker)
      return waiting.contains(worker) ? dispatch(to: [worker]) : []
    case .episodeJudged(let judgement):
      judge(judgement)
      return dispatch()
    case .workerInvited(let invitation, _):
      return invite(invitation)
    case .workerRemoved(let worker, _):
      return expel(worker)
    case .coordinatorRestarted:
      return restart()
    }
  }

  // MARK: - Workers

  private mutating func join(
    _ worker: String, _ incarnation: String, _ role: WorkerRole, _ tasks: [String]
  ) -> [PlanCommand] {
    if removed.contains(worker) { return [] }
    var commands: [PlanCommand] = []
    if let known = workers[worker], known.incarnation != incarnation {
      commands += remove(worker, "worker '\(worker)' was started again")
    }
    let lease = workers[worker]?.lease
    workers[worker] = WorkerRecord(
      incarnation: incarnation, role: role, tasks: tasks, lease: lease)
    // It may have a question or an order that a restarted coordinator has forgotten.
    if let lease { commands.append(grant(lease)) }
    return commands + dispatch()
  }

  private mutating func leave(_ worker: String, _ incarnation: String) -> [PlanCommand] {
    guard let record = workers[worker], record.incarnation == incarnation else { return [] }
    forget(worker)
    let commands = record.lease.map { takeBack($0, "worker '\(worker)' left") } ?? []
    return commands + dispatch()
  }

  mutating func lose(_ worker: String, _ incarnation: String) -> [PlanCommand] {
    guard workers[worker]?.incarnation == incarnation else { return [] }
    return remove(worker, "worker '\(worker)' was lost") + dispatch()
  }

  private mutating func remove(_ worker: String, _ reason: String) -> [PlanCommand] {
    let lease = workers[worker]?.lease
    let commands = lease.map { giveUp($0, reason) } ?? []
    forget(worker)
    return commands
  }

  private mutating func forget(_ worker: String) {
    workers[worker] = nil
    waiting.removeAll { $0 == worker }
  }

  private mutating func want(_ worker: String, _ incarnation: String) -> [PlanCommand] {
    guard let record = workers[worker], record.incarnation == incarnation else { return [] }
    workers[worker]?.isHeard = true
    if let lease = record.lease { return [grant(lease)] }
    if !waiting.contains(worker) { waiting.append(worker) }
    return dispatch(to: [worker])
  }

  private mutating func restart() -> [PlanCommand] {
    for worker in workers.keys { workers[worker]?.isHeard = false }
    waiting = []
    // Whoever starts a failed run again has changed something: every job gets its attempts anew.
    failure = nil
    for place in records.indices {
      records[place].failures = []
      records[place].losses = 0
    }
    return isFinished ? [.runFinished] : []
  }

  // MARK: - Jobs

  /// Gives each waiting worker, longest waiting first, the first job that it can do.
  mutating func dispatch() -> [PlanCommand] { dispatch(to: waiting) }

  private mutating func dispatch(to candidates: [String]) -> [PlanCommand] {
    guard failure == nil, !queued.isEmpty else { return [] }
    var commands: [PlanCommand] = []
    for worker in candidates {
      guard let next = queued.firstIndex(where: { canDo(worker, $0) }) else { continue }
      let place = queued.remove(at: next)
      records[place].grants += 1
      records[place].outcomes = changedOutcomes(in: jobs[place])
      let lease = "\(jobs[place].id)@\(records[place].grants)"
      records[place].lease = lease
      leases[lease] = Lease(job: place, worker: worker)
      workers[worker]?.lease = lease
      commands.append(grant(lease))
    }
    if !commands.isEmpty { waiting.removeAll { workers[$0]?.lease != nil } }
    return commands
  }

  mutating func enqueue(_ place: Int) {
    queued.insert(place, at: queued.partitionPoint { $0 > place })
  }

  func canDo(_ worker: String, _ place: Int) -> Bool {
    guard let record = workers[worker], record.role == jobs[place].role, !paused.contains(worker),
      heldBy(place) == 0
    else { return false }
    guard record.role == .collector, let task = jobs[place].task else { return true }
    return record.tasks.contains(task)
  }

  private func grant(_ lease: String) -> PlanCommand {
    guard let held = leases[lease], let order = order(for: jobs[held.job].id, lease: lease) else {
      preconditionFailure("lease \(lease) was given out before its job's inputs were there")
    }
    return .grant(worker: held.worker, lease: lease, order: order)
  }

  private mutating func finish(
    _ worker: String, _ lease: String, _ result: JobResult
  ) -> [PlanCommand] {
    if settled[lease] != nil { return [.accepted(lease: lease)] }
    guard let held = leases[lease], held.worker == worker else { return [.rejected(lease: lease)] }
    let job = jobs[held.job]
    if let fault = job.fault(of: result) {
      return [.rejected(lease: lease)] + fail(worker, lease, fault) + dispatch()
    }
    release(lease)
    settled[lease] = held.job
    return [.accepted(lease: lease)] + settle(held.job, result)
  }

  /// Takes another run's result for a job's own. A job that is done, that needs what is not, or that
  /// cannot give such a result stays as it is.
  private mutating func adopt(
    _ id: String, _ result: JobResult, from run: String
  ) -> [PlanCommand] {
    guard let place = places[id], records[place].result == nil, records[place].missing == 0,
      jobs[place].fault(of: result) == nil, heldBy(place) == 0
    else { return [] }
    var commands: [PlanCommand] = []
    if let lease = records[place].lease {
      // Its worker would do what is done.
      release(lease)
      commands.append(.revoke(lease: lease))
    } else {
      queued.removeAll { $0 == place }
    }
    records[place].origin = run
    records[place].outcomes = changedOutcomes(in: jobs[place])
    return commands + settle(place, result)
  }

  /// Gives a job its result, and its dependents to whoever waits for them.
  private mutating func settle(_ place: Int, _ result: JobResult) -> [PlanCommand] {
    records[place].result = result.inEpisodeOrder
    noteUnjudged(place)
    doneCount += 1
    for dependent in dependents[place] {
      records[dependent].missing -= 1
      if records[dependent].missing == 0 { enqueue(dependent) }
    }
    return [.jobDone(job: jobs[place].id)] + dispatch() + (isFinished ? [.runFinished] : [])
  }

  private mutating func fail(
    _ worker: String, _ lease: String, _ reason: String
  ) -> [PlanCommand] {
    guard let held = leases[lease], held.worker == worker else { return [] }
    records[held.job].failures.append("\(reason) (worker '\(worker)')")
    let failures = records[held.job].failures
    release(lease)
    enqueue(held.job)
    let commands = [PlanCommand.revoke(lease: lease)]
    guard failures.count >= maximumAttempts else {
      return commands + [.jobRetried(job: jobs[held.job].id, reason: reason)]
    }
    let list = failures.enumerated().map { "(\($0 + 1)) \($1)" }.joined(separator: "; ")
    let times = failures.count == 1 ? "once" : "\(failures.count) times"
    return commands + end("job \(jobs[held.job].id) failed \(times): \(list)")
  }

  /// Takes a lease back from a worker that may go on with it no further.
  private mutating func handBack(_ worker: String, _ lease: String) -> [PlanCommand] {
    guard leases[lease]?.worker == worker else { return [] }
    return takeBack(lease, "worker '\(worker)' gave it back") + dispatch()
  }

  /// Takes a lease back of which nothing is said against the job or its worker.
  private mutating func takeBack(_ lease: String, _ reason: String) -> [PlanCommand] {
    guard let held = leases[lease] else { return [] }
    release(lease)
    enqueue(held.job)
    return [.revoke(lease: lease), .jobRetried(job: jobs[held.job].id, reason: reason)]
  }

  /// Takes a lease back that gave no result, through no fault of the job.
  private mutating func giveUp(_ lease: String, _ reason: String) -> [PlanCommand] {
    guard let held = leases[lease] else { return [] }
    release(lease)
    enqueue(held.job)
    records[held.job].losses += 1
    let commands = [PlanCommand.revoke(lease: lease)]
    guard records[held.job].losses > maximumLosses else {
      return commands + [.jobRetried(job: jobs[held.job].id, reason: reason)]
    }
    return commands
      + end("job \(jobs[held.job].id) lost its worker \(records[held.job].losses) times: \(reason)")
  }

  mutating func release(_ lease: String) {
    guard let held = leases.removeValue(forKey: lease) else { return }
    records[held.job].lease = nil
    workers[held.worker]?.lease = nil
  }

  private mutating func end(_ reason: String) -> [PlanCommand] {
    guard failure == nil else { return [] }
    failure = reason
    return [.runFailed(reason: reason)]
  }
}
