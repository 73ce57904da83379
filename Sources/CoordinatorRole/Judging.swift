import Configuration
import EpisodeStorage
import Episodes
import RecapAlgorithm

extension Plan {
  /// A rater's word on a stored episode, with what counts from then on.
  ///
  /// - Parameter criteria: The names of the criteria of the episode's task.
  /// - Throws: `OpinionError`.
  public func judgement(
    on row: EpisodeRow, _ opinion: Opinion, by rater: String, criteria: [String]
  ) throws -> Judgement {
    let recorded = row.recordedStages
    let outcome = try opinion.outcome(
      criteria: criteria, scored: (recorded ?? []).map(\.name))
    return Judgement(
      episode: row.id, digest: row.digest, outcome: outcome, criteria: opinion.criteria,
      rater: rater,
      verdict: verdict(
        on: row.digest, adding: outcome, by: rater, recorded: row.recordedOutcome),
      stages: stages(
        of: row.digest, adding: opinion.criteria, by: rater, recorded: recorded))
  }
}

extension RunConfiguration {
  /// What an episode of a task is judged by; empty where its outcome is all.
  public func criteria(of task: String) -> [CriterionSettings] {
    tasks.first { $0.name == task }?.criteria ?? []
  }
}

extension Coordinator {
  /// Takes a person's word on how an episode ended; durable on return, and heard by all jobs that are given out
  /// afterwards.
  ///
  /// - Parameters:
  ///   - id: The episode's.
  ///   - rater: Who says so.
  /// - Returns: The outcome that counts now.
  /// - Throws: `NoSuchEpisode`, `OpinionError`.
  @discardableResult
  public func judge(_ id: String, _ opinion: Opinion, by rater: String) async throws -> Outcome {
    guard let row = try await archive.episode(id: id) else {
      throw NoSuchEpisode(id: id, directory: archive.directory)
    }
    let judgement = try plan.judgement(
      on: row, opinion, by: rater, criteria: configuration.criteria(of: row.task).map(\.name))
    try await submit(.episodeJudged(judgement))
    return judgement.verdict
  }

  /// Says once of each job that it waits for people who judge.
  func noteHeldJobs() {
    for (job, unjudged) in plan.heldJobs where heldJobs.insert(job).inserted {
      notify(.jobHeld(id: job, unjudged: unjudged))
    }
  }
}

/// An id that no stored episode has.
public struct NoSuchEpisode: Error, CustomStringConvertible {
  public var id: String
  /// The run's.
  public var directory: String

  public init(id: String, directory: String) {
    self.id = id
    self.directory = directory
  }

  public var description: String {
    "there is no episode '\(id)' in \(directory); "
      + "'recap episodes list \(directory)' names those that are"
  }
}
