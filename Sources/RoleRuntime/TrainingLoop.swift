import Messaging
import RecapAlgorithm

/// Runs a trainer's steps to the end on the caller's actor: reports progress, stays cancellable,
/// and returns each metric's mean over the last tenth of the steps.
///
/// - Parameters:
///   - steps: Gradient steps.
///   - context: Where progress goes, about twice a second.
///   - step: One gradient step; returns its metrics.
/// - Throws: What `step` throws, `TrainingDiverged` for a metric that is not finite, or
///   `CancellationError`.
public func runTraining(
  steps: Int, reportingTo context: JobContext, isolation: isolated (any Actor)? = #isolation,
  step: () throws -> [String: Double]
) async throws -> [String: Double] {
  let clock = ContinuousClock()
  let start = clock.now
  var lastReport = start
  var recent = MetricMeans()
  var closing = MetricMeans()
  for index in 0..<steps {
    try Task.checkCancellation()
    let metrics = try step()
    if let (name, value) = metrics.first(where: { !$0.value.isFinite }) {
      throw TrainingDiverged(metric: name, value: value, step: index)
    }
    recent.add(metrics)
    if index >= steps - max(1, steps / 10) { closing.add(metrics) }
    let now = clock.now
    if now - lastReport > .milliseconds(500) || index == steps - 1 {
      var shown = recent.means
      shown["steps per second"] = Double(index + 1) / (now - start).inSeconds
      await context.report(
        JobProgress(done: index + 1, total: steps, unit: "steps", metrics: shown))
      lastReport = now
      recent = MetricMeans()
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
