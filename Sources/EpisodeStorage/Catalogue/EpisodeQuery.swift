import Episodes
import GRDB

/// Which episodes to list: those that satisfy every condition that is set.
public struct EpisodeQuery: Sendable, Equatable {
  /// The task's name.
  public var task: String?
  /// The job that asked for them.
  public var job: String?
  /// The stage whose jobs asked for them.
  public var stage: String?
  /// The robot's name.
  public var robot: String?
  /// Any of these sources; nil for all.
  public var sources: Set<EpisodeSource>?
  /// The iteration k. Demonstrations have none and never match.
  public var iteration: Int?
  /// How they ended.
  public var outcome: Outcome?
  /// The checkpoint of the policy that acted.
  public var policy: ContentDigest?
  /// At most so many; nil for all.
  public var limit: Int?

  /// A query whose nil conditions match everything.
  public init(
    task: String? = nil, job: String? = nil, stage: String? = nil, robot: String? = nil,
    sources: Set<EpisodeSource>? = nil, iteration: Int? = nil, outcome: Outcome? = nil,
    policy: ContentDigest? = nil, limit: Int? = nil
  ) {
    self.task = task
    self.job = job
    self.stage = stage
    self.robot = robot
    self.sources = sources
    self.iteration = iteration
    self.outcome = outcome
    self.policy = policy
    self.limit = limit
  }

  /// The WHERE clause and its arguments.
  ///
  /// - Parameter outcomeSQL: The outcome that counts, in SQL.
  func condition(outcomeSQL: String) -> (sql: String, arguments: StatementArguments) {
    let equalities: [(String, (any DatabaseValueConvertible)?)] = [
      ("task", task), ("job", job), ("stage", stage), ("robot", robot),
      ("iteration", iteration), (outcomeSQL, outcome?.rawValue), ("policy", policy?.rawValue),
    ]
    var terms: [String] = []
    var arguments = StatementArguments()
    for case (let column, let value?) in equalities {
      terms.append("\(column) = ?")
      arguments += [value]
    }
    if let sources {
      terms.append("source IN (\(sources.map { _ in "?" }.joined(separator: ", ")))")
      arguments += StatementArguments(sources.map(\.rawValue))
    }
    return (terms.isEmpty ? "TRUE" : terms.joined(separator: " AND "), arguments)
  }
}

/// Totals over the episodes that match a query.
public struct EpisodeCounts: Sendable, Equatable {
  /// Episodes.
  public var episodes: Int
  /// Those that succeeded.
  public var successes: Int
  /// Those that nobody has judged.
  public var unjudged: Int
  /// Steps in all.
  public var steps: Int
  /// Steps whose action a person chose.
  public var interventionSteps: Int
  /// Bytes of episode files.
  public var bytes: Int
}

/// What counts of an episode once people have judged it.
public struct Verdict: Sendable, Hashable {
  /// Its id.
  public var episode: String
  public var outcome: Outcome
  /// Of its stages and criteria; nil for what was recorded.
  public var stages: [StageScore]?

  public init(episode: String, outcome: Outcome, stages: [StageScore]? = nil) {
    self.episode = episode
    self.outcome = outcome
    self.stages = stages
  }
}
