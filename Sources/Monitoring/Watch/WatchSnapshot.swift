import Configuration
import EpisodeStorage
import Foundation
import Messaging
import RecapAlgorithm

/// All that is known of a run at one moment. What people see, on a page, in a terminal or as a metric,
/// are pure functions of it.
public struct WatchSnapshot: Sendable {
  public var run: RunDescription
  public var configuration: RunConfiguration
  /// Tells it apart from a snapshot with something new.
  public var stamp: RunWatch.Stamp
  public var timeline: RunTimeline
  public var tally: EpisodeTally
  public var labelSets: [LabelSetRow]
  /// What the coordinator says; nil where none can be asked.
  public var status: CoordinatorStatus?
  /// Whether a process has the run open: without one nothing is going on.
  public var isOpen: Bool
  public var now: Date
  /// The share of the run's file system that is free, in [0, 1]; nil where that is unknown.
  public var freeDiskShare: Double?
  /// How well each value function does, by its job, as far as that has been worked out.
  public var valueQuality: [String: ValueQuality]
  /// The least loss that each training under way has reported, by job.
  public var leastLosses: [String: Double]

  public init(
    run: RunDescription, configuration: RunConfiguration, stamp: RunWatch.Stamp,
    timeline: RunTimeline, tally: EpisodeTally, labelSets: [LabelSetRow] = [],
    status: CoordinatorStatus? = nil,
    isOpen: Bool = false, now: Date, freeDiskShare: Double? = nil,
    valueQuality: [String: ValueQuality] = [:], leastLosses: [String: Double] = [:]
  ) {
    self.run = run
    self.configuration = configuration
    self.stamp = stamp
    self.timeline = timeline
    self.tally = tally
    self.labelSets = labelSets
    self.status = status
    self.isOpen = isOpen
    self.now = now
    self.freeDiskShare = freeDiskShare
    self.valueQuality = valueQuality
    self.leastLosses = leastLosses
  }

  /// The worker's status, if its coordinator can be asked.
  func worker(_ name: String) -> WorkerStatus? { status?.workers.first { $0.name == name } }

  /// Seconds after which a robot counts as silent: one that waits for work says nothing for half a lease.
  func patience(with robot: WorkerStatus) -> Double {
    configuration.monitoring.robotSilentSeconds
      + (robot.job == nil ? configuration.runtime.leaseSeconds / 2 : 0)
  }

  /// Where the run is.
  public var state: RunState {
    RunState(of: timeline.plan, isOpen: isOpen)
  }

  /// Seconds until the run's end; nil while there is nothing to judge by.
  public var remainingSeconds: Double? {
    guard state == .running else { return nil }
    let pace = pace
    var workers: [WorkerRole: Int] = [:]
    for (name, role) in timeline.workers where !timeline.plan.paused.contains(name) {
      workers[role, default: 0] += 1
    }
    let progress = runningProgress
    return timeline.plan.remainingSeconds(
      workers: workers, seconds: { pace.seconds(of: $0) },
      remaining: { remaining(of: $0, pace, progress[$0.id]) })
  }

  /// The latest report on each job that is being worked on.
  var runningProgress: [String: JobProgress] {
    var progress: [String: JobProgress] = [:]
    for worker in status?.workers ?? [] {
      if let job = worker.job { progress[job] = worker.progress }
    }
    return progress
  }

  /// Seconds that a job under way still takes: from its own pace, or from that of others like it.
  func remaining(of job: Job, _ pace: JobPace, _ progress: JobProgress?) -> Double? {
    let elapsed = timeline.times[job.id]?.started.map { now.timeIntervalSince($0) } ?? 0
    if let progress, progress.done > 0, progress.total > 0, elapsed > 0 {
      return elapsed * Double(progress.total - progress.done) / Double(progress.done)
    }
    return pace.seconds(of: job).map { max(0, $0 - elapsed) }
  }
}

/// Where a run is.
public enum RunState: String, Codable, Hashable, Sendable {
  /// A process works on it.
  case running
  /// Nobody does, and jobs are left.
  case stopped
  case finished
  /// A job failed too often.
  case failed

  /// - Parameter isOpen: Whether a process writes to the run.
  public init(of plan: Plan, isOpen: Bool) {
    self =
      plan.isFinished ? .finished : plan.failure != nil ? .failed : isOpen ? .running : .stopped
  }
}

extension WatchSnapshot {
  /// How long jobs take, from those that are done and from how far those under way are.
  var pace: JobPace {
    var pace = JobPace()
    for (id, times) in timeline.times where times.finished != nil {
      guard let job = timeline.plan.job(id), let seconds = timeline.seconds(of: id) else {
        continue
      }
      pace.note(job, seconds: seconds, share: 1)
    }
    for (id, progress) in runningProgress where progress.done > 0 && progress.total > 0 {
      guard let job = timeline.plan.job(id), let start = timeline.times[id]?.started else {
        continue
      }
      pace.note(
        job, seconds: max(0, now.timeIntervalSince(start)),
        share: Double(progress.done) / Double(progress.total))
    }
    return pace
  }
}

/// How long jobs take, from others like them.
struct JobPace {
  private var perUnit: [String: (seconds: Double, units: Double)] = [:]

  /// - Parameter share: How much of the job took these seconds, in (0, 1].
  mutating func note(_ job: Job, seconds: Double, share: Double) {
    for key in Self.keys(job) {
      let old = perUnit[key] ?? (0, 0)
      perUnit[key] = (old.seconds + seconds, old.units + share * Self.units(job))
    }
  }

  /// What a job takes; nil while none like it is done.
  func seconds(of job: Job) -> Double? {
    for key in Self.keys(job) {
      if let known = perUnit[key], known.units > 0 {
        return known.seconds / known.units * Self.units(job)
      }
    }
    // Labelling is quick beside all else: better a guess than no estimate.
    return job.role == .advantageLabeller ? 1 : nil
  }

  /// The closest kind first.
  private static func keys(_ job: Job) -> [String] {
    let role = job.role.rawValue
    if case .collect(let work) = job.work {
      return [
        "\(role)/\(job.task ?? "")/\(work.source.rawValue)", "\(role)/\(job.task ?? "")", role,
      ]
    }
    // A shard's episodes, or what is left to do with all shards' values, take another time than
    // labelling a dataset in one go.
    let part =
      switch job.work {
      case .estimateValues: "\(role)/shard"
      case .label(let work) where work.shards != nil: "\(role)/shards"
      default: role
      }
    return ["\(part)/\(job.task ?? "")", part]
  }

  private static func units(_ job: Job) -> Double {
    switch job.work {
    case .collect(let work): Double(work.episodeCount)
    case .trainValue(let work): Double(max(work.training.steps * work.training.batchSize, 1))
    case .trainPolicy(let work): Double(max(work.training.steps * work.training.batchSize, 1))
    case .estimateValues(let work): Double(max(work.episodeCount, 1))
    case .label(let work): Double(max(work.dataset.count, 1))
    }
  }
}

extension WatchSnapshot {
  /// How good each task's policies are so far, as `recap report` says it.
  public var report: RunReport {
    tally.report(
      run: run.name, labelSets: labelSets, extraction: configuration.method.extraction,
      skipsFineTuning: configuration.training.policySFT.steps == 0)
  }
}
