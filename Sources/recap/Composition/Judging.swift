import Configuration
import CoordinatorRole
import EpisodeStorage
import Episodes
import RecapAlgorithm

/// A person's pass over the episodes of a run that nobody else writes to.
struct JudgingSession {
  private let archive: Archive
  private var plan: Plan

  /// Runs the body with a session, and lets go of the run afterwards.
  ///
  /// - Throws: `ArchiveError.locked` while a process writes to the run; whatever the body throws.
  static func with(
    _ directory: String, _ body: (inout JudgingSession) async throws -> Void
  ) async throws {
    let archive = try await Archive.open(at: directory)
    do {
      let configuration = try RunConfiguration(resolvedJSON: try await archive.run().configuration)
      var session = JudgingSession(
        archive: archive, plan: try await Plan(of: configuration, in: archive))
      try await body(&session)
      try await archive.close()
    } catch {
      try? await archive.close()
      throw error
    }
  }

  /// The episodes that a rater has said nothing of yet.
  func queue(_ query: EpisodeQuery, for rater: String) async throws -> [EpisodeRow] {
    try await archive.episodes(matching: query).filter {
      plan.ratings(of: $0.digest)[rater] == nil
    }
  }

  /// What raters have said last of an episode, by rater.
  func ratings(of row: EpisodeRow) -> [String: Outcome] { plan.ratings(of: row.digest) }

  /// - Throws: `NoSuchEpisode` or `SeveralEpisodes`.
  func episode(named text: String) async throws -> EpisodeRow {
    try await archive.reader.episode(named: text)
  }

  /// Stores a rater's word; durable on return.
  ///
  /// - Returns: The outcome that counts now.
  mutating func judge(
    _ row: EpisodeRow, _ outcome: Outcome, by rater: String
  ) async throws -> Outcome {
    let event = PlanEvent.episodeJudged(plan.judgement(on: row, outcome, by: rater))
    try await archive.append([event])
    _ = plan.handle(event)
    return plan.verdict(
      on: row.digest, adding: outcome, by: rater, recorded: row.recordedOutcome)
  }
}
