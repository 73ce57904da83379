import Configuration
import Foundation
import Monitoring
import RecapAlgorithm

/// One run of an experiment, as far as it has got.
public struct ArmRun: Sendable {
  /// The arm's name.
  public var arm: String
  public var seed: Int
  /// Whether every job is done. Other runs are not counted: their evaluations are incomplete.
  public var isFinished: Bool
  public var report: RunReport
  /// All jobs of the run.
  public var work: SharedWork
  /// Those whose results were taken from other runs.
  public var adopted: SharedWork
  /// When it began, and when something happened last.
  public var began, ended: Date?

  public init(
    arm: String, seed: Int, isFinished: Bool, report: RunReport, work: SharedWork,
    adopted: SharedWork, began: Date? = nil, ended: Date? = nil
  ) {
    self.arm = arm
    self.seed = seed
    self.isFinished = isFinished
    self.report = report
    self.work = work
    self.adopted = adopted
    self.began = began
    self.ended = ended
  }
}

/// How an experiment's arms compare: each quantity's mean over seeds and its standard error.
///
/// The JSON keys are part of the command line's interface (`recap report --json`).
public struct ExperimentReport: Codable, Hashable, Sendable {
  /// The experiment's name.
  public var experiment: String
  public var title: String
  /// The seeds that were asked for or that any arm was run with, ascending.
  public var seeds: [Int]
  /// When the first run began, as in "2026-01-31T12:00:00Z"; nil where there is none.
  public var began: String?
  /// When something happened last in any run.
  public var ended: String?
  /// In the order of the file.
  public var arms: [ArmReport]

  /// One arm over its finished runs.
  public struct ArmReport: Codable, Hashable, Sendable {
    public var name: String
    public var title: String
    /// What it changes besides what all arms change, as `--set` takes it.
    public var settings: [String]
    /// The seeds of its finished runs, ascending.
    public var seeds: [Int]
    /// Seeds whose run was begun and is not finished.
    public var unfinishedSeeds: [Int]
    /// Runs of which nothing is known, by seed.
    public var unreadableRuns: [UnreadableRun]
    /// All jobs of its finished runs.
    public var work: SharedWork
    /// Those of them whose results were taken from other arms.
    public var adopted: SharedWork
    /// By name.
    public var tasks: [TaskReport]
  }

  /// A run that is there and cannot be read.
  public struct UnreadableRun: Codable, Hashable, Sendable {
    public var seed: Int
    /// What keeps it from being read, with its place.
    public var reason: String

    public init(seed: Int, reason: String) {
      self.seed = seed
      self.reason = reason
    }
  }

  /// One task's iterations.
  public struct TaskReport: Codable, Hashable, Sendable {
    public var task: String
    /// By k.
    public var iterations: [IterationReport]
  }

  /// One task's policies after one iteration, over seeds.
  public struct IterationReport: Codable, Hashable, Sendable {
    /// The iteration; 0 is the policy after supervised fine-tuning.
    public var k: Int
    /// Evaluation episodes of all seeds.
    public var episodes: Int
    /// Those that succeeded.
    public var successes: Int
    /// Mean over seeds, in [0, 1].
    public var successRate: Double
    public var successRateStandardError: Double
    /// Mean over seeds.
    public var throughputPerHour: Double
    public var throughputStandardError: Double
    /// Mean over seeds; nil where no policy was trained with labels.
    public var positiveShare: Double?
    /// Mean over seeds.
    public var interventionShare: Double
    /// How often each of the task's scored stages was done, mean over seeds; nil for a task that has
    /// none.
    public var stages: [StageRate]?
    /// What each seed gave, ascending.
    public var seeds: [SeedReport]

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
      try container.encode(seeds, forKey: .seeds)
    }
  }

  /// One seed's iteration: a run report's keys, and `seed`.
  public struct SeedReport: Hashable, Sendable {
    public var seed: Int
    public var iteration: RunReport.IterationReport
  }

  /// The report of an experiment's runs.
  ///
  /// - Parameters:
  ///   - runs: In any order.
  ///   - requested: Seeds that were asked for.
  ///   - unreadable: Runs that cannot be read, by arm.
  public init(
    _ experiment: Experiment, runs: [ArmRun], requested: [Int] = [],
    unreadable: [String: [UnreadableRun]] = [:]
  ) {
    self.experiment = experiment.name
    title = experiment.heading
    seeds = Set(runs.map(\.seed) + requested + unreadable.values.joined().map(\.seed)).sorted()
    began = runs.compactMap(\.began).min()?.formatted(.iso8601)
    ended = runs.compactMap(\.ended).max()?.formatted(.iso8601)
    arms = experiment.arms.map { arm in
      ArmReport(
        arm, runs: runs.filter { $0.arm == arm.name }.sorted { $0.seed < $1.seed },
        unreadable: (unreadable[arm.name] ?? []).sorted { $0.seed < $1.seed })
    }
  }

  /// The report as JSON, keys sorted, two spaces an indentation.
  public func json() throws -> String { try jsonText(self) }

  /// The tasks of any arm, by name.
  public var tasks: [String] { Set(arms.flatMap { $0.tasks.map(\.task) }).sorted() }

  /// The seeds that any arm has a finished run with, ascending.
  var measuredSeeds: [Int] { Set(arms.flatMap(\.seeds)).sorted() }

  /// What '±' is where quantities are means over so many seeds each: "one standard error over 2 to 3
  /// seeds".
  static func spread(_ counts: [Int]) -> String {
    guard let least = counts.min(), let most = counts.max(), most > 1 else {
      return "one standard error over episodes"
    }
    let seeds = least == most ? "\(most) seeds" : "\(least) to \(most) seeds"
    return "one standard error over \(seeds)" + (least == 1 ? "; of one, over its episodes" : "")
  }
}

