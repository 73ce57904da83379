import Episodes
import Foundation
import Policies
import RecapAlgorithm
import Robots
import Testing

@testable import CollectorRole

/// Control of a robot that keeps its own time.
@Suite(.serialized) struct RealTimeTests {
  func attempt(maximumSteps: Int, executed: Int) -> Attempt {
    let work = CollectWork(
      source: .autonomous, policy: nil, guidance: 1, executedActions: executed, firstEpisode: 0,
      episodeCount: 1, stage: "line/1/x")
    return Attempt(
      job: Job(id: "line/1/x/0", task: "line", iteration: 1, seed: 9, work: .collect(work)),
      work: work, index: 0,
      task: TaskDescription(name: "line", instruction: "go", maximumSteps: maximumSteps),
      policyDigest: nil, robotName: "r")
  }

  /// A policy that takes 60 % of the time in which its actions are executed, at 50 Hz.
  @Test("the control rate is held while the policy computes, and lost where the robot waits for it")
  func controlRate() async throws {
    func run(overlapping: Bool) async throws -> (
      pace: Pace, waited: Duration, counts: ControlCounts
    ) {
      let robot = RealTimeRobot(maximumSteps: 100)
      let tally = ControlTally()
      let episode = try await attempt(maximumSteps: 100, executed: 10).episode(
        by: robot, policy: SlowPolicy(delays: [.milliseconds(120)]),
        under: ControlTerms(
          overlapsInference: overlapping, crossfadeSteps: overlapping ? 4 : 0,
          watchdog: overlapping ? .seconds(1) : nil),
        tally: tally)
      let executed = await robot.executed
      #expect(episode.count == 100 && episode.actions == executed.map(\.action))
      return (Pace(executed.map(\.time)), await robot.waited, tally.counts)
    }
    let sequential = try await run(overlapping: false)
    let overlapped = try await run(overlapping: true)
    if ProcessInfo.processInfo.environment["RECAP_SHOW_FIGURES"] != nil {
      print("sequential \(sequential)\noverlapped \(overlapped)")
    }
    // A busy machine stops a process now and then, in either mode; what the robot waits for is the policy, nine times.
    #expect(sequential.pace.rate < 35 && sequential.waited > .seconds(9 * 0.12), "\(sequential)")
    #expect(overlapped.pace.rate > 1.2 * sequential.pace.rate, "\(overlapped), \(sequential)")
    #expect(overlapped.waited < sequential.waited / 3, "\(overlapped), \(sequential)")
    #expect(overlapped.counts.holds == 0 && sequential.counts.lateChunks == 0)
  }

  @Test("a policy that falls silent has the robot hold, and goes on from what is sensed then")
  func watchdog() async throws {
    let robot = RealTimeRobot(maximumSteps: 60)
    let tally = ControlTally()
    let episode = try await attempt(maximumSteps: 60, executed: 10).episode(
      by: robot, policy: SlowPolicy(delays: [.milliseconds(20), .seconds(2), .milliseconds(20)]),
      under: ControlTerms(overlapsInference: true, watchdog: .milliseconds(100)), tally: tally)
    let counts = tally.counts
    #expect(counts.lateChunks >= 1 && counts.holds >= 1)
    #expect(await robot.timesHeld >= 2)
    // The actions of a chunk are numbered: after the hold one begins anew, and repeated ones are in the record.
    let actions = episode.actions
    let repeated = zip(actions, actions.dropFirst()).count { $0 == $1 }
    #expect(repeated >= 3, "\(actions)")
    let last = try #require(actions.indices.dropLast(2).last { actions[$0] == actions[$0 + 1] })
    #expect(actions[last + 2] == 0, "\(actions)")
    #expect(episode.count == 60)
  }

  @Test("what is executed and recorded is within the limits, and counted")
  func limits() async throws {
    let robot = RealTimeRobot(maximumSteps: 20, controlRate: 1000)
    let tally = ControlTally()
    let episode = try await attempt(maximumSteps: 20, executed: 10).episode(
      by: robot, policy: SlowPolicy(delays: [.zero]),
      under: ControlTerms(limits: ActionLimits(maximum: [5], maximumChange: [2])), tally: tally)
    // 0 to 5, then 5; a chunk begins at 0 again, to which 5 comes down by 2 at a time.
    let expected: [Float] = [0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 3, 1, 2, 3, 4, 5, 5, 5, 5, 5]
    #expect(episode.actions == expected)
    #expect(tally.counts.limitedActions == 9)
    #expect(tally.counts.chunks == 2)
  }

