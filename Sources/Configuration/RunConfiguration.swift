import Policies
import RecapAlgorithm

/// Everything that decides a run: what is practised, by which method and networks, on which robots.
///
/// A person writes the part that differs from the defaults as YAML (`load`); the run stores the
/// whole as JSON (`resolvedJSON`), and every worker is given that on joining. All defaults are in
/// `Defaults.swift`, all ranges in `ConfigurationShape.swift`.
public struct RunConfiguration: Codable, Hashable, Sendable {
  /// Names the run in listings and its default directory. Required.
  public var name: String
  /// Everything random in the run follows from this number.
  public var seed: UInt64
  /// What is practised; at least one. Pre-training covers all of them, then each goes its own way.
  /// Required.
  public var tasks: [TaskSettings]
  /// How often Algorithm 1's loop is repeated, and how.
  public var schedule: LoopSettings
  /// The method's own numbers: positive shares, lookahead, guidance.
  public var method: MethodSettings
  /// Sizes of the networks and what they see.
  public var models: ModelSettings
  /// Optimisation of each training stage.
  public var training: TrainingStages
  /// Who practises; at least one, all of one embodiment. Required.
  public var robots: [RobotSettings]
  /// How the processes of a run deal with each other; has no influence on results.
  public var runtime: RuntimeSettings
  /// When a run wants somebody's attention; has no influence on results.
  public var monitoring: MonitoringSettings
}

/// One task, and how many episodes of each kind it is given. In a file, `taskDefaults` holds what
/// its tasks share.
public struct TaskSettings: Codable, Hashable, Sendable {
  /// As robots know it, such as `espresso`. Required.
  public var name: String
  /// Episodes that a person demonstrates before any learning.
  public var demonstrations: Int
  /// Episodes per iteration k ≥ 1 that the policy attempts alone.
  public var autonomousEpisodes: Int
  /// Episodes per iteration k ≥ 1 in which a person may take over.
  public var correctedEpisodes: Int
  /// Episodes that judge each iteration's policy; never trained on.
  public var evaluationEpisodes: Int
  /// The share p of positive labels for this task alone, in (0, 1); nil for `method.positiveShare`.
  public var positiveShare: Double?
  /// Whether the task gets a policy of its own, and practice; with false its demonstrations are a
  /// part of pre-training and nothing more.
  public var specialize: Bool
  /// What people judge an episode by; all must be passed for a success. Empty where its outcome is all.
  public var criteria: [CriterionSettings]
}

/// One thing that an episode is judged by.
public struct CriterionSettings: Codable, Hashable, Sendable {
  /// Such as `label`. Where a robot scores a stage of that name, it is the same thing.
  public var name: String
  /// What passes, in words for those who judge; nil where the name says it.
  public var description: String?

  public init(name: String, description: String? = nil) {
    self.name = name
    self.description = description
  }
}

/// The outer loop of Algorithm 1.
public struct LoopSettings: Codable, Hashable, Sendable {
  /// K: rounds of collecting, labelling and training after the SFT stage k = 0.
  public var iterations: Int
  /// Whether networks are first trained on all tasks' demonstrations; without it each task's begin
  /// at random weights.
  public var pretraining: Bool
  /// Whether each iteration trains from the pre-trained networks, as the paper does, or from the
  /// previous iteration's.
  public var restartFromPretrained: Bool
  /// A collect job holds at most this many episodes: smaller jobs spread better, larger ones cost
  /// less talk.
  public var episodesPerJob: Int
  /// A larger dataset is labelled in shards of at most so many episodes, which labellers share; nil
  /// to label every dataset in one job. The labels are the same.
  public var episodesPerLabelJob: Int?
  /// What learning does about episodes that nobody has judged.
  public var judging: JudgingPolicy
}

/// The two networks.
public struct ModelSettings: Codable, Hashable, Sendable {
  /// The policy π: backbone and action expert.
  public var policy: PolicySettings
  /// The value function V.
  public var value: ValueSettings
}

/// Optimisation settings by stage.
public struct TrainingStages: Codable, Hashable, Sendable {
  /// V over all tasks' demonstrations.
  public var valuePretrain: TrainingSettings
  /// V of one task, each iteration.
  public var value: TrainingSettings
  /// π over all tasks' demonstrations, with labels.
  public var policyPretrain: TrainingSettings
  /// π of one task on its demonstrations with the indicator fixed positive: k = 0. With 0 steps it
  /// is the pre-trained policy itself.
  public var policySFT: TrainingSettings
  /// π of one task on all its episodes with labels: k ≥ 1.
  public var policy: TrainingSettings
}

/// How the processes of a run deal with each other.
public struct RuntimeSettings: Codable, Hashable, Sendable {
  /// Seconds between a worker's signs of life.
  public var heartbeatSeconds: Double
  /// A worker silent for this many seconds loses its job to another. At least twice
  /// `heartbeatSeconds`.
  public var leaseSeconds: Double
  /// A job that fails this often ends the run, with an error that names the job and the reason of
  /// each attempt. Going on with the run gives every job its attempts anew. A worker that is lost
  /// is no failure of its job, unless the job loses ten times as many, and twenty more.
  public var maximumAttempts: Int
  /// Labellers that `recap run` starts in its process; more than one share what is labelled in shards
  /// (`schedule.episodesPerLabelJob`).
  public var labellers: Int
  /// Policy learners that `recap run` starts in its process. Each keeps one core busy and trains
  /// one task's policy at a time, so more than the run has tasks have nothing to do.
  public var policyLearners: Int
  /// Threads of each of these learners, and of the value learner. Pre-training, during which the
  /// others wait, takes all policy learners' threads. One thread and two give the same results; more
  /// sum in another order, and agree up to rounding.
  public var learnerThreads: Int
  /// Endpoints at which the coordinator listens besides the run's own socket, such as
  /// `tcp://127.0.0.1:7700`.
  public var listen: [String]
}
