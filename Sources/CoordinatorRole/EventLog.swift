import Configuration
import EpisodeStorage
import Foundation
import RecapAlgorithm

// The plan's events as the archive keeps them: a line of JSON each.

extension Plan {
  /// The plan of a run as its stored events rebuild it.
  ///
  /// - Throws: What the archive throws, and `DecodingError` for an event that this version of recap
  ///   does not know.
  public init(
    of configuration: RunConfiguration, in archive: some ArchiveReading
  ) async throws {
    self.init(
      jobs: Schedule.jobs(for: configuration.scheduleSettings),
      maximumAttempts: configuration.runtime.maximumAttempts,
      judging: configuration.schedule.judging)
    let decoder = JSONDecoder()
    for row in try await archive.events() {
      _ = handle(try decoder.decode(PlanEvent.self, from: Data(row.event.utf8)))
    }
  }
}

extension Archive {
  /// Saves events of the run's plan, in this order and in one transaction: all of them or none.
  ///
  /// - Throws: What the archive throws.
  public func append(_ events: [PlanEvent]) async throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try await appendEvents(
      try events.map { String(decoding: try encoder.encode($0), as: UTF8.self) },
      verdicts: events.compactMap {
        guard case .episodeJudged(let judgement) = $0 else { return nil }
        return Verdict(
          episode: judgement.episode, outcome: judgement.verdict, stages: judgement.stages)
      })
  }
}
