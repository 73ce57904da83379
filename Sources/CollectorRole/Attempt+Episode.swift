import Episodes
import Policies
import RecapAlgorithm
import Robots

extension Attempt {
  /// Has a robot attempt it, from reset to outcome.
  ///
  /// - Parameters:
  ///   - robot: One that offers the task and is in no other episode.
  ///   - policy: Who acts; nil where a person does.
  ///   - terms: How the policy controls the robot.
  ///   - tally: Where it is counted how that goes, as it goes.
  ///   - clock: Tells how long the policy takes, and runs the watchdog.
  /// - Returns: The episode with its outcome; its actions are those that the robot executed.
  /// - Throws: What the robot or the policy throws, and `CancellationError`; with a watchdog the robot is told to hold
  ///   then.
  public func episode(
    by robot: any Robot, policy: (any ChunkSource)?, under terms: ControlTerms = ControlTerms(),
    tally: ControlTally = ControlTally(), clock: some Clock<Duration> = ContinuousClock(),
    isolation: isolated (any Actor)? = #isolation
  ) async throws -> Episode {
    do {
      return try await controlled(robot, policy, terms, tally, clock)
    } catch {
      if terms.watchdog != nil { await Self.leaveStanding(robot) }
      throw error
    }
  }

  /// Has the robot hold where an episode breaks off, also in a task that is cancelled; gives up soon, since the robot may be
  /// the reason.
  private static func leaveStanding(_ robot: any Robot) async {
    await Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { _ = try? await robot.hold() }
        group.addTask { try? await Task.sleep(for: .seconds(2)) }
        await group.next()
        group.cancelAll()
      }
    }.value
  }

  private func controlled(
    _ robot: any Robot, _ policy: (any ChunkSource)?, _ terms: ControlTerms,
    _ tally: ControlTally, _ clock: some Clock<Duration>,
    isolation: isolated (any Actor)? = #isolation
  ) async throws -> Episode {
    let start = clock.now
    var recording = EpisodeRecording(attempt: self, embodiment: robot.embodiment)
    var schedule = ChunkSchedule(
      terms, executedActions: work.executedActions, controlRate: robot.embodiment.controlRate)
    var turn = try await robot.begin(task: task.name, seed: seed, supervision: supervision)
    try recording.append(turn)
    return try await withThrowingTaskGroup(of: Happening.self) { group in
      // A policy at work or a watchdog asleep outlives no episode.
      defer { group.cancelAll() }
      /// Which actions of the chunk under execution had to be limited.
      var limited: [Bool] = []
      while true {
        if let outcome = recording.outcome { return try recording.finished(outcome) }
        try Task.checkCancellation()
        let left = recording.stepsLeft
        if let policy, !turn.personInControl {
          switch schedule.next(at: start.duration(to: clock.now), stepsLeft: left) {
          case .ask(let question):
            let request = request(
              for: turn.observation, recording, seed: recording.nextNoiseSeed())
            group.addTask { .answered(try await policy.answer(to: request), to: question) }
            continue
          case .execute(let asked, let steps):
            let (chunk, changed) =
              terms.limits?.applied(to: asked, after: schedule.lastAction) ?? (asked, [])
            limited = changed
            group.addTask {
              let turn = try await robot.execute(chunk, steps: min(steps, left))
              return .turned(turn, proposed: chunk)
            }
          case .hold:
            group.addTask { .turned(try await robot.hold(), proposed: nil) }
          case .wait(let limit):
            if let limit {
              group.addTask {
                try await clock.sleep(for: limit)
                return .waited
              }
            }
            let happening = try await group.next()
            if case .answered(let answer, let question)? = happening {
              note(answer, question, start.duration(to: clock.now), &schedule, &recording)
            }
            continue
          }
        } else {
          schedule.interrupted()
          limited = []
          follow(recording.stepsWithoutChunk, robot, policy, turn, &recording, in: &group)
        }
        // Until the robot has done what it was told to.
        var isMoving = true
        while isMoving, let happening = try await group.next() {
          switch happening {
          case .answered(let answer, let question):
            note(answer, question, start.duration(to: clock.now), &schedule, &recording)
          case .waited: break
          case .turned(let next, let proposed):
            turn = next
            isMoving = false
            try recording.append(turn, proposed: proposed)
          }
        }
        schedule.executed(turn.steps.map(\.action))
        if turn.personInControl || turn.steps.contains(where: \.intervention) {
          schedule.interrupted()
        }
        var counts = schedule.takeCounts()
        counts.limitedActions = zip(turn.steps, limited).count { !$0.intervention && $1 }
        tally.add(counts)
      }
    }
  }

  /// What an episode waits for.
  private enum Happening: Sendable {
    /// The robot has done what it was told to.
    case turned(RobotTurn, proposed: ActionChunk?)
    case answered(PolicyAnswer, to: Int)
    /// The watchdog's time may be over.
    case waited
  }

  private func note(
    _ answer: PolicyAnswer, _ question: Int, _ now: Duration, _ schedule: inout ChunkSchedule,
    _ recording: inout EpisodeRecording
  ) {
    if schedule.answered(answer.chunk, to: question, at: now) { recording.pursue(answer.subtask) }
  }

  /// A person acts; where they correct, the policy says meanwhile what it would do.
  private func follow(
    _ steps: Int, _ robot: any Robot, _ policy: (any ChunkSource)?, _ turn: RobotTurn,
    _ recording: inout EpisodeRecording, in group: inout ThrowingTaskGroup<Happening, any Error>
  ) {
    let asked = min(steps, recording.stepsLeft)
    guard supervision == .corrections, let policy else {
      group.addTask { .turned(try await robot.execute(nil, steps: asked), proposed: nil) }
      return
    }
    let request = request(for: turn.observation, recording, seed: recording.nextProposalSeed())
    group.addTask {
      // The person does not wait for what the policy would do.
      async let next = robot.execute(nil, steps: asked)
      let proposed = try await policy.answer(to: request).chunk
      return .turned(try await next, proposed: proposed)
    }
  }

  private func request(
    for observation: Observation, _ recording: EpisodeRecording, seed: UInt64
  ) -> PolicyRequest {
    PolicyRequest(
      observation: observation, task: task, indicator: work.indicator,
      subtask: recording.keptSubtask, guidance: work.guidance, seed: seed)
  }
}
