import Episodes

/// How much better than expected each action turned out (paper, Section III and App. F).
///
/// A_t = Σ_{t'=t}^{t+N−1} r_t' / L + V(o_{t+N}) − V(o_t)
///
/// Where the paper is silent or unclear:
/// - it does not say that the rewards in the sum are divided by the task's maximum length L as
///   returns are; they must be, since V is on that scale;
/// - it prints the sum from t' = 0; it starts at t;
/// - where t + N reaches past the end, the true (normalised, clipped) return takes the place of the
///   sum and V(o_{t+N}), so A_t = R_t − V(o_t). With N = T, as in pre-training, that is so for
///   every step.
///
/// The sum is not clipped: in an attempt that V already takes for lost (V ≈ −1 throughout) A is
/// −N/L, below a sensible threshold, until the last N steps, where return and V agree and A ≈ 0.
public enum Advantages {
  /// A_t of each step, [T], in V's per-task scale.
  ///
  /// - Parameters:
  ///   - values: V(o_t), [T], in [−1, 0].
  ///   - returns: The normalised returns R_t, [T], as `Returns.normalized` gives.
  ///   - maximumSteps: L ≥ 1, the task's time limit.
  ///   - lookahead: N ≥ 1 in steps; nil for N = T.
  public static func perStep(
    values: [Float], returns: [Float], maximumSteps: Int, lookahead: Int?
  ) -> [Float] {
    precondition(
      values.count == returns.count,
      "expected as many values as returns, got \(values.count) and \(returns.count)")
    precondition(maximumSteps >= 1, "a task lasts at least 1 step, got \(maximumSteps)")
    let count = values.count
    let lookahead = lookahead ?? count
    precondition(lookahead >= 1 || count == 0, "a lookahead is at least 1 step, got \(lookahead)")
    // N steps that do not reach the last one cost 1 each.
    let elapsed = Float(Double(-lookahead) / Double(maximumSteps))
    return (0..<count).map { step in
      lookahead < count - step
        ? elapsed + values[step + lookahead] - values[step] : returns[step] - values[step]
    }
  }
}
