import Foundation
import RecapAlgorithm

/// Something that wants a person's attention, from a snapshot alone: the same snapshot gives the same
/// alerts.
public struct Alert: Codable, Hashable, Sendable {
  /// Worst first.
  public enum Severity: String, Codable, Hashable, Sendable, CaseIterable { case error, warning }

  /// What it is about; the names are a part of the interface (`recap_alerts{alert="…"}`).
  public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
    case runFailed, runStopped, robotSilent, interventionsRising, lossDiverging, valueWorseThanMean
    case labelsOneSided, learnerStarved, diskNearlyFull, jobRetried, clockSkew
    case episodesUnjudged
  }

  public var kind: Kind
  public var severity: Severity
  /// The robot, job, task or learner; empty for the run.
  public var subject: String
  /// One line: what was expected, and what is.
  public var text: String

  /// All alerts, the worst first.
  public static func all(_ snapshot: WatchSnapshot) -> [Alert] {
    let found =
      ofRun(snapshot) + ofRobots(snapshot) + ofClocks(snapshot) + ofLearners(snapshot)
      + ofLabels(snapshot)
    return found.enumerated().sorted { a, b in
      let (left, right) = (a.element.severity == .error, b.element.severity == .error)
      return left == right ? a.offset < b.offset : left
    }.map(\.element)
  }

  private static func ofRun(_ snapshot: WatchSnapshot) -> [Alert] {
    var alerts: [Alert] = []
    let plan = snapshot.timeline.plan
    if let failure = plan.failure {
      alerts.append(Alert(kind: .runFailed, severity: .error, subject: "", text: failure))
    } else if snapshot.state == .stopped {
      alerts.append(
        Alert(
          kind: .runStopped, severity: .warning, subject: "",
          text:
            "\(plan.jobs.count - plan.jobsDone) of \(plan.jobs.count) jobs are left, and nobody "
            + "works on them; go on with recap run --resume"))
    }
    alerts += ofUnjudged(snapshot)
    let least = snapshot.configuration.monitoring.freeDiskShare
    if let share = snapshot.freeDiskShare, share < least {
      alerts.append(
        Alert(
          kind: .diskNearlyFull, severity: .error, subject: "",
          text: "\(percent(share)) of the disk is free; at least \(percent(least)) should be"))
    }
    for (job, times) in snapshot.timeline.times.sorted(by: { $0.key < $1.key })
    where times.retries > 0 && times.finished == nil && snapshot.state == .running {
      let count = times.retries == 1 ? "once" : "\(times.retries) times"
      alerts.append(
        Alert(
          kind: .jobRetried, severity: .warning, subject: job,
          text: "\(job) was given out again \(count): \(times.reason ?? "")"))
    }
    return alerts
  }

  private static func ofUnjudged(_ snapshot: WatchSnapshot) -> [Alert] {
    let count = snapshot.tally.unjudged
    guard count > 0 else { return [] }
    let held = snapshot.timeline.plan.heldJobs
    let waiting = held.first.map { first in
      "; \(first.job)\(held.count > 1 ? " and \(held.count - 1) more" : "") cannot begin before"
    }
    let (noun, verb) = count == 1 ? ("episode", "is") : ("episodes", "are")
    return [
      Alert(
        kind: .episodesUnjudged, severity: .warning, subject: "",
        text: "\(count) \(noun) \(verb) not judged, and neither learned from nor counted"
          + (waiting ?? "") + ": recap episodes label RUN")
    ]
  }

  private static func ofRobots(_ snapshot: WatchSnapshot) -> [Alert] {
    guard snapshot.state == .running else { return [] }
    var alerts: [Alert] = []
    for worker in snapshot.status?.workers ?? []
    where worker.role == .collector && worker.silentSeconds > snapshot.patience(with: worker) {
      alerts.append(
        Alert(
          kind: .robotSilent, severity: .error, subject: worker.name,
          text: "\(worker.name) was last heard \(RunTimeline.words(worker.silentSeconds)) ago"))
    }
    for (robot, recent) in snapshot.tally.recentCorrections.sorted(by: { $0.key < $1.key })
    where recent.count >= 10 {
      let (before, after) = (
        share(recent.prefix(recent.count / 2)), share(recent.suffix(recent.count / 2))
      )
      guard after - before >= snapshot.configuration.monitoring.interventionRise else { continue }
      alerts.append(
        Alert(
          kind: .interventionsRising, severity: .warning, subject: robot,
          text: "people correct \(percent(after)) of \(robot)'s steps, \(percent(before)) before"))
    }
    return alerts
  }

  private static func ofClocks(_ snapshot: WatchSnapshot) -> [Alert] {
    let tolerated = snapshot.configuration.monitoring.clockSkewSeconds
    return (snapshot.status?.workers ?? []).compactMap { worker in
      guard let skew = worker.clockSkewSeconds, abs(skew) > tolerated else { return nil }
      return Alert(
        kind: .clockSkew, severity: .warning, subject: worker.name,
        text: "\(worker.name)'s clock is \(decimal(abs(skew), digits: 1)) s "
          + "\(skew > 0 ? "ahead of" : "behind") the coordinator's")
    }
  }

  private static func share(_ episodes: ArraySlice<(corrected: Int, steps: Int)>) -> Double {
    let steps = episodes.reduce(0) { $0 + $1.steps }
    return steps == 0 ? 0 : Double(episodes.reduce(0) { $0 + $1.corrected }) / Double(steps)
  }

  private static func ofLearners(_ snapshot: WatchSnapshot) -> [Alert] {
    var alerts: [Alert] = []
    let running = snapshot.state == .running
    for (job, least) in snapshot.leastLosses.sorted(by: { $0.key < $1.key }) where running {
      guard let loss = snapshot.runningProgress[job]?.metrics["loss"],
        !loss.isFinite || (least > 0 && loss > snapshot.configuration.monitoring.lossRise * least)
      else { continue }
      alerts.append(
        Alert(
          kind: .lossDiverging, severity: .error, subject: job,
          text: "\(job): the loss is \(significant(loss)); it has been \(significant(least))"))
    }
    for (job, quality) in snapshot.valueQuality.sorted(by: { $0.key < $1.key })
    where quality.explained < 0 {
      alerts.append(
        Alert(
          kind: .valueWorseThanMean, severity: .warning, subject: job,
          text: "\(job) predicts returns worse than their mean would (R² = "
            + "\(decimal(quality.explained, digits: 2)))"))
    }
    guard running else { return alerts }
    let busyRobots = snapshot.timeline.plan.liveLeases.contains {
      snapshot.timeline.workers[$0.worker] == .collector
    }
    for (learner, idle) in snapshot.idleLearners.sorted(by: { $0.key < $1.key })
    where busyRobots && idle > snapshot.configuration.monitoring.learnerIdleSeconds {
      alerts.append(
        Alert(
          kind: .learnerStarved, severity: .warning, subject: learner,
          text: "\(learner) has waited for work for \(RunTimeline.words(idle))"))
    }
    return alerts
  }

  private static func ofLabels(_ snapshot: WatchSnapshot) -> [Alert] {
    var newest: [String: (job: String, share: Double)] = [:]
    for set in snapshot.labelSets {
      for (task, summary) in set.metadata.tasks {
        newest[task] = (set.metadata.job, summary.positiveShare)
      }
    }
    return newest.sorted { $0.key < $1.key }.compactMap { task, set in
      guard set.share <= 0 || set.share >= 1 else { return nil }
      return Alert(
        kind: .labelsOneSided, severity: .error, subject: task,
        text: "every label of \(task) in \(set.job) is \(set.share >= 1 ? "positive" : "negative")")
    }
  }

  private static func percent(_ share: Double) -> String { decimal(share * 100, digits: 1) + " %" }
}

extension WatchSnapshot {
  /// Seconds since each learner without a job had one, or came.
  var idleLearners: [String: Double] {
    let busy = Set(timeline.plan.liveLeases.map(\.worker))
    var since = timeline.joined
    for times in timeline.times.values {
      if let worker = times.worker, let end = times.finished {
        since[worker] = max(since[worker] ?? end, end)
      }
    }
    var idle: [String: Double] = [:]
    for (name, role) in timeline.workers
    where role != .collector && role != .advantageLabeller && !busy.contains(name) {
      idle[name] = since[name].map { now.timeIntervalSince($0) }
    }
    return idle
  }
}
