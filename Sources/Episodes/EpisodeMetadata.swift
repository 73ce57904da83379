/// Who recorded an episode, with which policy, for what, and how it ended. Stored with the episode, so that a
/// recording explains itself wherever it is copied.
public struct EpisodeMetadata: Codable, Hashable, Sendable {
  /// Unique within a run: "<job>#<index>". Uploading the same id twice stores it once.
  public var id: String
  /// The job that asked for it.
  public var job: String
  /// Its place among that job's episodes.
  public var index: Int
  /// The task's full description at the time of recording.
  public var task: TaskDescription
  public var embodiment: Embodiment
  /// The robot's name.
  public var robot: String
  /// The iteration k whose job asked for it; nil for demonstrations. Practice for iteration k is done by the
  /// policy of iteration k − 1, evaluation of iteration k by its own.
  public var iteration: Int?
  /// Who was meant to act.
  public var source: EpisodeSource
  /// The checkpoint of the policy that acted; nil for demonstrations.
  public var policy: ContentDigest?
  /// Guidance β used while acting; nil for demonstrations.
  public var guidance: Float?
  /// Seed of the episode's start and of the policy's noise.
  public var seed: UInt64
  public var outcome: Outcome
  /// Why it ended so, in words for people, such as "coffee spilled" or "time limit"; nil where the
  /// robot did not say, and in files from before this was recorded.
  public var reason: String?
  /// The step, from 0, whose action put success out of reach, where the episode failed: the verdict
  /// may follow much later. nil where the robot does not know, such as where time ran out, and in
  /// files from before this was recorded.
  public var decidedAtStep: Int?
  /// The step, from 0, at which the mistake that decided it began, at most `decidedAtStep`: from then
  /// on the work went wrong, and was not mended. nil where that is.
  public var mistakeAtStep: Int?
  /// What came of the task's scored stages, in order; nil where the task has none, and in files from
  /// before they were recorded.
  public var stages: [StageScore]?
  /// Whether frames are stored.
  public var recordsImages: Bool
  /// Whether object poses are stored.
  public var recordsEnvironmentState: Bool

  public init(
    id: String, job: String, index: Int, task: TaskDescription, embodiment: Embodiment,
    robot: String, iteration: Int? = nil, source: EpisodeSource, policy: ContentDigest? = nil,
    guidance: Float? = nil, seed: UInt64, outcome: Outcome, reason: String? = nil,
    decidedAtStep: Int? = nil, mistakeAtStep: Int? = nil, stages: [StageScore]? = nil,
    recordsImages: Bool, recordsEnvironmentState: Bool
  ) {
    self.id = id
    self.job = job
    self.index = index
    self.task = task
    self.embodiment = embodiment
    self.robot = robot
    self.iteration = iteration
    self.source = source
    self.policy = policy
    self.guidance = guidance
    self.seed = seed
    self.outcome = outcome
    self.reason = reason
    self.decidedAtStep = decidedAtStep
    self.mistakeAtStep = mistakeAtStep
    self.stages = stages
    self.recordsImages = recordsImages
    self.recordsEnvironmentState = recordsEnvironmentState
  }
}

/// Who was meant to act in an episode.
public enum EpisodeSource: String, Codable, Sendable, CaseIterable {
  /// A person from start to end.
  case demonstration
  /// The policy alone, practising.
  case autonomous
  /// The policy, with a person free to take over; `interventions` says where one did.
  case corrected
  /// The policy alone, being judged: fresh seeds, never trained on.
  case evaluation
}

/// One stage of a task whose stages are scored one by one.
public struct StageScore: Codable, Hashable, Sendable {
  /// What the stage is called in reports, such as "label".
  public var name: String
  /// Whether it was done when the episode ended.
  public var isDone: Bool

  public init(name: String, isDone: Bool) {
    self.name = name
    self.isDone = isDone
  }
}

/// How an episode ended.
public enum Outcome: String, Codable, Sendable, CaseIterable {
  case success
  /// Failed, or ran out of time.
  case failure
  /// Nobody has said yet. Until somebody does, the episode is neither learned from nor counted.
  case unjudged

  /// For people.
  public var words: String { self == .unjudged ? "not judged" : rawValue }
}
