import Foundation
import Messaging
import RecapAlgorithm

/// One training: a value function or a policy that is being learnt, was, or will be.
public struct TrainingView: Codable, Hashable, Sendable {
  public var job: String
  /// "value" or "policy".
  public var kind: String
  /// Nil in pre-training.
  public var task: String?
  public var iteration: Int?
  public var state: RunView.StageView.State
  /// Gradient steps, so far and in all.
  public var done: Int
  public var total: Int
  /// Samples a step.
  public var batchSize: Int
  public var worker: String?
  /// It took so long, or has taken so far.
  public var seconds: Double?
  public var remainingSeconds: Double?
  /// Nil where nothing was reported.
  public var stepsPerSecond: Double?
  public var samplesPerSecond: Double?
  /// The latest of each metric; of a finished training the means over its last tenth.
  public var metrics: [String: Double]

  /// All trainings, in the plan's order.
  public static func all(_ snapshot: WatchSnapshot) -> [TrainingView] {
    let timeline = snapshot.timeline
    let pace = snapshot.pace
    let reports = snapshot.runningProgress
    return timeline.plan.jobs.compactMap { job in
      let settings: TrainingSettings
      switch job.work {
      case .trainValue(let work): settings = work.training
      case .trainPolicy(let work): settings = work.training
      case .collect, .estimateValues, .label: return nil
      }
      var view = TrainingView(
        job: job.id, kind: job.role == .valueLearner ? "value" : "policy", task: job.task,
        iteration: job.iteration, state: .waiting, done: 0, total: settings.steps,
        batchSize: settings.batchSize, worker: timeline.times[job.id]?.worker, metrics: [:])
      switch timeline.plan.state(of: job.id) {
      case .done:
        view.state = .done
        view.done = settings.steps
        view.seconds = timeline.seconds(of: job.id)
        if case .checkpoint(_, let metrics) = timeline.plan.result(of: job.id) {
          view.metrics = metrics
        }
        if let seconds = view.metrics["seconds"] ?? view.seconds, seconds > 0 {
          view.stepsPerSecond = Double(settings.steps) / seconds
        }
      case .running:
        view.state = snapshot.state == .running ? .running : .ready
        guard view.state == .running else { break }
        view.seconds = timeline.times[job.id]?.started.map {
          max(0, snapshot.now.timeIntervalSince($0))
        }
        if let report = reports[job.id] {
          view.done = report.done
          view.metrics = report.metrics
          view.stepsPerSecond = report.metrics["steps per second"]
        }
        view.remainingSeconds = snapshot.remaining(of: job, pace, reports[job.id])
      case .queued: view.state = .ready
      case .held, .blocked, nil: break
      }
      view.samplesPerSecond = view.stepsPerSecond.map { $0 * Double(settings.batchSize) }
      return view
    }
  }
}

/// How a learner's or the labeller's time went.
public struct LearnerView: Codable, Hashable, Sendable {
  public var name: String
  public var role: WorkerRole
  /// What it does now; nil while it waits.
  public var job: String?
  /// The share of the time since it joined in which it had no job, in [0, 1].
  public var waitingShare: Double?
  public var silentSeconds: Double?

  /// The learners and labellers that are here, by name.
  public static func all(_ snapshot: WatchSnapshot) -> [LearnerView] {
    let timeline = snapshot.timeline
    var held: [String: String] = [:]
    for lease in timeline.plan.liveLeases { held[lease.worker] = lease.job }
    let end = snapshot.state == .running ? snapshot.now : timeline.last ?? snapshot.now
    var busy: [String: Double] = [:]
    for times in timeline.times.values {
      guard let worker = times.worker, let start = times.started,
        let joined = timeline.joined[worker]
      else { continue }
      let from = max(start, joined)
      busy[worker, default: 0] += max(0, (times.finished ?? end).timeIntervalSince(from))
    }
    return timeline.workers.filter { $0.value != .collector }.keys.sorted().map { name in
      let here = timeline.joined[name].map { end.timeIntervalSince($0) } ?? 0
      return LearnerView(
        name: name, role: timeline.workers[name] ?? .policyLearner, job: held[name],
        waitingShare: here > 1 ? max(0, 1 - (busy[name] ?? 0) / here) : nil,
        silentSeconds: snapshot.worker(name)?.silentSeconds)
    }
  }
}

/// A metric over a training's steps, few enough to be drawn.
public struct Curve: Codable, Hashable, Sendable {
  public var steps: [Int]
  /// Means over as many stretches of steps.
  public var values: [Double]

  /// At most `count` points: means over stretches that hold equally many samples. Values that are not
  /// finite are left out.
  public init(_ samples: [(step: Int, value: Double)], count: Int) {
    precondition(count >= 1, "a curve has at least 1 point, got \(count)")
    let finite = samples.filter { $0.value.isFinite }
    let parts = min(count, finite.count)
    steps = []
    values = []
    for part in 0..<parts {
      let slice = finite[finite.count * part / parts..<finite.count * (part + 1) / parts]
      steps.append(slice[slice.endIndex - 1].step)
      values.append(slice.reduce(0) { $0 + $1.value } / Double(slice.count))
    }
  }
}
