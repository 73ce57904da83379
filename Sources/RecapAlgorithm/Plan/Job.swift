import Episodes

/// One piece of work of Algorithm 1, and everything that decides its result: running a job twice gives the same
/// result, so a lost worker costs one retry.
///
/// A job names its inputs by the jobs that make them; the coordinator resolves those to digests when it hands the
/// job out (`JobOrder`).
public struct Job: Codable, Hashable, Sendable, Identifiable {
  /// A readable path, unique within the run: "pretrain/value", "espresso/1/autonomous/0".
  public var id: String
  /// The task, or nil for pre-training over all tasks.
  public var task: String?
  /// The iteration k that the job belongs to, or nil in pre-training.
  public var iteration: Int?
  /// Seeds every random number that the job draws.
  public var seed: UInt64
  public var work: Work

  public init(id: String, task: String?, iteration: Int?, seed: UInt64, work: Work) {
    self.id = id
    self.task = task
    self.iteration = iteration
    self.seed = seed
    self.work = work
  }

  /// The kind of work and its settings.
  public enum Work: Codable, Hashable, Sendable {
    case collect(CollectWork)
    case trainValue(TrainValueWork)
    case estimateValues(EstimateValuesWork)
    case label(LabelWork)
    case trainPolicy(TrainPolicyWork)
  }

  /// The role that can do it.
  public var role: WorkerRole {
    switch work {
    case .collect: .collector
    case .trainValue: .valueLearner
    case .estimateValues, .label: .advantageLabeller
    case .trainPolicy: .policyLearner
    }
  }

  /// The jobs whose results it needs.
  public var dependencies: [String] {
    switch work {
    case .collect(let work): work.policy.map { [$0] } ?? []
    case .trainValue(let work): work.dataset + (work.initial.map { [$0] } ?? [])
    case .estimateValues(let work): work.dataset + [work.value]
    case .label(let work): work.dataset + [work.value] + (work.shards ?? [])
    case .trainPolicy(let work):
      work.dataset + (work.labels.map { [$0] } ?? []) + (work.initial.map { [$0] } ?? [])
    }
  }
}

/// The roles that take jobs.
public enum WorkerRole: String, Codable, Sendable, CaseIterable {
  case collector
  case valueLearner
  case advantageLabeller
  case policyLearner
}

/// Episodes for a robot to record.
public struct CollectWork: Codable, Hashable, Sendable {
  public var source: EpisodeSource
  /// The job that trained the policy; nil for demonstrations.
  public var policy: String?
  /// What the policy is asked for; `.absent` for one that knows no indicator.
  public var indicator: AdvantageIndicator
  /// Guidance β; 1 is one pass.
  public var guidance: Float
  /// Actions of a chunk that are executed before the policy is asked again; nil for all of them.
  public var executedActions: Int?
  /// Steps for which a subtask is kept; nil to choose with every chunk.
  public var subtaskSteps: Int?
  /// Episode indices within the stage: episode `i` is seeded from the stage's seed and `i`, whichever job holds it.
  public var firstEpisode: Int
  public var episodeCount: Int
  /// The stage this job is a slice of, such as "espresso/1/collect": its episodes are counted together.
  public var stage: String

  public init(
    source: EpisodeSource, policy: String?, indicator: AdvantageIndicator = .positive,
    guidance: Float, executedActions: Int? = nil,
    subtaskSteps: Int? = nil, firstEpisode: Int, episodeCount: Int, stage: String
  ) {
    self.source = source
    self.policy = policy
    self.indicator = indicator
    self.guidance = guidance
    self.executedActions = executedActions
    self.subtaskSteps = subtaskSteps
    self.firstEpisode = firstEpisode
    self.episodeCount = episodeCount
    self.stage = stage
  }
}

/// V from a dataset's returns.
public struct TrainValueWork: Codable, Hashable, Sendable {
  /// The collect jobs whose episodes are the dataset.
  public var dataset: [String]
  /// The job whose checkpoint to start from; nil to start from random weights.
  public var initial: String?
  public var training: TrainingSettings
  /// C_fail in steps; nil for each task's time limit.
  public var failureCost: Double?

  public init(
    dataset: [String], initial: String?, training: TrainingSettings, failureCost: Double? = nil
  ) {
    self.dataset = dataset
    self.initial = initial
    self.training = training
    self.failureCost = failureCost
  }
}

/// Values alone, of one shard of the dataset that a labelling job labels.
public struct EstimateValuesWork: Codable, Hashable, Sendable {
  /// The collect jobs whose episodes are the shard.
  public var dataset: [String]
  /// How many episodes these are.
  public var episodeCount: Int
  /// The job that trained the value function.
  public var value: String
  /// The stage this job is a part of, such as "espresso/1/labels": the labelling job's id.
  public var stage: String

  public init(dataset: [String], episodeCount: Int, value: String, stage: String) {
    self.dataset = dataset
    self.episodeCount = episodeCount
    self.value = value
    self.stage = stage
  }
}

/// Values, advantages and indicators for a dataset.
public struct LabelWork: Codable, Hashable, Sendable {
  public var dataset: [String]
  /// The job that trained the value function.
  public var value: String
  /// The jobs that estimate the dataset's values, a shard each; nil where this job does that itself.
  public var shards: [String]?
  /// The lookahead N in steps; nil for N = T.
  public var lookahead: Int?
  /// The share p of positive labels, by task.
  public var positiveShare: [String: Double]
  /// C_fail in steps, as the value function was trained with; nil for each task's time limit.
  public var failureCost: Double?

