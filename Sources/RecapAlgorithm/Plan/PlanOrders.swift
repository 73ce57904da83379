import Episodes

extension Plan {
  /// A job with its inputs resolved to digests; nil while something that it needs is not done.
  ///
  /// A dataset's episodes come in the order in which the job names its collect jobs, and by index
  /// within each, so the order does not depend on who recorded what when. Nothing is learned from those
  /// that nobody has judged: they are left out.
  ///
  /// - Parameter lease: Goes into the order.
  public func order(for id: String, lease: String) -> JobOrder? {
    guard let place = places[id], records[place].missing == 0 else { return nil }
    let job = jobs[place]
    var order = JobOrder(job: job, lease: lease)
    order.outcomes = outcomes(for: place)
    switch job.work {
    case .collect(let work):
      order.policy = work.policy.flatMap { network($0, for: place) }
      order.job.work = .collect(asked(work, place))
    case .trainValue(let work):
      order.dataset = dataset(of: place)
      order.initial = work.initial.flatMap { network($0, for: place) }
    case .estimateValues(let work):
      // Whatever is said of them later, V is the same.
      order.dataset = work.dataset.flatMap { receipts(of: $0) }.map(\.digest)
      order.value = checkpoint(of: work.value)
    case .label(let work):
      order.dataset = dataset(of: place)
      order.value = checkpoint(of: work.value)
      order.values = work.shards?.compactMap(values(of:))
    case .trainPolicy(let work):
      order.dataset = dataset(of: place)
      order.initial = work.initial.flatMap { network($0, for: place) }
      order.labels = work.labels.flatMap(labels(of:))?.digest
    }
    return order
  }
}

extension Job {
  /// Why a result cannot be this job's; nil if it can.
  func fault(of result: JobResult) -> String? {
    switch (work, result) {
    case (.collect(let work), .episodes(let receipts)):
      let expected = work.firstEpisode..<work.firstEpisode + work.episodeCount
      let indices = receipts.map(\.index).sorted()
      return indices == Array(expected)
        ? nil : "expected episodes \(expected) of stage \(work.stage), got \(indices)"
    case (.trainValue, .checkpoint), (.trainPolicy, .checkpoint), (.estimateValues, .values),
      (.label, .labels):
      return nil
    case (_, .episodes): return "\(id) cannot give episodes"
    case (_, .checkpoint): return "\(id) cannot give a checkpoint"
    case (_, .values): return "\(id) cannot give values"
    case (_, .labels): return "\(id) cannot give labels"
    }
  }
}

extension JobResult {
  var inEpisodeOrder: JobResult {
    guard case .episodes(let receipts) = self else { return self }
    return .episodes(receipts.sorted { $0.index < $1.index })
  }
}
