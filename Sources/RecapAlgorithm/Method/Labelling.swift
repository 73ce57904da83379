import Episodes

/// From values to labels: advantages, a threshold a task, and an indicator a step, for a whole
/// dataset (paper, Section IV-B and App. F).
///
/// I_t = 1[A_t > ε_ℓ], and every step that a person corrected is positive whatever A says: a
/// correction is taken for good by definition. That holds for episodes in which the policy acts and
/// a person takes over. A demonstration's steps are a person's too, but are judged by their
/// advantage like the policy's: sorting them is the point of pre-training with RL.
///
/// ε_ℓ comes from all of the task's advantages, corrections included, so the share that comes out
/// positive exceeds p by the corrections that were forced.
public enum Labelling {
  /// One episode of the dataset, with the value function's reading of it.
  public struct ValuedEpisode: Sendable {
    var digest: ContentDigest
    var id: String
    /// The task's name.
    var task: String
    /// L.
    var maximumSteps: Int
    var source: EpisodeSource
    var outcome: Outcome
    var interventions: [Bool]
    /// V(o_t), [T].
    public private(set) var values: [Float]

    /// An episode by what labelling needs of it.
    ///
    /// - Parameters:
    ///   - digest: The episode blob's digest.
    ///   - id: The episode's, for errors.
    ///   - task: Its name.
    ///   - maximumSteps: L ≥ 1, the task's time limit.
    ///   - interventions: Whether a person chose the action, [T].
    ///   - values: V(o_t), one a step, in [−1, 0].
    public init(
      digest: ContentDigest, id: String, task: String, maximumSteps: Int, source: EpisodeSource,
      outcome: Outcome, interventions: [Bool], values: [Float]
    ) {
      self.digest = digest
      self.id = id
      self.task = task
      self.maximumSteps = maximumSteps
      self.source = source
      self.outcome = outcome
      self.interventions = interventions
      self.values = values
    }

    /// Keeps what labelling needs and lets go of the rest of the episode.
    ///
    /// - Parameters:
    ///   - digest: The episode blob's digest.
    ///   - values: V(o_t), one a step, in [−1, 0].
    public init(digest: ContentDigest, episode: Episode, values: [Float]) {
      let metadata = episode.metadata
      self.init(
        digest: digest, id: metadata.id, task: metadata.task.name,
        maximumSteps: metadata.task.maximumSteps, source: metadata.source,
        outcome: metadata.outcome, interventions: episode.interventions, values: values)
    }

    /// An episode whose values another job has estimated.
    ///
    /// - Parameters:
    ///   - digest: The episode blob's digest.
    ///   - outcome: That counts; nil for the recorded one.
    public init(digest: ContentDigest, _ stored: EpisodeValues, outcome: Outcome? = nil) {
      let episode = stored.episode
      self.init(
        digest: digest, id: episode.id, task: episode.task, maximumSteps: episode.maximumSteps,
        source: episode.source, outcome: outcome ?? episode.outcome,
        interventions: stored.interventions, values: stored.values)
    }
  }

  /// Labels a dataset.
  ///
  /// - Parameters:
  ///   - episodes: In the dataset's order.
  ///   - job: The labelling job's id, for provenance.
  ///   - value: The value function's checkpoint, for provenance.
  ///   - work: Lookahead N, share p by task and C_fail. With N = T, which is pre-training, ε is estimated
  ///     from up to 10,000 random frames a task, otherwise from all.
  ///   - seed: Of the random frames.
  /// - Throws: `LabellingError` where values do not match their episode or a task has no share.
  public static func label(
    _ episodes: [ValuedEpisode], job: String, value: ContentDigest, work: LabelWork,
    seed: UInt64
  ) throws(LabellingError) -> LabelSet {
    try check(episodes, work)
    let advantages = episodes.map { self.advantages(of: $0, work) }
    var members: [String: [Int]] = [:]
    for (index, episode) in episodes.enumerated() {
      members[episode.task, default: []].append(index)
    }
    var labels: [ContentDigest: EpisodeLabels] = [:]
    var summaries: [String: TaskLabelSummary] = [:]
    for (task, indices) in members {
      guard let share = work.positiveShare[task] else { throw .noShare(task: task) }
      let threshold = Threshold.threshold(
        of: indices.flatMap { advantages[$0] }, positiveShare: share,
        sample: work.lookahead == nil ? Threshold.pretrainingSample : .max,
        seed: StableSeed.derive(seed, task))
      var tally = Tally()
      for index in indices {
        let episode = episodes[index]
        let positives = indicators(
          advantages: advantages[index], threshold: threshold, corrections: corrections(in: episode)
        )
        tally.add(episode, positives)
        labels[episode.digest] = EpisodeLabels(
          values: episode.values, advantages: advantages[index], positives: positives)
      }
      summaries[task] = tally.summary(requestedShare: share, threshold: threshold)
    }
    return LabelSet(
      metadata: LabelSetMetadata(
        job: job, value: value, lookahead: work.lookahead, tasks: summaries),
      episodes: labels)
  }

