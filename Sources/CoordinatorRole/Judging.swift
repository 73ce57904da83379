import EpisodeStorage
import Episodes
import RecapAlgorithm

extension Plan {
  /// A rater's word on a stored episode, with what counts from then on.
  public func judgement(
    on row: EpisodeRow, _ outcome: Outcome, by rater: String
  ) -> Judgement {
    Judgement(
      episode: row.id, digest: row.digest, outcome: outcome, rater: rater,
      verdict: verdict(
        on: row.digest, adding: outcome, by: rater, recorded: row.recordedOutcome))
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
  /// - Throws: `NoSuchEpisode`.
  @discardableResult
  public func judge(_ id: String, _ outcome: Outcome, by rater: String) async throws -> Outcome {
    guard let row = try await archive.episode(id: id) else {
      throw NoSuchEpisode(id: id, directory: archive.directory)
    }
    let judgement = plan.judgement(on: row, outcome, by: rater)
    try await submit(.episodeJudged(judgement))
    return judgement.verdict
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
