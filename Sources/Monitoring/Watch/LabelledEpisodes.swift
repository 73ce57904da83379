import Configuration
import EpisodeStorage
import Episodes
import RecapAlgorithm

extension ArchiveReader {
  /// A label set's contents.
  package func labels(_ row: LabelSetRow) async throws -> LabelSet {
    try LabelSetFile.parse(try await blob(row.digest))
  }

  /// A task's episodes with the values that a label set stores, in the catalogue's order. Reads only
  /// those episodes' files that need it: for the time limit, and for which steps were corrected.
  package func valuedEpisodes(
    of task: String, in set: LabelSetRow
  ) async throws -> [Labelling.ValuedEpisode] {
    let labels = try await labels(set)
    return try await valuedEpisodes(of: task, in: labels)
  }

  /// As above, for a label set that has been read already.
  package func valuedEpisodes(
    of task: String, in labels: LabelSet
  ) async throws -> [Labelling.ValuedEpisode] {
    var limit: Int?
    var valued: [Labelling.ValuedEpisode] = []
    for row in try await episodes(matching: EpisodeQuery(task: task)) {
      // One that was judged when it was labelled may not be any more: its raters have become divided.
      guard row.outcome != .unjudged, let stored = labels.episodes[row.digest] else { continue }
      var interventions = [Bool](repeating: false, count: row.steps)
      // All of a demonstration is a person's, and none of it a correction.
      let isCorrected = row.source != .demonstration && row.interventionSteps > 0
      if limit == nil || isCorrected {
        let episode = try await contents(of: row)
        limit = episode.metadata.task.maximumSteps
        if isCorrected { interventions = episode.interventions }
      }
      valued.append(
        Labelling.ValuedEpisode(
          digest: row.digest, id: row.id, task: task, maximumSteps: limit ?? row.steps,
          source: row.source, outcome: row.outcome, interventions: interventions,
          values: stored.values))
    }
    return valued
  }
}

extension LabelPreview {
  /// What a label set of a run would be with other settings; those that are nil are the set's own.
  ///
  /// - Parameters:
  ///   - episodes: At least one, with the set's values.
  ///   - lookahead: In steps; `.some(nil)` for the end of the episode.
  /// - Throws: `LabellingError`.
  package init(
    of episodes: [Labelling.ValuedEpisode], task: String, in set: LabelSetRow,
    of configuration: RunConfiguration, positiveShare: Double?, lookahead: Int??, bins: Int = 24
  ) throws(LabellingError) {
    // Pre-training's threshold is estimated from random frames: the same ones again.
    let job = Schedule.jobs(for: configuration.scheduleSettings)
      .first { $0.id == set.metadata.job }
    try self.init(
      of: episodes, task: task,
      positiveShare: positiveShare ?? set.metadata.tasks[task]?.requestedPositiveShare
        ?? configuration.method.positiveShare,
      lookahead: lookahead ?? set.metadata.lookahead,
      failureCost: configuration.method.failureCost, seed: job?.seed ?? 0, bins: bins)
  }
}