  @Test("an episode ends at once when it is cancelled, with a policy at work and a robot in motion")
  func cancellation() async throws {
    let robot = RealTimeRobot(maximumSteps: 10_000)
    let attempt = attempt(maximumSteps: 10_000, executed: 10)
    let running = Task {
      try await attempt.episode(
        by: robot, policy: SlowPolicy(delays: [.milliseconds(20), .seconds(100)]),
        under: ControlTerms(overlapsInference: true, watchdog: .seconds(60)))
    }
    while await robot.executed.count < 15 { try await Task.sleep(for: .milliseconds(5)) }
    running.cancel()
    let began = ContinuousClock.now
    await #expect(throws: CancellationError.self) { try await running.value }
    #expect(ContinuousClock.now - began < .seconds(5))
    #expect(await robot.timesHeld == 1, "nobody else would stop it")
  }
}

/// How evenly steps were executed, at 50 Hz.
struct Pace: CustomStringConvertible {
  /// Steps a second.
  var rate: Double
  /// Standard deviation of the time between two steps, in ms.
  var jitter: Double
  /// The longest time between two steps, in ms.
  var longest: Double
  /// The steps that lasted longer than one and a half.
  var pauses: [Int]

  init(_ times: [ContinuousClock.Instant]) {
    let gaps = zip(times, times.dropFirst()).map { ($1 - $0) / .milliseconds(1) }
    let mean = gaps.reduce(0, +) / Double(gaps.count)
    rate = 1000 / mean
    jitter = (gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)).squareRoot()
    longest = gaps.max() ?? 0
    pauses = gaps.indices.filter { gaps[$0] > 30 }
  }

  var description: String {
    String(format: "%.1f Hz, jitter %.1f ms, at most %.1f ms", rate, jitter, longest)
      + ", pauses after \(pauses)"
  }
}

/// Answers after given times, the last of which goes on, with 40 actions 0, 1, 2, ….
actor SlowPolicy: ChunkSource {
  private var delays: [Duration]

  init(delays: [Duration]) { self.delays = delays }

  func answer(to request: PolicyRequest) async throws -> PolicyAnswer {
    let delay = delays.count > 1 ? delays.removeFirst() : delays[0]
    try await Task.sleep(for: delay)
    return PolicyAnswer(
      chunk: ActionChunk(values: (0..<40).map { Float($0) }, width: 1), subtask: nil)
  }
}

/// A robot that executes an action when the one before is over, at its control rate; late actions are executed as soon as
/// they come, and their successors when they would have been without the delay if that is less than a step.
actor RealTimeRobot: Robot {
  nonisolated let embodiment: Embodiment
  nonisolated let tasks: [TaskDescription]
  nonisolated let holds = true
  private(set) var executed: [(action: Float, time: ContinuousClock.Instant)] = []
  private(set) var timesHeld = 0
  /// The time between the end of one execution and the beginning of the next, in all.
  private(set) var waited = Duration.zero
  private var stopped: ContinuousClock.Instant?
  private var due = ContinuousClock.now

  init(maximumSteps: Int, controlRate: Double = 50) {
    embodiment = Embodiment(
      name: "line", proprioceptionWidth: 1, environmentStateWidth: 0, cameras: [], actionWidth: 1,
      controlRate: controlRate)
    tasks = [TaskDescription(name: "line", instruction: "go", maximumSteps: maximumSteps)]
  }

  func begin(task: String, seed: UInt64, supervision: Supervision) -> RobotTurn {
    RobotTurn(observation: observation, personInControl: false)
  }

  func execute(_ chunk: ActionChunk?, steps: Int) async throws -> RobotTurn {
    let period = Duration.seconds(1 / embodiment.controlRate)
    if let stopped { waited += ContinuousClock.now - stopped }
    defer { stopped = ContinuousClock.now }
    var turn = RobotTurn(observation: observation, personInControl: false)
    for index in 0..<min(steps, chunk?.count ?? 0) {
      let action = Array(chunk?[index] ?? [])
      let now = ContinuousClock.now
      if now > due + period { due = now }
      executed.append((action[0], now))
      turn.steps.append(RobotStep(observation: observation, action: action, intervention: false))
      due += period
      try await Task.sleep(until: due, clock: .continuous)
    }
    turn.observation = observation
    return turn
  }

  func hold() -> RobotTurn {
    timesHeld += 1
    return RobotTurn(observation: observation, personInControl: false)
  }

  private var observation: Observation {
    Observation(proprioception: [Float(executed.count)], environmentState: [])
  }
}
