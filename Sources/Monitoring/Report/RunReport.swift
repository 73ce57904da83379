import EpisodeStorage
import Episodes
import Foundation
import RecapAlgorithm

/// How each task's policy became better from iteration to iteration.
///
/// Rates come from evaluation episodes only: fresh seeds, no coach, never trained on. Those that nobody
/// has judged are left out of every figure. The JSON keys are part of the command line's interface (`recap report --json`).
public struct RunReport: Codable, Hashable, Sendable {
  /// The run's name.
  public var run: String
  /// By name.
  public var tasks: [TaskReport]
  /// Evaluation episodes that nobody has judged, which are in no figure; nil where there are none.
  public var unjudged: Int?

  /// One task's iterations.
  public struct TaskReport: Codable, Hashable, Sendable {
    /// The task's name.
    public var task: String
    /// By k; those whose evaluation has at least one judged episode.
    public var iterations: [IterationReport]
  }

  /// One task's policy after one iteration.
  public struct IterationReport: Codable, Hashable, Sendable {
    /// The iteration; 0 is the policy after supervised fine-tuning.
    public var k: Int
    /// Evaluation episodes that are judged.
    public var episodes: Int
    /// Those that succeeded.
    public var successes: Int
    /// Successes ÷ episodes, in [0, 1].
    public var successRate: Double
    /// Standard error of `successRate`.
    public var successRateStandardError: Double
    /// Successes per robot-hour; the time of failures counts.
    public var throughputPerHour: Double
    /// Standard error of `throughputPerHour`; 0 for a single episode, which says nothing of its
    /// spread.
    public var throughputStandardError: Double
    /// Share of positive labels, in [0, 1], in the label set that this iteration's policy was
    /// trained with; 1 at k = 0, where the indicator is fixed positive, unless fine-tuning has no steps
    /// and leaves the pre-trained policy as it is; nil while there is no label set, and where policies
    /// are made without the indicator.
    public var positiveShare: Double?
    /// Share, in [0, 1], of the steps of the practice episodes recorded for this iteration that a
    /// person chose; 0 where there was no practice, as at k = 0.
    public var interventionShare: Double
    /// How often each of the task's scored stages was done; nil for a task that has none.
    public var stages: [StageRate]?

    /// Every key is always there: what is not known is `null`.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(k, forKey: .k)
      try container.encode(episodes, forKey: .episodes)
      try container.encode(successes, forKey: .successes)
      try container.encode(successRate, forKey: .successRate)
      try container.encode(successRateStandardError, forKey: .successRateStandardError)
      try container.encode(throughputPerHour, forKey: .throughputPerHour)
      try container.encode(throughputStandardError, forKey: .throughputStandardError)
      try container.encode(positiveShare, forKey: .positiveShare)
      try container.encode(interventionShare, forKey: .interventionShare)
      try container.encode(stages, forKey: .stages)
    }
  }

  /// A report of results that are known already.
  public init(run: String, tasks: [TaskReport], unjudged: Int? = nil) {
    self.run = run
    self.tasks = tasks
    self.unjudged = unjudged
  }

  /// The report of the run in an archive, as far as it has got.
  public init(archive: some ArchiveReading) async throws {
    let run = try await archive.run()
    let configuration = Data(run.configuration.utf8)
    // Configurations of older versions have no such key.
    let stored = try JSONDecoder().decode(MethodOfRun.self, from: configuration)
    var tally = EpisodeTally()
    try await tally.catchUp(with: archive)
    self = tally.report(
      run: run.name, labelSets: try await archive.labelSets(),
      extraction: stored.method?.extraction ?? .recap,
      skipsFineTuning: stored.training?.policySFT?.steps == 0)
  }

  /// The part of a stored configuration that says how its policies were made.
  private struct MethodOfRun: Decodable {
    var method: Method?
    var training: Training?

    struct Method: Decodable { var extraction: PolicyExtraction? }

    struct Training: Decodable { var policySFT: Steps? }

    struct Steps: Decodable { var steps: Int? }
  }

  /// As `IterationReport.positiveShare` says.
  static func positiveShare(
    task: String, k: Int, in labelSets: [LabelSetRow], extraction: PolicyExtraction,
    skipsFineTuning: Bool
  ) -> Double? {
    guard (k == 0 ? extraction.first : extraction).isConditioned else { return nil }
    if k == 0, !skipsFineTuning { return 1 }
    let labels = labelSets.last {
      k == 0 ? $0.task == nil : $0.task == task && $0.iteration == k
    }
    return labels?.metadata.tasks[task]?.positiveShare
  }

  /// The report as JSON, keys sorted, two spaces an indentation.
  public func json() throws -> String { try jsonText(self) }
}
