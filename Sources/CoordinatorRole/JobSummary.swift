import Foundation
import RecapAlgorithm

/// One line on what a finished job made.
enum JobSummary {
  /// - Parameter leftOut: Episodes of its dataset that nobody had judged.
  static func text(for result: JobResult, of job: Job, leftOut: Int = 0) -> String {
    let made = text(result, job)
    return leftOut == 0
      ? made : made + ", \(leftOut) episode\(leftOut == 1 ? "" : "s") not judged and left out"
  }

  private static func text(_ result: JobResult, _ job: Job) -> String {
    switch result {
    case .episodes(let receipts):
      let successes = receipts.count { $0.outcome == .success }
      let open = receipts.count { $0.outcome == .unjudged }
      // In a demonstration every step is a person's; only where the policy acts is that worth a word.
      let corrected = job.supervised ? receipts.count { $0.interventionSteps > 0 } : 0
      return "\(receipts.count) episode\(receipts.count == 1 ? "" : "s"), "
        + "\(successes) success\(successes == 1 ? "" : "es")"
        + (open > 0 ? ", \(open) not judged" : "")
        + (corrected > 0 ? ", \(corrected) with corrections" : "")
    case .checkpoint(let digest, let metrics):
      let shown = metrics.filter { $0.key.hasSuffix("loss") || $0.key == "seconds" }
        .sorted { $0.key < $1.key }
        .map { "\($0.key) \(String(format: "%.3g", $0.value))" }
      return (["checkpoint \(digest.short)"] + shown).joined(separator: ", ")
    case .values(let digest):
      return "values \(digest.short) of \(job.episodeCount) episodes"
    case .labels(_, let metadata):
      return metadata.tasks.sorted { $0.key < $1.key }.map { task, summary in
        "\(task): \(String(format: "%.0f", 100 * summary.positiveShare)) % of "
          + "\(summary.steps) steps positive"
      }.joined(separator: "; ")
    }
  }
}

extension Job {
  /// Whether a policy acts while a person watches.
  fileprivate var supervised: Bool {
    if case .collect(let work) = work { work.source == .corrected } else { false }
  }
}
