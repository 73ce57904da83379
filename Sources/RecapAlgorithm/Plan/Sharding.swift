// Labelling a large dataset as several jobs.

extension Schedule {
  /// Divides the labelling jobs whose datasets have more episodes than one job may read: jobs before
  /// each of them estimate the values of a shard, and it labels by these. All other jobs, and their
  /// order, stay as they are.
  ///
  /// Shards decide who computes what and nothing else: V is estimated episode by episode, and the
  /// threshold is found once, by the last job, from all of them.
  static func sharded(_ jobs: [Job], _ settings: ScheduleSettings) -> [Job] {
    let places = Dictionary(uniqueKeysWithValues: jobs.enumerated().map { ($1.id, $0) })
    return jobs.flatMap { labelling -> [Job] in
      guard case .label(var work) = labelling.work else { return [labelling] }
      let collected = work.dataset.compactMap { places[$0].map { jobs[$0] } }
      let shards = shards(of: collected, limit: settings.episodesPerLabelJob)
      guard shards.count > 1 else { return [labelling] }
      let parts = shards.enumerated().map { number, members in
        job(
          "\(labelling.id)/\(number)", task: labelling.task, iteration: labelling.iteration,
          settings,
          .estimateValues(
            EstimateValuesWork(
              dataset: members.map(\.id), episodeCount: members.episodeCount, value: work.value,
              stage: labelling.id)))
      }
      var whole = labelling
      work.shards = parts.map(\.id)
      whole.work = .label(work)
      return parts + [whole]
    }
  }

  /// Collect jobs in as few shards of nearly equal size as have at most `limit` episodes each, or one
  /// collect job where that alone has more.
  private static func shards(of jobs: [Job], limit: Int?) -> [[Job]] {
    let total = jobs.episodeCount
    guard let limit, total > limit else { return [jobs] }
    var count = (total + limit - 1) / limit
    while true {
      var shards: [[Job]] = Array(repeating: [], count: count)
      var first = 0
      for job in jobs {
        // By its middle, so that shards end at the job that is nearest to where they should.
        shards[(2 * first + job.episodeCount) * count / (2 * total)].append(job)
        first += job.episodeCount
      }
      shards.removeAll { $0.isEmpty }
      if shards.allSatisfy({ $0.count == 1 || $0.episodeCount <= limit }) { return shards }
      count += 1
    }
  }
}

extension [Job] {
  fileprivate var episodeCount: Int { reduce(0) { $0 + $1.episodeCount } }
}
