import EpisodeStorage
import Episodes
import Foundation
import RecapAlgorithm

/// Sums over a run's episodes that grow with every one, so that nobody has to read them all again:
/// success and throughput per task and iteration, and what each robot has done.
public struct EpisodeTally: Sendable {
  /// Episodes that count together.
  public struct Group: Hashable, Sendable {
    public var task: String
    public var source: EpisodeSource
    /// Nil for demonstrations.
    public var iteration: Int?
    public var robot: String
  }

  /// Sums over a group: enough for rates and their errors.
  public struct Sums: Hashable, Sendable {
    public var episodes = 0
    public var successes = 0
    /// Those that nobody has judged: in no rate.
    public var unjudged = 0
    public var steps = 0
    public var interventionSteps = 0
    /// Σ h, with h a judged episode's hours.
    public var hours = 0.0
    /// Σ h².
    var squaredHours = 0.0
    /// Σ h over successes.
    var successHours = 0.0

    mutating func add(_ episode: EpisodeSummary) {
      episodes += 1
      steps += episode.steps
      interventionSteps += episode.interventionSteps
      guard episode.outcome != .unjudged else {
        unjudged += 1
        return
      }
      let hours = Double(episode.steps) / episode.controlRate / 3600
      self.hours += hours
      squaredHours += hours * hours
      if episode.outcome == .success {
        successes += 1
        successHours += hours
      }
    }

    static func += (a: inout Self, b: Self) {
      a.episodes += b.episodes
      a.successes += b.successes
      a.unjudged += b.unjudged
      a.steps += b.steps
      a.interventionSteps += b.interventionSteps
      a.hours += b.hours
      a.squaredHours += b.squaredHours
      a.successHours += b.successHours
    }

    /// Those of which somebody has said how they ended.
    public var judged: Int { episodes - unjudged }

    /// p̂, in [0, 1]; nil without judged episodes.
    public var successRate: Double? { judged == 0 ? nil : Double(successes) / Double(judged) }

    /// √(p̂ (1 − p̂) / n).
    public var successRateError: Double {
      guard let rate = successRate else { return 0 }
      return (rate * (1 - rate) / Double(judged)).squareRoot()
    }

    /// q = successes / Σ h; 0 without judged episodes.
    public var throughput: Double { hours == 0 ? 0 : Double(successes) / hours }

    /// As `PracticeStatistics.throughputStandardError`, from the sums: Σ (s − q h)² = Σ s − 2 q Σ s h + q² Σ h².
    public var throughputError: Double {
      guard judged > 1, hours > 0 else { return 0 }
      let q = throughput
      let squares = Double(successes) - 2 * q * successHours + q * q * squaredHours
      let n = Double(judged)
      return (n / (n - 1) * max(squares, 0)).squareRoot() / hours
    }

    /// The share of steps whose action a person chose, in [0, 1]; 0 without steps.
    public var interventionShare: Double {
      steps == 0 ? 0 : Double(interventionSteps) / Double(steps)
    }
  }

  /// What a robot did last.
  public struct Latest: Hashable, Sendable {
    public var task: String
    public var outcome: Outcome
    public var policy: ContentDigest?
    public var storedAt: Date
  }

  /// The last episode that was taken in; 0 for none.
  public private(set) var sequence = 0
  public private(set) var groups: [Group: Sums] = [:]
  /// Of evaluations, by task and iteration.
  private var stages: [String: [Int: StageCounts]] = [:]
  /// By robot.
  public private(set) var latest: [String: Latest] = [:]
  /// By robot: (intervention steps, steps) of its last corrected episodes, the oldest first.
  public private(set) var recentCorrections: [String: [(corrected: Int, steps: Int)]] = [:]

  /// Corrected episodes of a robot that are remembered one by one.
  static let remembered = 40

  public init() {}

