import Episodes

/// What labelling a task's episodes would give, before a label set is written: to choose a share p
/// and a lookahead N by.
public struct LabelPreview: Codable, Hashable, Sendable {
  /// The task's name.
  public var task: String
  /// The lookahead N in steps; nil for N = T.
  public var lookahead: Int?
  /// As a label set's metadata would have it: ε and the shares that come out positive.
  public var summary: TaskLabelSummary
  /// Steps by source, as `summary.positiveShareBySource` names them.
  public var stepsBySource: [String: Int]
  /// Of all advantages.
  public var histogram: AdvantageHistogram

  /// Labels the episodes and keeps what there is to see.
  ///
  /// - Parameters:
  ///   - episodes: At least one, all of `task`, with stored values; advantages are computed anew.
  ///   - positiveShare: p in (0, 1).
  ///   - lookahead: N ≥ 1; nil for N = T, where ε comes from 10,000 random frames as in
  ///     pre-training.
  ///   - failureCost: C_fail in steps, as V was trained with; nil for the task's time limit.
  ///   - seed: Of the random frames: the labelling job's for the threshold that it found.
  ///   - bins: Of the histogram, about.
  /// - Throws: `LabellingError`, as labelling would.
  public init(
    of episodes: [Labelling.ValuedEpisode], task: String, positiveShare: Double, lookahead: Int?,
    failureCost: Double? = nil, seed: UInt64 = 0, bins: Int = 24
  ) throws(LabellingError) {
    precondition(!episodes.isEmpty, "a preview needs at least 1 episode")
    let work = LabelWork(
      dataset: [], value: "", lookahead: lookahead, positiveShare: [task: positiveShare],
      failureCost: failureCost)
    // Of provenance there is none: nothing is stored.
    let labels = try Labelling.label(
      episodes, job: "preview", value: ContentDigest(hashing: []), work: work, seed: seed)
    guard let summary = labels.metadata.tasks[task] else { throw .noShare(task: task) }
    self.task = task
    self.lookahead = lookahead
    self.summary = summary
    stepsBySource = [:]
    for episode in episodes {
      for corrected in Labelling.corrections(in: episode) {
        stepsBySource[corrected ? "correction" : episode.source.rawValue, default: 0] += 1
      }
    }
    histogram = AdvantageHistogram(
      of: episodes.flatMap { labels.episodes[$0.digest]?.advantages ?? [] },
      threshold: summary.threshold, bins: bins)
  }
}

/// How a task's advantages are spread, with the threshold between two bins, so that each bin is
/// wholly above it or not.
public struct AdvantageHistogram: Codable, Hashable, Sendable {
  /// Ascending, one more than `counts`.
  public var edges: [Double]
  /// Advantages above the edge before and not above the one after, as A > ε asks.
  public var counts: [Int]
  /// The edge that is ε: bins from here on hold A > ε. 0 where all advantages are above it.
  public var thresholdEdge: Int

  /// The counts of some advantages, in bins of equal width.
  ///
  /// - Parameters:
  ///   - advantages: At least one, finite.
  ///   - bins: About so many, ≥ 1; at most two more, since one edge is ε.
  public init(of advantages: [Float], threshold: Float, bins: Int) {
    precondition(bins >= 1, "a histogram has at least 1 bin, got \(bins)")
    let threshold = Double(threshold)
    let lowest = Double(advantages.min() ?? 0)
    let highest = Double(advantages.max() ?? 0)
    let span = max(highest, threshold) - min(lowest, threshold)
    let width = span > 0 ? span / Double(bins) : 1
    // Bin b, counted from ε, holds what is in (ε + b w, ε + (b + 1) w].
    func bin(_ advantage: Double) -> Int {
      let place = ((advantage - threshold) / width).rounded(.up)
      // Rounding must not carry an advantage over ε.
      return advantage > threshold ? max(Int(place), 1) - 1 : min(Int(place), 0) - 1
    }
    let first = min(bin(lowest), 0)
    let last = max(bin(highest), -1)
    counts = [Int](repeating: 0, count: max(last - first + 1, 1))
    for advantage in advantages { counts[bin(Double(advantage)) - first] += 1 }
    edges = (0...counts.count).map { threshold + Double(first + $0) * width }
    thresholdEdge = -first
  }
}
