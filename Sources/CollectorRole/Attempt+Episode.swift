import Episodes
import Policies
import Robots

extension Attempt {
  /// Has a robot attempt it, from reset to outcome.
  ///
  /// - Parameters:
  ///   - robot: One that offers the task and is in no other episode.
  ///   - policy: Who acts; nil where a person does.
  /// - Returns: The episode with its outcome.
  /// - Throws: What the robot or the policy throws, and `CancellationError`.
  public func episode(
    by robot: any Robot, policy: Policy?, isolation: isolated (any Actor)? = #isolation
  ) async throws -> Episode {
    var recording = EpisodeRecording(attempt: self, embodiment: robot.embodiment)
    var turn = try await robot.begin(task: task.name, seed: seed, supervision: supervision)
    /// What the policy proposed for the steps of `turn`.
    var proposed: ActionChunk?
    while true {
      try recording.append(turn, proposed: proposed)
      if let outcome = recording.outcome { return try recording.finished(outcome) }
      try Task.checkCancellation()
      let chunk =
        try turn.personInControl
        ? nil : policy.map { try nextChunk(of: $0, for: turn.observation, &recording) }
      let steps =
        chunk.map { min($0.count, work.executedActions ?? $0.count) }
        ?? recording.stepsWithoutChunk
      let asked = min(steps, recording.stepsLeft)
      guard chunk == nil, supervision == .corrections, let policy else {
        turn = try await robot.execute(chunk, steps: asked)
        proposed = chunk
        continue
      }
      // The person does not wait for what the policy would do.
      let seen = turn.observation
      async let next = robot.execute(nil, steps: asked)
      proposed = try policy.answers(to: [
        request(for: seen, recording, seed: recording.nextProposalSeed())
      ])[0].chunk
      turn = try await next
    }
  }

  private func nextChunk(
    of policy: Policy, for observation: Observation, _ recording: inout EpisodeRecording
  ) throws -> ActionChunk {
    let seed = recording.nextNoiseSeed()
    let answer = try policy.answers(to: [request(for: observation, recording, seed: seed)])[0]
    recording.pursue(answer.subtask)
    return answer.chunk
  }

  private func request(
    for observation: Observation, _ recording: EpisodeRecording, seed: UInt64
  ) -> PolicyRequest {
    PolicyRequest(
      observation: observation, task: task, indicator: work.indicator,
      subtask: recording.keptSubtask, guidance: work.guidance, seed: seed)
  }
}
