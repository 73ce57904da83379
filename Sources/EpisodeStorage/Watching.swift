import Episodes
import Foundation
import GRDB

// What those ask who look at a run again and again: only what is new, or one page.

/// What tallies need of an episode.
public struct EpisodeSummary: Hashable, Sendable {
  /// Grows with every stored episode.
  public var sequence: Int
  public var task: String
  /// The iteration k; nil for demonstrations.
  public var iteration: Int?
  public var source: EpisodeSource
  public var robot: String
  /// The checkpoint of the policy that acted; nil for demonstrations.
  public var policy: ContentDigest?
  public var outcome: Outcome
  /// What came of the task's stages and criteria; nil where nobody says anything of any.
  public var stages: [StageScore]?
  /// T.
  public var steps: Int
  /// Steps whose action a person chose.
  public var interventionSteps: Int
  /// Control steps per second.
  public var controlRate: Double
  public var storedAt: Date

  public init(
    sequence: Int, task: String, iteration: Int?, source: EpisodeSource, robot: String,
    policy: ContentDigest?, outcome: Outcome, stages: [StageScore]? = nil, steps: Int,
    interventionSteps: Int, controlRate: Double, storedAt: Date
  ) {
    self.sequence = sequence
    self.task = task
    self.iteration = iteration
    self.source = source
    self.robot = robot
    self.policy = policy
    self.outcome = outcome
    self.stages = stages
    self.steps = steps
    self.interventionSteps = interventionSteps
    self.controlRate = controlRate
    self.storedAt = storedAt
  }
}

extension EpisodeSummary {
  /// What a catalogue's row says.
  public init(_ row: EpisodeRow, sequence: Int) {
    self.init(
      sequence: sequence, task: row.task, iteration: row.iteration, source: row.source,
      robot: row.robot, policy: row.policy, outcome: row.outcome, stages: row.stages,
      steps: row.steps, interventionSteps: row.interventionSteps, controlRate: row.controlRate,
      storedAt: row.storedAt)
  }
}

/// An episode of a page, with its place in the order of storing.
public struct ListedEpisode: Hashable, Sendable {
  /// Grows with every stored episode.
  public var sequence: Int
  public var row: EpisodeRow

  public init(sequence: Int, row: EpisodeRow) {
    self.sequence = sequence
    self.row = row
  }
}

extension ArchiveReading {
  /// The episodes that were stored after one, in the order of storing.
  ///
  /// - Parameters:
  ///   - sequence: 0 for all.
  ///   - limit: At most so many.
  public nonisolated func episodeSummaries(
    after sequence: Int, limit: Int = 20_000
  ) async throws -> [EpisodeSummary] {
    let (outcome, stages) = (reader.outcomeSQL, reader.stagesSQL)
    return try await reader.catalogue.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT rowid AS sequence, task, iteration, source, robot, policy, \(outcome) AS outcome,
            \(stages) AS stages, steps, intervention_steps, control_rate, stored_at
          FROM episodes WHERE rowid > ? ORDER BY rowid LIMIT ?
          """,
        arguments: [sequence, limit]
      ).map { row in
        let cells = RowReader(row, table: "episodes")
        return EpisodeSummary(
          sequence: try cells["sequence"], task: try cells["task"],
          iteration: try cells.optional("iteration"), source: try cells.raw("source"),
          robot: try cells["robot"], policy: try cells.optionalDigest("policy"),
          outcome: try cells.raw("outcome"), stages: try cells.optionalJSON("stages"),
          steps: try cells["steps"], interventionSteps: try cells["intervention_steps"],
          controlRate: try cells["control_rate"], storedAt: try cells.date("stored_at"))
      }
    }
  }

  /// A page of the episodes that match a query, those stored last first.
  ///
  /// - Parameters:
  ///   - query: Its `limit` is the page's length; 100 where it has none.
  ///   - sequence: Only those stored before this one; nil for the first page.
  public nonisolated func episodePage(
    matching query: EpisodeQuery, before sequence: Int? = nil
  ) async throws -> [ListedEpisode] {
    let (condition, arguments) = query.condition(outcomeSQL: reader.outcomeSQL)
    let limit = query.limit ?? 100
    return try await reader.catalogue.read { database in
      // In the order of storing there is nothing to sort: reading ends with the page.
      try Row.fetchAll(
        database,
        sql: """
          SELECT rowid AS sequence, * FROM episodes NOT INDEXED
          WHERE rowid < ? AND \(condition) ORDER BY rowid DESC LIMIT ?
          """,
        arguments: [sequence ?? Int.max] + arguments + [limit]
      ).map {
        ListedEpisode(
          sequence: try RowReader($0, table: "episodes")["sequence"], row: try EpisodeRow($0))
      }
    }
  }

  /// The names of a job's training metrics, sorted.
  public nonisolated func metricNames(job: String) async throws -> [String] {
    try await reader.catalogue.read { database in
      try String.fetchAll(
        database, sql: "SELECT DISTINCT name FROM metrics WHERE job = ? ORDER BY name",
        arguments: [job])
    }
  }

  /// One training metric of a job after a step, by step.
  public nonisolated func metric(
    job: String, name: String, after step: Int = -1
  ) async throws -> [MetricSample] {
    try await reader.catalogue.read { database in
      try Row.fetchAll(
        database,
        sql:
          "SELECT step, value, time FROM metrics WHERE job = ? AND name = ? AND step > ? ORDER BY step",
        arguments: [job, name, step]
      ).map { row in
        let cells = RowReader(row, table: "metrics")
        return MetricSample(
          job: job, step: try cells["step"], name: name,
          value: try cells.optional("value") ?? .nan, time: try cells.date("time"))
      }
    }
  }
}
