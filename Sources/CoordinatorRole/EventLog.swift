import Configuration
import EpisodeStorage
import Foundation
import RecapAlgorithm

// What the archive keeps of a run's plan: the configuration, and the plan's events, a line of JSON each.

extension RunConfiguration {
  /// The configuration of the run in an archive.
  ///
  /// - Throws: What the archive throws, and `ConfigurationError` for a run of another version.
  public init(of archive: some ArchiveReading) async throws {
    try self.init(resolvedJSON: await archive.run().configuration)
  }
}

extension Plan {
  /// The plan of the run in an archive.
  ///
  /// - Throws: As `RunConfiguration(of:)` and the other initializer.
  public init(of archive: some ArchiveReading) async throws {
    self = try await Plan(of: RunConfiguration(of: archive), in: archive)
  }

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
