import Episodes
import Foundation
import Messaging
import RecapAlgorithm

/// One robot: what it does, and what it has done.
public struct RobotView: Codable, Hashable, Sendable {
  public var name: String
  public var state: State
  /// Whether a person has paused it: it finishes the job that it has and takes no other.
  public var isPaused: Bool
  /// The task at hand, or of its last episode.
  public var task: String?
  /// The job that it holds.
  public var job: String?
  /// Episodes of that job, so far and in all.
  public var done: Int?
  public var total: Int?
  /// The job that trained the policy that it acts with, such as "espresso/1/policy".
  public var policy: String?
  /// How many iterations that policy is behind the task's newest; nil without a policy.
  public var policyLag: Int?
  /// Seconds since its last sign of life; nil where no coordinator can be asked.
  public var silentSeconds: Double?
  /// When it joined last.
  public var joined: Date?
  public var episodes: Int
  /// Of episodes in which the policy acts, in [0, 1]; nil without any.
  public var successRate: Double?
  /// The share of practice steps that a person chose, in [0, 1]; nil without practice.
  public var interventionShare: Double?
  public var lastEpisode: Date?
  public var lastOutcome: Outcome?
  /// What the robot is, and what it offers.
  public var embodiment: String?
  public var tasks: [String]
  /// Its spool, late chunks and the like, as it said last; nil where no coordinator can be asked.
  public var vitals: RobotVitals?

  public enum State: String, Codable, Hashable, Sendable, CaseIterable {
    /// In the order in which a person wants to see them.
    case silent, demonstrating, practising, corrected, evaluating, waiting, paused, away
  }

  /// All robots: those that are here, and those that were.
  public static func all(_ snapshot: WatchSnapshot) -> [RobotView] {
    let timeline = snapshot.timeline
    var held: [String: String] = [:]
    for lease in timeline.plan.liveLeases { held[lease.worker] = lease.job }
    var sums: [String: (all: Int, acting: EpisodeTally.Sums, practice: EpisodeTally.Sums)] = [:]
    for (group, part) in snapshot.tally.groups {
      var entry = sums[group.robot] ?? (0, EpisodeTally.Sums(), EpisodeTally.Sums())
      entry.all += part.episodes
      if group.source != .demonstration { entry.acting += part }
      if group.source == .autonomous || group.source == .corrected { entry.practice += part }
      sums[group.robot] = entry
    }
    var live: [String: WorkerStatus] = [:]
    for worker in snapshot.status?.workers ?? [] where worker.role == .collector {
      live[worker.name] = worker
    }
    let newest = newestPolicies(timeline)
    let here = Set(timeline.workers.filter { $0.value == .collector }.keys)
    let names = timeline.robots.union(live.keys).union(sums.keys)
    return names.sorted { $0.localizedStandardCompare($1) == .orderedAscending }.map { name in
      let sum = sums[name]
      let latest = snapshot.tally.latest[name]
      let job = held[name].flatMap { timeline.plan.job($0) }
      var view = RobotView(
        name: name, state: .away, isPaused: timeline.plan.paused.contains(name),
        task: job?.task ?? latest?.task, job: job?.id,
        silentSeconds: live[name]?.silentSeconds, joined: timeline.joined[name],
        episodes: sum?.all ?? 0, successRate: sum?.acting.successRate,
        interventionShare: sum.flatMap {
          $0.practice.steps > 0 ? $0.practice.interventionShare : nil
        },
        lastEpisode: latest?.storedAt, lastOutcome: latest?.outcome,
        embodiment: live[name]?.embodiment, tasks: live[name]?.tasks ?? [],
        vitals: live[name]?.vitals)
      if let progress = live[name]?.progress, live[name]?.job == job?.id, job != nil {
        (view.done, view.total) = (progress.done, progress.total)
      }
      view.describePolicy(job, latest?.policy, timeline, newest)
      view.state = state(
        job, isHere: here.contains(name) && snapshot.state == .running,
        isPaused: view.isPaused, silent: view.silentSeconds,
        patience: live[name].map { snapshot.patience(with: $0) } ?? 0)
      return view
    }
  }

  private mutating func describePolicy(
    _ job: Job?, _ last: ContentDigest?, _ timeline: RunTimeline, _ newest: [String: Int]
  ) {
    var trained: String?
    if case .collect(let work) = job?.work {
      trained = work.policy
    } else {
      trained = last.flatMap { timeline.checkpoints[$0] }
    }
    policy = trained
    guard let trained, let job = timeline.plan.job(trained), let task = job.task,
      let iteration = job.iteration, let best = newest[task]
    else { return }
    policyLag = max(0, best - iteration)
  }

  /// By task: the iteration of the newest policy.
  private static func newestPolicies(_ timeline: RunTimeline) -> [String: Int] {
    var newest: [String: Int] = [:]
    for id in timeline.checkpoints.values {
      guard let job = timeline.plan.job(id), job.role == .policyLearner, let task = job.task,
        let iteration = job.iteration
      else { continue }
      newest[task] = max(newest[task] ?? 0, iteration)
    }
    return newest
  }

  private static func state(
    _ job: Job?, isHere: Bool, isPaused: Bool, silent: Double?, patience: Double
  ) -> State {
    guard isHere else { return .away }
    if let silent, silent > patience { return .silent }
    guard case .collect(let work) = job?.work else { return isPaused ? .paused : .waiting }
    switch work.source {
    case .demonstration: return .demonstrating
    case .autonomous: return .practising
    case .corrected: return .corrected
    case .evaluation: return .evaluating
    }
  }
}

extension RobotView {
  /// Its state in words, and whether a person has paused it.
  public var stateWords: String {
    guard isPaused, state != .paused else { return state.rawValue }
    return state == .away ? "away, paused" : "\(state.rawValue), pausing"
  }
}
