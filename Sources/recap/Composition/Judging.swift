import Configuration
import CoordinatorRole
import EpisodeStorage
import Episodes
import Messaging
import RecapAlgorithm

/// A person's pass over a run's episodes, whether or not the run goes on.
struct JudgingSession {
  private enum Keeper {
    /// Nobody else writes to the run.
    case archive(StoppedRun)
    /// The coordinator at work; `holder` is its process, in words.
    case coordinator(holder: String)
  }

  private let reader: ArchiveReader
  private var keeper: Keeper
  private var plan: Plan

  /// Runs the body with a session, and lets go of the run afterwards.
  ///
  /// - Throws: Whatever the body throws.
  static func with(
    _ directory: String, _ body: (inout JudgingSession) async throws -> Void
  ) async throws {
    let reader = try ArchiveReader(directory: directory)
    do {
      try await StoppedRun.with(directory) { run in
        var session = JudgingSession(reader: reader, keeper: .archive(run), plan: run.plan)
        try await body(&session)
      }
    } catch ArchiveError.locked(_, let holder) {
      let configuration = try RunConfiguration(resolvedJSON: try await reader.run().configuration)
      var session = JudgingSession(
        reader: reader, keeper: .coordinator(holder: holder),
        plan: try await Plan(of: configuration, in: reader))
      try await body(&session)
    }
  }

  /// The episodes that a rater has said nothing of yet.
  func queue(_ query: EpisodeQuery, for rater: String) async throws -> [EpisodeRow] {
    try await reader.episodes(matching: query).filter {
      plan.ratings(of: $0.digest)[rater] == nil
    }
  }

  /// What raters have said last of an episode, by rater.
  func ratings(of row: EpisodeRow) -> [String: Outcome] { plan.ratings(of: row.digest) }

  /// - Throws: `NoSuchEpisode` or `SeveralEpisodes`.
  func episode(named text: String) async throws -> EpisodeRow {
    try await reader.episode(named: text)
  }

  /// Stores a rater's word; durable on return.
  ///
  /// - Returns: The outcome that counts now.
  mutating func judge(
    _ row: EpisodeRow, _ outcome: Outcome, by rater: String
  ) async throws -> Outcome {
    var judgement = plan.judgement(on: row, outcome, by: rater)
    switch keeper {
    case .archive(var run):
      try await run.store(.episodeJudged(judgement), isDispatching: false)
      keeper = .archive(run)
    case .coordinator(let holder):
      judgement.verdict = try await Composition.ask(
        reader.directory, JudgeRequest(episode: row.id, outcome: outcome, rater: rater), holder
      ).verdict
    }
    _ = plan.handle(.episodeJudged(judgement))
    return judgement.verdict
  }
}