  /// I_t of each step: whether A_t > ε, or a person corrected it.
  ///
  /// - Parameters:
  ///   - advantages: A_t, [T].
  ///   - threshold: ε.
  ///   - corrections: Whether a person took over, [T].
  public static func indicators(
    advantages: [Float], threshold: Float, corrections: [Bool]
  ) -> [Bool] {
    precondition(
      advantages.count == corrections.count,
      "expected as many advantages as steps, got \(advantages.count) and \(corrections.count)")
    return zip(advantages, corrections).map { $0 > threshold || $1 }
  }

  private static func advantages(
    of episode: ValuedEpisode, _ work: LabelWork
  ) -> [Float] {
    Advantages.perStep(
      values: episode.values, returns: episode.returns(failureCost: work.failureCost),
      maximumSteps: episode.maximumSteps,
      lookahead: work.lookahead)
  }

  /// Steps at which a person corrected the policy: a demonstration has none, it is a person's from
  /// the start.
  static func corrections(in episode: ValuedEpisode) -> [Bool] {
    episode.source == .demonstration
      ? Array(repeating: false, count: episode.values.count) : episode.interventions
  }

  private static func check(
    _ episodes: [ValuedEpisode], _ work: LabelWork
  ) throws(LabellingError) {
    var seen: Set<ContentDigest> = []
    for episode in episodes {
      let id = episode.id
      guard !episode.values.isEmpty, episode.values.count == episode.interventions.count else {
        throw .valueCount(
          episode: id, expected: episode.interventions.count, actual: episode.values.count)
      }
      guard episode.values.allSatisfy(\.isFinite) else { throw .notFinite(episode: id) }
      guard episode.outcome != .unjudged else { throw .unjudged(episode: id) }
      guard seen.insert(episode.digest).inserted else { throw .repeated(episode: id) }
    }
  }

  /// Counts of one task's labels, by who acted.
  private struct Tally {
    private var bySource: [String: (positive: Int, steps: Int)] = [:]
    private var all = (positive: 0, steps: 0)

    mutating func add(_ episode: ValuedEpisode, _ positives: [Bool]) {
      let corrections = Labelling.corrections(in: episode)
      for (positive, corrected) in zip(positives, corrections) {
        let source = corrected ? "correction" : episode.source.rawValue
        let old = bySource[source] ?? (0, 0)
        bySource[source] = (old.positive + (positive ? 1 : 0), old.steps + 1)
        all = (all.positive + (positive ? 1 : 0), all.steps + 1)
      }
    }

    func summary(requestedShare: Double, threshold: Float) -> TaskLabelSummary {
      TaskLabelSummary(
        requestedPositiveShare: requestedShare, threshold: threshold,
        positiveShare: Double(all.positive) / Double(all.steps),
        positiveShareBySource: bySource.mapValues { Double($0.positive) / Double($0.steps) },
        steps: all.steps)
    }
  }
}

extension Labelling.ValuedEpisode {
  /// R_t in V's scale, [T].
  ///
  /// - Parameter failureCost: C_fail in steps; nil for the task's time limit.
  public func returns(failureCost: Double?) -> [Float] {
    Returns.normalized(
      steps: values.count, outcome: outcome, maximumSteps: maximumSteps, failureCost: failureCost)
  }
}

/// Why a dataset cannot be labelled.
public enum LabellingError: Error, Equatable, CustomStringConvertible {
  case valueCount(episode: String, expected: Int, actual: Int)
  case notFinite(episode: String)
  case repeated(episode: String)
  case unjudged(episode: String)
  case noShare(task: String)

  public var description: String {
    switch self {
    case .valueCount(let episode, let expected, let actual):
      "episode \(episode) has \(expected) steps, but \(actual) values"
    case .notFinite(let episode):
      "the value function gave episode \(episode) a value that is not finite"
    case .repeated(let episode):
      "episode \(episode) is in the dataset more than once"
    case .unjudged(let episode):
      "nobody has judged episode \(episode), so it has no returns"
    case .noShare(let task):
      "the dataset holds episodes of the task '\(task)', but the job names no share of positives "
        + "for it"
    }
  }
}
