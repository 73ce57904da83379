import Episodes
import RecapAlgorithm
import Robots

/// One episode that a job asks for.
public struct Attempt: Sendable {
  var job: Job
  var work: CollectWork
  /// Its place in the stage.
  var index: Int
  var task: TaskDescription
  var policyDigest: ContentDigest?
  var robotName: String

  /// - Parameters:
  ///   - job: Whose seed decides the start; it may do other work.
  ///   - work: Who acts, and how.
  ///   - index: The episode's place in the job's stage, ≥ 0.
  ///   - policyDigest: Of the policy that acts; nil where none does.
  public init(
    job: Job, work: CollectWork, index: Int, task: TaskDescription, policyDigest: ContentDigest?,
    robotName: String
  ) {
    self.job = job
    self.work = work
    self.index = index
    self.task = task
    self.policyDigest = policyDigest
    self.robotName = robotName
  }

  var seed: UInt64 { job.episodeSeed(index) }

  /// Who may act.
  var supervision: Supervision {
    switch work.source {
    case .demonstration: .demonstration
    case .corrected: .corrections
    case .autonomous, .evaluation: .none
    }
  }
}

/// The decisions of recording one episode, apart from any robot or network: turns go in, an episode comes out.
struct EpisodeRecording {
  /// Steps asked for at a time while a person acts.
  let stepsWithoutChunk = 8
  let attempt: Attempt
  /// The turn that ended the episode: the robot's word, or failure where it ran past the task's limit.
  private var ending: RobotTurn?
  private var episode: Episode?
  private let embodiment: Embodiment
  private var chunks: UInt64 = 0
  private var proposals: UInt64 = 0
  /// What the policy pursues, and the step at which it chose that.
  private var subtask: (text: String, step: Int)?

  init(attempt: Attempt, embodiment: Embodiment) {
    self.attempt = attempt
    self.embodiment = embodiment
  }

  /// How the episode ended; nil while it goes on.
  var outcome: Outcome? { ending?.outcome }

  /// Steps until the task's time limit.
  var stepsLeft: Int { attempt.task.maximumSteps - steps }

  /// A different seed for every chunk's noise, decided by the episode's seed alone.
  mutating func nextNoiseSeed() -> UInt64 {
    chunks += 1
    return attempt.seed &+ chunks &* 0x9E37_79B9_7F4A_7C15
  }

  /// A different seed for the noise of every chunk that is not executed: those that are keep theirs,
  /// whether or not anybody asks what the policy would do.
  mutating func nextProposalSeed() -> UInt64 {
    proposals += 1
    return ~attempt.seed &+ proposals &* 0x9E37_79B9_7F4A_7C15
  }

  /// The subtask that the policy keeps for its next chunk; nil where it is to choose.
  var keptSubtask: String? {
    guard let subtask, let lifetime = attempt.work.subtaskSteps,
      steps - subtask.step < lifetime
    else { return nil }
    return subtask.text
  }

  /// Notes which subtask the policy pursues from here on; one that is kept goes on.
  mutating func pursue(_ text: String?) {
    guard keptSubtask == nil else { return }
    subtask = text.map { ($0, steps) }
  }

  private var steps: Int { episode?.count ?? 0 }

  /// Adds what the robot did since the last turn.
  ///
  /// - Parameter proposed: What the policy wanted to do from the last turn on: executed until a person
  ///   took over, and from there on recorded beside the person's actions.
  mutating func append(_ turn: RobotTurn, proposed: ActionChunk? = nil) throws {
    if episode == nil { episode = Episode(metadata: metadata(firstObservation: turn.observation)) }
    for (index, step) in turn.steps.enumerated() {
      let proposal = proposed.flatMap { step.intervention && index < $0.count ? $0[index] : nil }
      try episode?.append(
        step.observation, action: step.action[...], intervention: step.intervention,
        subtask: step.subtask, proposal: proposal)
    }
    if turn.outcome != nil {
      ending = turn
    } else if stepsLeft <= 0 {
      ending = turn
      ending?.outcome = .failure
      ending?.reason = Ending.timeLimit.reason
    }
  }

  /// The episode with its outcome.
  func finished(_ outcome: Outcome) throws -> Episode {
    guard var episode, episode.count > 0 else {
      throw EpisodeError.malformed("the robot ended \(attempt.task.name) before its first step")
    }
    episode.metadata.outcome = outcome
    episode.metadata.reason = ending?.reason
    episode.metadata.decidedAtStep = ending?.decidedAtStep
    episode.metadata.mistakeAtStep = ending?.mistakeAtStep
    episode.metadata.stages = ending?.stages
    return episode
  }

  private func metadata(firstObservation: Observation) -> EpisodeMetadata {
    EpisodeMetadata(
      id: "\(attempt.job.id)#\(attempt.index)", job: attempt.job.id, index: attempt.index,
      task: attempt.task, embodiment: embodiment, robot: attempt.robotName,
      iteration: attempt.job.iteration, source: attempt.work.source,
      policy: attempt.policyDigest,
      guidance: attempt.policyDigest == nil ? nil : attempt.work.guidance,
      seed: attempt.seed, outcome: .failure,
      recordsImages: !embodiment.cameras.isEmpty && !firstObservation.images.isEmpty,
      recordsEnvironmentState: embodiment.environmentStateWidth > 0
        && !firstObservation.environmentState.isEmpty)
  }
}
