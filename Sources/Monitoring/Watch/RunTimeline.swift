import EpisodeStorage
import Episodes
import Foundation
import RecapAlgorithm

/// A run's plan as its stored events rebuild it, and when things happened: fed with the event log, a
/// piece at a time.
public struct RunTimeline: Sendable {
  /// When a job was worked on.
  public struct Times: Hashable, Sendable {
    /// When it was last given out.
    public var started: Date?
    /// When its result was taken.
    public var finished: Date?
    /// Who had it last.
    public var worker: String?
    var lease: String?
    /// How often it failed or lost its worker.
    public var retries = 0
    /// Why it was given out again, the last time.
    public var reason: String?
  }

  /// Something that a person may want to know of.
  public struct Incident: Codable, Hashable, Sendable {
    /// 1, 2, 3, … as they happened.
    public var id: Int
    public var time: Date
    public var kind: Kind
    /// One line.
    public var text: String

    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
      case joined, left, done, retried, adopted, restarted, finished, failed, paused, resumed
      case invited, removed, rolledBack, judged
    }
  }

  /// A person's word on an episode.
  public struct Rating: Codable, Hashable, Sendable {
    public var rater: String
    public var outcome: Outcome
    /// Whether it passed each criterion, as far as they say so.
    public var criteria: [String: Bool]?
    public var time: Date
  }

  public private(set) var plan: Plan
  /// The last event that was taken in; 0 for none.
  public private(set) var sequence = 0
  /// By job.
  public private(set) var times: [String: Times] = [:]
  /// Oldest first; the very old are forgotten.
  public private(set) var incidents: [Incident] = []
  /// When anything happened last.
  public private(set) var last: Date?
  /// When something of the run's work happened last.
  public private(set) var lastWork: Date?
  /// Seconds of work up to then, those left out in which no coordinator was there.
  public private(set) var worked = 0.0
  /// The workers that are here as far as the log knows, with their roles.
  public private(set) var workers: [String: WorkerRole] = [:]
  /// Every robot that has ever been here.
  public private(set) var robots: Set<String> = []
  /// When each worker came last.
  public private(set) var joined: [String: Date] = [:]
  /// The jobs that trained a policy or a value function, by their checkpoint.
  public private(set) var checkpoints: [ContentDigest: String] = [:]

  /// What people have said of episodes, by the episode's id, oldest first.
  public private(set) var ratings: [String: [Rating]] = [:]
  /// How often they have.
  public private(set) var judgements = 0

  private var told = 0

  static let rememberedIncidents = 5000

  /// Before anything happened.
  public init(jobs: [Job], maximumAttempts: Int, judging: JudgingPolicy = .leaveOut) {
    plan = Plan(jobs: jobs, maximumAttempts: maximumAttempts, judging: judging)
  }

  /// Takes in entries of the log, in its order; those taken in before change nothing.
  ///
  /// - Throws: `DecodingError` for an event that this version of recap does not know.
  public mutating func add(_ rows: [EventRow]) throws {
    let decoder = JSONDecoder()
    for row in rows where row.sequence > sequence {
      add(try decoder.decode(PlanEvent.self, from: Data(row.event.utf8)), row)
    }
  }

  private mutating func add(_ event: PlanEvent, _ row: EventRow) {
    sequence = row.sequence
    last = row.time
    // People judge and look after robots long after a run has ended.
    if !event.isOfAPerson {
      let begin = event == .coordinatorRestarted ? row.time : lastWork ?? row.time
      worked += max(0, row.time.timeIntervalSince(begin))
      lastWork = row.time
    }
    note(event, row)
    for command in plan.handle(event) { note(command, of: event, row) }
  }

  private mutating func note(_ event: PlanEvent, _ row: EventRow) {
    switch event {
    case .workerJoined(let worker, _, let role, _):
      if role == .collector { robots.insert(worker) }
      // A worker says hello again after every break.
      if workers.updateValue(role, forKey: worker) == nil {
        joined[worker] = row.time
        tell(.joined, "\(worker) joined", row)
      }
    case .workerLeft(let worker, _):
      if workers.removeValue(forKey: worker) != nil { tell(.left, "\(worker) left", row) }
    case .workerLost(let worker, _):
      if workers.removeValue(forKey: worker) != nil { tell(.left, "\(worker) fell silent", row) }
    case .jobFailed(let worker, let lease, let reason):
      tell(.failed, "\(Self.job(ofLease: lease)) failed on \(worker): \(reason)", row)
    case .resultAdopted(let job, _, let run):
      tell(.adopted, "\(job): taken over from run \(run)", row)
    case .coordinatorRestarted:
      tell(.restarted, "the coordinator started again", row)
    case .rolledBack(let task, let k):
      tell(.rolledBack, "\(task): the policy of iteration \(k) is the current one again", row)
    case .workerPaused(let worker, let by):
      tell(.paused, "\(worker) paused by \(by)", row)
    case .workerResumed(let worker, let by):
      tell(.resumed, "\(worker) resumed by \(by)", row)
    case .episodeJudged(let judgement):
      judgements += 1
      ratings[judgement.episode, default: []].append(
        Rating(
          rater: judgement.rater, outcome: judgement.outcome, criteria: judgement.criteria,
          time: row.time))
      let differs = judgement.verdict == judgement.outcome ? "" : "; others say otherwise"
      tell(
        .judged,
        "\(judgement.rater) calls \(judgement.episode) a \(judgement.outcome.rawValue)\(differs)",
        row)
    case .workerInvited(let invitation, let by):
      if invitation.role == .collector { robots.insert(invitation.worker) }
      tell(.invited, "\(invitation.worker) invited by \(by)", row)
    case .workerRemoved(let worker, let by):
      workers[worker] = nil
      tell(.removed, "\(worker) removed by \(by)", row)
    case .jobWanted, .leaseExpired, .jobFinished, .jobReturned: break
    }
  }

  private mutating func note(_ command: PlanCommand, of event: PlanEvent, _ row: EventRow) {
    switch command {
    case .grant(let worker, let lease, _):
      let job = Self.job(ofLease: lease)
      // A worker that asks again is given the same lease again.
      guard times[job]?.lease != lease else { return }
      times[job, default: Times()].lease = lease
      times[job, default: Times()].worker = worker
      times[job, default: Times()].started = row.time
    case .jobDone(let job):
      times[job, default: Times()].finished = row.time
      if let digest = plan.checkpoint(of: job) { checkpoints[digest] = job }
      tell(.done, "\(job) done" + (seconds(of: job).map { " in \(Self.words($0))" } ?? ""), row)
    case .jobRetried(let job, let reason):
      if !event.isRegular {
        times[job, default: Times()].retries += 1
        times[job, default: Times()].reason = reason
      }
      tell(.retried, "\(job) is given out again: \(reason)", row)
    case .runFinished: tell(.finished, "every job is done", row)
    case .runFailed(let reason): tell(.failed, "the run failed: \(reason)", row)
    case .revoke, .accepted, .rejected: break
    }
  }

  private mutating func tell(_ kind: Incident.Kind, _ text: String, _ row: EventRow) {
    told += 1
    incidents.append(Incident(id: told, time: row.time, kind: kind, text: text))
    if incidents.count > Self.rememberedIncidents + 500 { incidents.removeFirst(500) }
  }

  /// How long a finished job took its worker; nil where that is not known, as of adopted ones.
  public func seconds(of job: String) -> Double? {
    guard let times = times[job], let start = times.started, let end = times.finished else {
      return nil
    }
    return max(0, end.timeIntervalSince(start))
  }

  /// "espresso/1/policy" of "espresso/1/policy@2".
  static func job(ofLease lease: String) -> String {
    lease.lastIndex(of: "@").map { String(lease[..<$0]) } ?? lease
  }

  /// "3 s", "4 min 5 s", "2 h 7 min".
  public static func words(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}

extension PlanEvent {
  /// Whether nothing went wrong where a job comes back by it.
  fileprivate var isRegular: Bool {
    switch self {
    case .workerLeft, .jobReturned: true
    default: false
    }
  }

  /// Whether it is a person's word and no work of the run's.
  fileprivate var isOfAPerson: Bool {
    switch self {
    case .episodeJudged, .workerPaused, .workerResumed, .workerInvited, .workerRemoved: true
    default: false
    }
  }
}
