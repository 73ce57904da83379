/// The labels that one labelling job gave to a dataset's episodes. Label sets are never overwritten: each job
/// writes a new one, and a policy's provenance names the one it was trained with.
public struct LabelSet: Sendable, Equatable {
  public var metadata: LabelSetMetadata
  /// Labels by the episode blob's digest.
  public var episodes: [ContentDigest: EpisodeLabels]

  public init(metadata: LabelSetMetadata, episodes: [ContentDigest: EpisodeLabels]) {
    self.metadata = metadata
    self.episodes = episodes
  }
}

/// Labels of one episode, one entry a step.
public struct EpisodeLabels: Sendable, Equatable {
  /// V(o_t), in [−1, 0].
  public var values: [Float]
  /// A_t, in V's per-task scale.
  public var advantages: [Float]
  /// I_t: whether the action counts as better than usual.
  public var positives: [Bool]

  public init(values: [Float], advantages: [Float], positives: [Bool]) {
    self.values = values
    self.advantages = advantages
    self.positives = positives
  }
}

/// What made a label set.
public struct LabelSetMetadata: Codable, Hashable, Sendable {
  public var job: String
  /// The value function's checkpoint.
  public var value: ContentDigest
  /// The lookahead N in steps; nil means to the end of the episode (N = T).
  public var lookahead: Int?
  /// By task: the threshold and what came out of it.
  public var tasks: [String: TaskLabelSummary]

  public init(job: String, value: ContentDigest, lookahead: Int?, tasks: [String: TaskLabelSummary])
  {
    self.job = job
    self.value = value
    self.lookahead = lookahead
    self.tasks = tasks
  }
}

/// How one task's labels came out.
public struct TaskLabelSummary: Codable, Hashable, Sendable {
  /// The share p of positive labels that the threshold was asked for.
  public var requestedPositiveShare: Double
  /// The threshold ε on advantages.
  public var threshold: Float
  /// The share that came out positive, corrections included.
  public var positiveShare: Double
  /// Positive shares by episode source ("demonstration", "autonomous", "corrected") and for "correction" frames.
  public var positiveShareBySource: [String: Double]
  /// Steps labelled.
  public var steps: Int

  public init(
    requestedPositiveShare: Double, threshold: Float, positiveShare: Double,
    positiveShareBySource: [String: Double], steps: Int
  ) {
    self.requestedPositiveShare = requestedPositiveShare
    self.threshold = threshold
    self.positiveShare = positiveShare
    self.positiveShareBySource = positiveShareBySource
    self.steps = steps
  }
}
