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
  private let configuration: RunConfiguration
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
        var session = JudgingSession(
          // The writer may have added columns to the catalogue of an older version.
          reader: try ArchiveReader(directory: directory), configuration: run.configuration,
          keeper: .archive(run), plan: run.plan)
        try await body(&session)
      }
    } catch ArchiveError.locked(_, let holder) {
      let configuration = try await RunConfiguration(of: reader)
      var session = JudgingSession(
        reader: reader, configuration: configuration, keeper: .coordinator(holder: holder),
        plan: try await Plan(of: configuration, in: reader))
      try await body(&session)
    }
  }

  /// The episodes that a rater has said nothing of yet, those that nobody has judged first.
  func queue(_ query: EpisodeQuery, for rater: String) async throws -> [EpisodeRow] {
    let open = try await reader.episodes(matching: query).filter {
      plan.ratings(of: $0.digest)[rater] == nil
    }
    return open.filter { $0.outcome == .unjudged } + open.filter { $0.outcome != .unjudged }
  }

  /// What raters have said last of an episode.
  func said(of row: EpisodeRow) -> RaterWords { RaterWords(plan, on: row.digest) }

  /// What an episode is judged by.
  func criteria(for row: EpisodeRow) -> [CriterionSettings] {
    configuration.criteria(of: row.task)
  }

  /// - Throws: `NoSuchEpisode` or `SeveralEpisodes`.
  func episode(named text: String) async throws -> EpisodeRow {
    try await reader.episode(named: text)
  }

  /// Stores a rater's word; durable on return.
  ///
  /// - Returns: What they said of the outcome, and the outcome that counts now.
  /// - Throws: `OpinionError` where no outcome follows from it.
  mutating func judge(
    _ row: EpisodeRow, _ opinion: Opinion, by rater: String
  ) async throws -> (said: Outcome, verdict: Outcome) {
    var judgement = try plan.judgement(
      on: row, opinion, by: rater, criteria: criteria(for: row).map(\.name))
    switch keeper {
    case .archive(var run):
      // What waited for this may be given out, but to nobody of the process that was stopped.
      try await run.store(.episodeJudged(judgement), isDispatching: !run.plan.heldJobs.isEmpty)
      keeper = .archive(run)
    case .coordinator(let holder):
      judgement.verdict = try await Composition.ask(
        reader.directory, JudgeRequest(episode: row.id, opinion: opinion, rater: rater), holder
      ).verdict
    }
    _ = plan.handle(.episodeJudged(judgement))
    return (judgement.outcome, judgement.verdict)
  }
}
