import Episodes
import RecapAlgorithm
import Robots
import Testing

@testable import CollectorRole

/// The decisions of recording, without a robot.
struct EpisodeRecordingTests {
  let embodiment = Embodiment(
    name: "toy", proprioceptionWidth: 1, environmentStateWidth: 2, cameras: [], actionWidth: 1,
    controlRate: 10)

  func attempt(_ source: EpisodeSource = .autonomous, maximumSteps: Int = 5) -> Attempt {
    let work = CollectWork(
      source: source, policy: nil, guidance: 1, firstEpisode: 0, episodeCount: 2, stage: "toy/1/x")
    return Attempt(
      job: Job(id: "toy/1/x/0", task: "toy", iteration: 1, seed: 9, work: .collect(work)),
      work: work,
      index: 1, task: TaskDescription(name: "toy", instruction: "do", maximumSteps: maximumSteps),
      policyDigest: nil, robotName: "r")
  }

  func observation(_ value: Float) -> Observation {
    Observation(proprioception: [value], environmentState: [value, -value])
  }

  func step(_ value: Float, intervention: Bool = false) -> RobotStep {
    RobotStep(observation: observation(value), action: [value], intervention: intervention)
  }

  @Test("turns become an episode that says who, what and how it ended")
  func wholeEpisode() throws {
    var recording = EpisodeRecording(attempt: attempt(.corrected), embodiment: embodiment)
    try recording.append(RobotTurn(observation: observation(0), personInControl: false))
    #expect(recording.outcome == nil && recording.stepsLeft == 5)
    try recording.append(
      RobotTurn(
        steps: [step(0), step(1, intervention: true)], observation: observation(2),
        personInControl: true))
    #expect(recording.stepsLeft == 3)
    try recording.append(
      RobotTurn(
        steps: [step(2)], observation: observation(3), outcome: .success, reason: "at the door",
        personInControl: false))
    #expect(recording.outcome == .success)
    let episode = try recording.finished(.success)
    #expect(episode.actions == [0, 1, 2])
    #expect(episode.interventions == [false, true, false])
    #expect(episode.metadata.id == "toy/1/x/0#1")
    #expect(episode.metadata.outcome == .success)
    #expect(episode.metadata.reason == "at the door")
    #expect(episode.metadata.recordsEnvironmentState && !episode.metadata.recordsImages)
  }

  @Test("beside a person's actions stand those that the policy proposed for the same steps")
  func proposals() throws {
    var recording = EpisodeRecording(attempt: attempt(.corrected), embodiment: embodiment)
    try recording.append(RobotTurn(observation: observation(0), personInControl: false))
    // In the middle of a chunk a person takes over.
    try recording.append(
      RobotTurn(
        steps: [step(0), step(1, intervention: true)], observation: observation(2),
        personInControl: true),
      proposed: ActionChunk(values: [0, 7], width: 1))
    // A chunk may be shorter than what the person does.
    try recording.append(
      RobotTurn(
        steps: [step(2, intervention: true), step(3, intervention: true), step(4)],
        observation: observation(5), outcome: .success, personInControl: false),
      proposed: ActionChunk(values: [8], width: 1))
    let episode = try recording.finished(.success)
    #expect((0..<5).map { episode.proposal(at: $0).map(Array.init) } == [nil, [7], [8], nil, nil])
    #expect(
      Set([recording.nextNoiseSeed(), recording.nextProposalSeed(), recording.nextProposalSeed()])
        .count == 3)
  }

  @Test("where it failed and which stages were done is recorded")
  func verdict() throws {
    var recording = EpisodeRecording(attempt: attempt(), embodiment: embodiment)
    try recording.append(RobotTurn(observation: observation(0), personInControl: false))
    let stages = [
      StageScore(name: "build", isDone: true), StageScore(name: "place", isDone: false),
    ]
    try recording.append(
      RobotTurn(
        steps: [step(0), step(1)], observation: observation(2), outcome: .failure,
        reason: "dropped", decidedAtStep: 1, mistakeAtStep: 0,
        stages: stages, personInControl: false))
    let metadata = try recording.finished(.failure).metadata
    #expect(metadata.decidedAtStep == 1 && metadata.mistakeAtStep == 0)
    #expect(metadata.stages == stages)
  }

  @Test("an episode that runs past the time limit is a failure, whatever the robot thinks")
  func timeLimit() throws {
    var recording = EpisodeRecording(attempt: attempt(maximumSteps: 2), embodiment: embodiment)
    try recording.append(RobotTurn(observation: observation(0), personInControl: false))
    try recording.append(
      RobotTurn(
        steps: [step(0), step(1)], observation: observation(2), personInControl: false))
    #expect(recording.outcome == .failure)
    #expect(try recording.finished(.failure).metadata.reason == "time limit")
  }

  @Test("an episode without steps is refused")
  func noSteps() throws {
    var recording = EpisodeRecording(attempt: attempt(), embodiment: embodiment)
    try recording.append(
      RobotTurn(observation: observation(0), outcome: .success, personInControl: false))
    #expect(throws: EpisodeError.self) { try recording.finished(.success) }
  }

  @Test("a step of the wrong width or with NaN is refused, naming the column")
  func badSteps() throws {
    var recording = EpisodeRecording(attempt: attempt(), embodiment: embodiment)
    try recording.append(RobotTurn(observation: observation(0), personInControl: false))
    let wide = RobotStep(observation: observation(0), action: [1, 2], intervention: false)
    #expect(throws: EpisodeError.width(column: "action", expected: 1, actual: 2)) {
      try recording.append(
        RobotTurn(steps: [wide], observation: observation(0), personInControl: false))
    }
    #expect(throws: EpisodeError.notFinite(column: "observation.state", step: 0)) {
      try recording.append(
        RobotTurn(steps: [step(.nan)], observation: observation(0), personInControl: false))
    }
  }

  @Test("each chunk of each episode has noise of its own, decided by the episode's seed")
  func noiseSeeds() {
    var a = EpisodeRecording(attempt: attempt(), embodiment: embodiment)
    var b = EpisodeRecording(attempt: attempt(), embodiment: embodiment)
    let seeds = (0..<100).map { _ in a.nextNoiseSeed() }
    #expect(Set(seeds).count == 100)
    #expect(seeds == (0..<100).map { _ in b.nextNoiseSeed() })
  }

  @Test("who may act follows from what the episode is for")
  func supervision() {
    #expect(attempt(.demonstration).supervision == .demonstration)
    #expect(attempt(.corrected).supervision == .corrections)
    #expect(attempt(.autonomous).supervision == .none)
    #expect(attempt(.evaluation).supervision == .none)
  }
}