extension ExperimentReport.ArmReport {
  fileprivate init(
    _ arm: Experiment.Arm, runs: [ArmRun], unreadable: [ExperimentReport.UnreadableRun]
  ) {
    let finished = runs.filter(\.isFinished)
    name = arm.name
    title = arm.label
    settings = arm.settings
    seeds = finished.map(\.seed)
    unfinishedSeeds = runs.filter { !$0.isFinished }.map(\.seed)
    unreadableRuns = unreadable
    work = finished.reduce(SharedWork()) { $0 + $1.work }
    adopted = finished.reduce(SharedWork()) { $0 + $1.adopted }
    var measured: [String: [Int: [ExperimentReport.SeedReport]]] = [:]
    for run in finished {
      for task in run.report.tasks {
        for iteration in task.iterations {
          measured[task.task, default: [:]][iteration.k, default: []].append(
            ExperimentReport.SeedReport(seed: run.seed, iteration: iteration))
        }
      }
    }
    tasks = measured.sorted { $0.key < $1.key }.map { task, iterations in
      ExperimentReport.TaskReport(
        task: task,
        iterations: iterations.sorted { $0.key < $1.key }.compactMap {
          ExperimentReport.IterationReport(k: $0.key, seeds: $0.value)
        })
    }
  }

  /// A task's report; nil where no finished run practised it.
  public func task(_ name: String) -> ExperimentReport.TaskReport? {
    tasks.first { $0.task == name }
  }
}

extension ExperimentReport.IterationReport {
  /// - Parameter seeds: Ascending.
  /// - Returns: nil without seeds.
  init?(k: Int, seeds: [ExperimentReport.SeedReport]) {
    func statistics(
      _ value: KeyPath<RunReport.IterationReport, Double>,
      _ error: KeyPath<RunReport.IterationReport, Double>
    ) -> SeedStatistics? {
      SeedStatistics(
        seeds.map { $0.iteration[keyPath: value] },
        errors: seeds.map { $0.iteration[keyPath: error] })
    }
    guard let success = statistics(\.successRate, \.successRateStandardError),
      let throughput = statistics(\.throughputPerHour, \.throughputStandardError)
    else { return nil }
    let positive = seeds.compactMap(\.iteration.positiveShare)
    self.k = k
    episodes = seeds.reduce(0) { $0 + $1.iteration.episodes }
    successes = seeds.reduce(0) { $0 + $1.iteration.successes }
    successRate = success.mean
    successRateStandardError = success.standardError
    throughputPerHour = throughput.mean
    throughputStandardError = throughput.standardError
    positiveShare = positive.isEmpty ? nil : positive.reduce(0, +) / Double(positive.count)
    interventionShare =
      seeds.reduce(0) { $0 + $1.iteration.interventionShare } / Double(seeds.count)
    stages = seeds.first?.iteration.stages?.compactMap { stage in
      let rates = seeds.compactMap { $0.iteration.stages?.first { $0.name == stage.name } }
      return SeedStatistics(rates.map(\.rate), errors: rates.map(\.rateStandardError)).map {
        StageRate(name: stage.name, rate: $0.mean, rateStandardError: $0.standardError)
      }
    }
    self.seeds = seeds
  }
}

extension ExperimentReport.SeedReport: Codable {
  private enum CodingKeys: String, CodingKey { case seed }

  public init(from decoder: any Decoder) throws {
    seed = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .seed)
    iteration = try RunReport.IterationReport(from: decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    try iteration.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(seed, forKey: .seed)
  }
}
