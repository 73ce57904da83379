import Foundation
import Messaging
import RecapAlgorithm

/// A run at a glance: Algorithm 1 as stages, how far each is, and when all will be done. The encoded
/// form is a part of the interface (`recap status --json`, `/api/run`).
public struct RunView: Codable, Hashable, Sendable {
  /// The run's name.
  public var name: String
  /// Tells it apart from every other.
  public var id: String
  /// Of recap, which began it.
  public var version: String
  public var created: Date
  public var state: RunState
  /// Whether a coordinator could be asked: without one there are no heartbeats.
  public var isLive: Bool
  /// Why it failed.
  public var failure: String?
  /// When its log was written to last.
  public var lastEvent: Date?
  /// Seconds of work, up to now or to the last event of a run that nobody works on; those in which no
  /// coordinator was there are left out.
  public var elapsedSeconds: Double
  /// Seconds to the end, estimated; nil where there is nothing to judge by.
  public var remainingSeconds: Double?
  public var jobsDone: Int
  public var jobs: Int
  public var episodes: Int
  /// In the configuration's order.
  public var tasks: [String]
  /// K.
  public var iterations: Int
  /// In the plan's order.
  public var stages: [StageView]
  /// How many workers of each role are here, at work and paused.
  public var workers: [WorkerCount]
  /// What needs somebody's attention, the worst first.
  public var alerts: [Alert]

  /// A box of the picture: a stage of collecting with all its slices, labelling with all its shards, or
  /// one job of learning.
  public struct StageView: Codable, Hashable, Sendable {
    /// Such as "espresso/1/autonomous".
    public var stage: String
    /// Nil in pre-training.
    public var task: String?
    /// Nil in pre-training and for demonstrations.
    public var iteration: Int?
    public var kind: Kind
    public var state: State
    /// In [0, 1].
    public var progress: Double
    public var jobs: Int
    public var jobsDone: Int
    public var jobsRunning: Int
    /// Of a stage of collecting, or of labelling in shards: in all, and those of finished jobs and
    /// reported ones.
    public var episodes: Int?
    public var episodesDone: Int?
    /// Who works on it.
    public var workers: [String]
    /// Of work: from its first beginning to its last end, or to now.
    public var seconds: Double?
    /// Of a job under way, estimated.
    public var remainingSeconds: Double?
    /// How often one of its jobs had to be given out again.
    public var retries: Int
    /// Why, the last time.
    public var reason: String?

    public enum Kind: String, Codable, Hashable, Sendable {
      case demonstrations, autonomous, corrected, evaluation, value, labels, policy
    }

    /// `waiting` needs others first; `ready` needs only a worker.
    public enum State: String, Codable, Hashable, Sendable {
      case done, running, ready, waiting, failed
    }
  }

  public struct WorkerCount: Codable, Hashable, Sendable {
    public var role: WorkerRole
    public var here: Int
    public var working: Int
    public var paused: Int
  }

  /// The view that follows from a snapshot.
  public init(_ snapshot: WatchSnapshot) {
    let timeline = snapshot.timeline
    let plan = timeline.plan
    name = snapshot.run.name
    id = snapshot.run.id
    version = snapshot.run.version
    created = snapshot.run.created
    state = snapshot.state
    isLive = snapshot.status != nil
    failure = plan.failure
    lastEvent = timeline.last
    let since = timeline.lastWork ?? snapshot.now
    elapsedSeconds =
      timeline.worked + (state == .running ? max(0, snapshot.now.timeIntervalSince(since)) : 0)
    remainingSeconds = snapshot.remainingSeconds
    jobsDone = plan.jobsDone
    jobs = plan.jobs.count
    episodes = snapshot.tally.episodes
    tasks = snapshot.configuration.tasks.map(\.name)
    iterations = snapshot.configuration.schedule.iterations
    stages = StageView.all(snapshot)
    let busy = Set(plan.liveLeases.map(\.worker))
    workers = WorkerRole.allCases.map { role in
      let names = timeline.workers.filter { $0.value == role }.keys
      return WorkerCount(
        role: role, here: names.count, working: names.count { busy.contains($0) },
        paused: names.count { plan.paused.contains($0) })
    }
    alerts = Alert.all(snapshot)
  }
}

extension RunView.StageView {
  /// Every stage, in the plan's order.
  static func all(_ snapshot: WatchSnapshot) -> [Self] {
    let timeline = snapshot.timeline
    let pace = snapshot.pace
    let reports = snapshot.runningProgress
    let isAtWork = snapshot.state == .running
    var members: [String: [Job]] = [:]
    for job in timeline.plan.jobs { members[job.stage, default: []].append(job) }
    return timeline.plan.stages.map { stage in
      let jobs = members[stage.stage] ?? []
      var view = Self(stage, first: jobs[0])
      var starts: [Date] = []
      var ends: [Date] = []
      var partial = 0.0
      var reported = 0
      for job in jobs {
        let times = timeline.times[job.id]
        view.retries += times?.retries ?? 0
        view.reason = times?.reason ?? view.reason
        if let start = times?.started { starts.append(start) }
        if let end = times?.finished { ends.append(end) }
        guard stage.jobsRunning > 0, case .running(let worker, _) = timeline.plan.state(of: job.id)
        else { continue }
        view.workers.append(worker)
        guard isAtWork else { continue }
        let report = reports[job.id]
        if let report, report.total > 0 {
          partial += Double(report.done) / Double(report.total)
          if view.episodes != nil { reported += report.done }
        }
        if let left = snapshot.remaining(of: job, pace, report) {
          view.remainingSeconds = max(view.remainingSeconds ?? 0, left)
        }
      }
      view.progress = (Double(stage.jobsDone) + partial) / Double(max(stage.jobs, 1))
      if let done = view.episodesDone { view.episodesDone = done + reported }
      if view.kind == .labels, let episodes = view.episodes, stage.jobsDone < stage.jobs {
        // The job that labels by the shards' values is little work beside them.
        view.progress = Double(view.episodesDone ?? 0) / Double(episodes + 1)
      }
      if let start = starts.min() {
        let end = view.state == .running ? snapshot.now : ends.max() ?? timeline.last ?? start
        view.seconds = max(0, end.timeIntervalSince(start))
      }
      if view.state == .running, !isAtWork { view.state = .ready }
      if view.state != .done, timeline.plan.failure?.contains("job \(stage.stage)") == true {
        view.state = .failed
      }
      return view
    }
  }

  private init(_ stage: StageProgress, first: Job) {
    self.stage = stage.stage
    task = stage.task
    iteration = stage.iteration
    switch first.work {
    case .collect(let work):
      kind =
        switch work.source {
        case .demonstration: .demonstrations
        case .autonomous: .autonomous
        case .corrected: .corrected
        case .evaluation: .evaluation
        }
    case .trainValue: kind = .value
    case .estimateValues, .label: kind = .labels
    case .trainPolicy: kind = .policy
    }
    state =
      stage.jobsDone == stage.jobs
      ? .done : stage.jobsRunning > 0 ? .running : stage.jobsReady > 0 ? .ready : .waiting
    progress = 0
    jobs = stage.jobs
    jobsDone = stage.jobsDone
    jobsRunning = stage.jobsRunning
    episodes = stage.episodes > 0 ? stage.episodes : nil
    episodesDone = stage.episodes > 0 ? stage.episodesDone : nil
    workers = []
    retries = 0
  }
}
