import Episodes

/// The reward of each step (paper, Equation 5): time costs, and failing costs more.
public enum Rewards {
  /// r_t for t = 0…T−1, in steps: −1 each, but at the last step 0 on success and −C_fail on
  /// failure.
  ///
  /// - Parameters:
  ///   - steps: T ≥ 1.
  ///   - outcome: Success or failure: an episode that nobody has judged has no rewards.
  ///   - failureCost: C_fail > 0, in steps.
  public static func perStep(steps: Int, outcome: Outcome, failureCost: Double) -> [Double] {
    precondition(steps >= 1, "an episode has at least 1 step, got \(steps)")
    precondition(outcome != .unjudged, "an episode that is not judged has no rewards")
    var rewards = [Double](repeating: -1, count: steps)
    rewards[steps - 1] = outcome == .success ? 0 : -failureCost
    return rewards
  }
}

/// The return of each step: how much time, and what failure, an episode still had before it.
///
/// R_t = Σ_{t'≥t} r_t', undiscounted, divided by the task's maximum episode length L, so that all
/// tasks share the value function's range [−1, 0].
///
/// Where the paper is silent: it says that values lie in (−1, 0) and that C_fail is large, not how
/// the two go together. Here a return below −1 is clipped to −1, so that the range's whole
/// resolution serves episodes that succeed; with the default C_fail = L each frame of a failed
/// episode is exactly −1.
public enum Returns {
  /// The normalised return of each step, [T], in [−1, 0].
  ///
  /// - Parameters:
  ///   - steps: T ≥ 1.
  ///   - maximumSteps: L ≥ 1, the task's time limit.
  ///   - failureCost: C_fail in steps; nil for L.
  public static func normalized(
    steps: Int, outcome: Outcome, maximumSteps: Int, failureCost: Double? = nil
  ) -> [Float] {
    precondition(maximumSteps >= 1, "a task lasts at least 1 step, got \(maximumSteps)")
    let limit = Double(maximumSteps)
    var returns = [Float](repeating: 0, count: steps)
    var sum = 0.0
    let rewards = Rewards.perStep(
      steps: steps, outcome: outcome, failureCost: failureCost ?? limit)
    for step in rewards.indices.reversed() {
      sum += rewards[step]
      returns[step] = Float(max(sum / limit, -1))
    }
    return returns
  }

  /// The normalised return of each of an episode's steps, [T], in [−1, 0].
  ///
  /// - Parameter failureCost: C_fail in steps; nil for the task's time limit.
  public static func normalized(of episode: Episode, failureCost: Double? = nil) -> [Float] {
    normalized(
      steps: episode.count, outcome: episode.metadata.outcome,
      maximumSteps: episode.metadata.task.maximumSteps, failureCost: failureCost)
  }
}
