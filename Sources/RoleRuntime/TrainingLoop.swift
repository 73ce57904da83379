import Messaging
import RecapAlgorithm

/// A training that goes step by step and can be interrupted.
public protocol Training: AnyObject {
  /// Gradient steps taken.
  var stepsDone: Int { get }
  /// One gradient step; returns its metrics.
  func step() throws -> [String: Double]
  /// How it does on what it is not trained on; empty where there is nothing.
  func validationMetrics() throws -> [String: Double]
  /// Everything from which it goes on exactly.
  func state() throws -> [UInt8]
  /// Goes on from what `state()` gave; an error leaves everything as it is.
  func restore(_ state: [UInt8]) throws
}

extension Training {
  public func validationMetrics() throws -> [String: Double] { [:] }
}

/// How often a training is measured on held-out episodes, besides its end.
private let validations = 20

/// Runs a training to the end on the caller's actor: reports progress, stays cancellable, saves its
/// state now and then and when it is stopped, and returns each metric's mean over the last tenth of the steps.
///
/// - Parameters:
///   - steps: Gradient steps in all.
///   - saves: Where its state is kept; what is there already is continued. Nil keeps none.
///   - context: Where progress goes, about twice a second.
/// - Throws: What a step throws, `TrainingDiverged` for a metric that is not finite, `FileError` for
///   a state that cannot be saved, or `CancellationError`.
public func carryOut(
  _ training: some Training, steps: Int, saves: SavedTraining? = nil,
  reportingTo context: JobContext, isolation: isolated (any Actor)? = #isolation
) async throws -> [String: Double] {
  try saves?.restore(training)
  let clock = ContinuousClock()
  let start = clock.now
  let first = training.stepsDone
  var lastReport = start
  var lastSave = (time: start, step: first)
  var recent = MetricMeans()
  var closing = MetricMeans()
  // Nothing is saved in the last tenth, whose means would otherwise lack what came before the interruption.
  let closingStart = steps - max(1, steps / 10)
  while training.stepsDone < steps {
    let index = training.stepsDone
    var metrics: [String: Double]
    do {
      try Task.checkCancellation()
      metrics = try training.step()
    } catch  where error is CancellationError || error is RanksStopped {
      if let saves, index > lastSave.step, index <= closingStart { try saves.save(training) }
      throw error
    }
    if (index + 1).isMultiple(of: max(1, steps / validations)) || index == steps - 1 {
      metrics.merge(try training.validationMetrics()) { own, _ in own }
    }
    if let (name, value) = metrics.first(where: { !$0.value.isFinite }) {
      throw TrainingDiverged(metric: name, value: value, step: index)
    }
    recent.add(metrics)
    if index >= closingStart { closing.add(metrics) }
    let now = clock.now
    if now - lastReport > .milliseconds(500) || index == steps - 1 {
      var shown = recent.means
      shown["steps per second"] = Double(index + 1 - first) / (now - start).inSeconds
      await context.report(
        JobProgress(done: index + 1, total: steps, unit: "steps", metrics: shown))
      lastReport = now
      recent = MetricMeans()
    }
    if let saves, now - lastSave.time > saves.shelf.interval, index + 1 <= closingStart {
      try saves.save(training)
      lastSave = (now, index + 1)
    }
  }
  var result = closing.means
  result["seconds"] = (clock.now - start).inSeconds
  return result
}

/// A metric left the numbers: the training cannot be used.
public struct TrainingDiverged: Error, CustomStringConvertible {
  public var metric: String
  public var value: Double
  public var step: Int

  public var description: String {
    "training diverged: \(metric) is \(value) at step \(step); a lower learning rate may help"
  }
}

/// A job that came to a role which cannot do it.
public struct UnexpectedWork: Error, CustomStringConvertible {
  var job: String
  var role: WorkerRole

  public init(job: String, role: WorkerRole) {
    self.job = job
    self.role = role
  }

  public var description: String { "\(job) is not work for a \(role.rawValue)" }
}

/// Running means of named metrics.
struct MetricMeans {
  private var sums: [String: (sum: Double, count: Int)] = [:]

  mutating func add(_ metrics: [String: Double]) {
    for (name, value) in metrics {
      let old = sums[name] ?? (0, 0)
      sums[name] = (old.sum + value, old.count + 1)
    }
  }

  var means: [String: Double] { sums.mapValues { $0.sum / Double($0.count) } }
}

extension Duration {
  /// Seconds, as a floating-point number.
  public var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