  /// Takes episodes in; those taken in before change nothing.
  public mutating func add(_ episodes: [EpisodeSummary]) {
    for episode in episodes where episode.sequence > sequence {
      sequence = episode.sequence
      groups[
        Group(
          task: episode.task, source: episode.source, iteration: episode.iteration,
          robot: episode.robot), default: Sums()
      ].add(episode)
      if episode.source == .evaluation, let k = episode.iteration, let scores = episode.stages {
        stages[episode.task, default: [:]][k, default: StageCounts()].add(scores)
      }
      latest[episode.robot] = Latest(
        task: episode.task, outcome: episode.outcome, policy: episode.policy,
        storedAt: episode.storedAt)
      guard episode.source == .corrected else { continue }
      recentCorrections[episode.robot, default: []]
        .append((episode.interventionSteps, episode.steps))
      if recentCorrections[episode.robot, default: []].count > Self.remembered {
        recentCorrections[episode.robot]?.removeFirst()
      }
    }
  }

  /// Takes in what an archive has stored since.
  public mutating func catchUp(with archive: some ArchiveReading) async throws {
    while case let episodes = try await archive.episodeSummaries(after: sequence), !episodes.isEmpty
    {
      add(episodes)
    }
  }

  /// The sums of all groups that satisfy a condition.
  public func sums(where condition: (Group) -> Bool) -> Sums {
    groups.reduce(into: Sums()) { if condition($1.key) { $0 += $1.value } }
  }

  /// Episodes in all.
  public var episodes: Int { groups.values.reduce(0) { $0 + $1.episodes } }

  /// Those of them that nobody has judged.
  public var unjudged: Int { groups.values.reduce(0) { $0 + $1.unjudged } }

  /// How many episodes match a query's task, source, iteration, robot and outcome.
  public func count(matching query: EpisodeQuery) -> Int {
    groups.reduce(0) { count, entry in
      let (group, sums) = entry
      if let task = query.task, task != group.task { return count }
      if let sources = query.sources, !sources.contains(group.source) { return count }
      if let iteration = query.iteration, iteration != group.iteration { return count }
      if let robot = query.robot, robot != group.robot { return count }
      switch query.outcome {
      case .success: return count + sums.successes
      case .failure: return count + sums.judged - sums.successes
      case .unjudged: return count + sums.unjudged
      case nil: return count + sums.episodes
      }
    }
  }

  /// What came of the run so far.
  ///
  /// - Parameters:
  ///   - labelSets: For the shares of positive labels.
  ///   - extraction: How the run's policies are made.
  ///   - skipsFineTuning: Whether the policy of k = 0 is the pre-trained one, untouched.
  public func report(
    run: String, labelSets: [LabelSetRow], extraction: PolicyExtraction,
    skipsFineTuning: Bool = false
  ) -> RunReport {
    var judged: [String: [Int: Sums]] = [:]
    var practised: [String: [Int: Sums]] = [:]
    for (group, sums) in groups {
      guard let k = group.iteration else { continue }
      switch group.source {
      case .evaluation: judged[group.task, default: [:]][k, default: Sums()] += sums
      case .autonomous, .corrected:
        practised[group.task, default: [:]][k, default: Sums()] += sums
      case .demonstration: break
      }
    }
    let tasks = judged.keys.sorted().compactMap { task -> RunReport.TaskReport? in
      let iterations = (judged[task] ?? [:]).sorted { $0.key < $1.key }.compactMap {
        k, sums -> RunReport.IterationReport? in
        if sums.judged == 0 { return nil }
        return RunReport.IterationReport(
          k: k, episodes: sums.judged, successes: sums.successes,
          successRate: sums.successRate ?? 0, successRateStandardError: sums.successRateError,
          throughputPerHour: sums.throughput, throughputStandardError: sums.throughputError,
          positiveShare: RunReport.positiveShare(
            task: task, k: k, in: labelSets, extraction: extraction,
            skipsFineTuning: skipsFineTuning),
          interventionShare: practised[task]?[k]?.interventionShare ?? 0,
          stages: stages[task]?[k]?.rates)
      }
      return iterations.isEmpty ? nil : RunReport.TaskReport(task: task, iterations: iterations)
    }
    let open = judged.values.flatMap(\.values).reduce(0) { $0 + $1.unjudged }
    return RunReport(run: run, tasks: tasks, unjudged: open == 0 ? nil : open)
  }
}
