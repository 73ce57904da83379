import Foundation
import Messaging

/// Keeps what learners report in files that other tools read: `metrics.jsonl`, a JSON object a line, and TensorBoard's
/// below `tensorboard/`, both in a run's directory.
///
/// Never in the way of the run: reports are queued, those that come too fast are dropped, and what cannot be
/// written is left out.
public final class LearningLog: Sendable {
  private let reports: AsyncStream<LearningReport>
  private let queue: AsyncStream<LearningReport>.Continuation
  private let directory: String
  private let now: @Sendable () -> Date

  /// - Parameter directory: The run's.
  public init(directory: String, now: @escaping @Sendable () -> Date = { Date() }) {
    self.directory = directory
    self.now = now
    (reports, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(2000))
  }

  /// Takes in a notice; only progress in steps is of interest.
  public func report(_ notice: RunNotice) {
    guard case .jobProgress(let id, let progress) = notice, progress.unit == "steps",
      !progress.metrics.isEmpty
    else { return }
    queue.yield(
      LearningReport(job: id, step: progress.done, metrics: progress.metrics, time: now()))
  }

  /// Ends `run()` once everything reported so far is written.
  public func finish() { queue.finish() }

  /// Writes until `finish()`.
  public func run() async {
    var lines = MetricsFile(path: "\(directory)/metrics.jsonl")
    var events = TensorBoardFiles(directory: "\(directory)/tensorboard")
    var steps: [String: Int] = [:]
    for await report in reports {
      // A heartbeat may say again what the last one said.
      guard steps.updateValue(report.step, forKey: report.job) != report.step else { continue }
      lines.append(report)
      events.append(report)
    }
  }
}

/// What a training said of itself at one moment.
struct LearningReport: Sendable {
  /// Such as "espresso/1/policy".
  var job: String
  /// Gradient steps taken.
  var step: Int
  /// Some may not be finite.
  var metrics: [String: Double]
  var time: Date
}