  public init(
    dataset: [String], value: String, shards: [String]? = nil, lookahead: Int?,
    positiveShare: [String: Double], failureCost: Double? = nil
  ) {
    self.dataset = dataset
    self.value = value
    self.shards = shards
    self.lookahead = lookahead
    self.positiveShare = positiveShare
    self.failureCost = failureCost
  }
}

/// π from a dataset and its labels.
public struct TrainPolicyWork: Codable, Hashable, Sendable {
  public var dataset: [String]
  /// The labelling job; nil where every indicator is positive (the SFT stage) or none is read.
  public var labels: String?
  public var initial: String?
  public var training: TrainingSettings
  /// The probability of leaving the indicator out, so that the unconditional policy is learnt too;
  /// 1 for a policy that knows no indicator.
  public var indicatorDropout: Double
  /// Whether episodes that failed are left out.
  public var onlySuccesses: Bool
  /// What each action counts.
  public var weighting: ActionWeighting

  public init(
    dataset: [String], labels: String?, initial: String?, training: TrainingSettings,
    indicatorDropout: Double, onlySuccesses: Bool = false, weighting: ActionWeighting = .uniform
  ) {
    self.dataset = dataset
    self.labels = labels
    self.initial = initial
    self.training = training
    self.indicatorDropout = indicatorDropout
    self.onlySuccesses = onlySuccesses
    self.weighting = weighting
  }
}

/// How long and how fast a network is trained. Learning rates warm up linearly and then fall along a cosine.
public struct TrainingSettings: Codable, Hashable, Sendable {
  /// Gradient steps.
  public var steps: Int
  /// Samples a step.
  public var batchSize: Int
  /// Peak learning rate.
  public var learningRate: Float
  /// The learning rate at the end, as a share of the peak.
  public var finalLearningRateShare: Float
  /// Steps of linear warm-up.
  public var warmupSteps: Int
  /// AdamW's decoupled weight decay.
  public var weightDecay: Float
  /// The global gradient norm is clipped to this.
  public var gradientClip: Float
  /// Decay of the exponential moving average of the weights that the checkpoint holds; 0 turns it off.
  public var averageDecay: Float
  /// Standard deviation of the normal noise that every sample's proprioception and environment state
  /// get, as a share of each number's own standard deviation in the data; 0 for none. Against
  /// learning single episodes by heart: what stays the same for an episode, such as where a thing
  /// lies, tells which one it is.
  public var stateNoise: Float
  /// The share of episodes that are not trained on but measured on, in [0, 0.5]: see `HeldOut`.
  public var heldOutShare: Double

  public init(
    steps: Int, batchSize: Int, learningRate: Float, finalLearningRateShare: Float = 0.1,
    warmupSteps: Int = 50, weightDecay: Float = 0.01, gradientClip: Float = 1,
    averageDecay: Float = 0.99, stateNoise: Float = 0, heldOutShare: Double = 0
  ) {
    self.steps = steps
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.finalLearningRateShare = finalLearningRateShare
    self.warmupSteps = warmupSteps
    self.weightDecay = weightDecay
    self.gradientClip = gradientClip
    self.averageDecay = averageDecay
    self.stateNoise = stateNoise
    self.heldOutShare = heldOutShare
  }
}

/// What a finished job gives.
public enum JobResult: Codable, Hashable, Sendable {
  /// The episodes recorded, all durable in the archive.
  case episodes([EpisodeReceipt])
  /// A checkpoint bundle, and the last value of each training metric.
  case checkpoint(ContentDigest, metrics: [String: Double])
  /// The values of a shard.
  case values(ContentDigest)
  /// A label set.
  case labels(ContentDigest, LabelSetMetadata)
}

/// The archive's word that an episode is durable, with what the plan and reports need to know of it.
public struct EpisodeReceipt: Codable, Hashable, Sendable {
  public var id: String
  public var index: Int
  public var digest: ContentDigest
  public var steps: Int
  public var interventionSteps: Int
  public var outcome: Outcome

  public init(
    id: String, index: Int, digest: ContentDigest, steps: Int, interventionSteps: Int,
    outcome: Outcome
  ) {
    self.id = id
    self.index = index
    self.digest = digest
    self.steps = steps
    self.interventionSteps = interventionSteps
    self.outcome = outcome
  }
}

/// A job with its inputs resolved to digests: all that a worker needs besides the archive.
public struct JobOrder: Codable, Hashable, Sendable {
  public var job: Job
  /// Names this handing-out of the job; results carry it back.
  public var lease: String
  /// The episodes of the job's dataset, in a fixed order; empty where it has none.
  public var dataset: [ContentDigest]
  /// How episodes of the dataset ended that people have judged otherwise than it was recorded; nil
  /// where there are none.
  public var outcomes: [ContentDigest: Outcome]?
  /// Checkpoint to start from.
  public var initial: ContentDigest?
  /// Policy checkpoint to act with.
  public var policy: ContentDigest?
  /// Value checkpoint to label with.
  public var value: ContentDigest?
  /// The values of the dataset's shards, where others have estimated them; nil where there are none.
  public var values: [ContentDigest]?
  /// Label set to train with.
  public var labels: ContentDigest?

  public init(
    job: Job, lease: String, dataset: [ContentDigest] = [], initial: ContentDigest? = nil,
    policy: ContentDigest? = nil, value: ContentDigest? = nil, labels: ContentDigest? = nil
  ) {
    self.job = job
    self.lease = lease
    self.dataset = dataset
    self.initial = initial
    self.policy = policy
    self.value = value
    self.labels = labels
  }
}
