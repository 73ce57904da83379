import Episodes

/// How good a policy is (paper, Section VI): success rate, and throughput, which joins success with
/// speed.
///
/// Failures and time-outs count in both: their time is robot time without a success. Episodes that
/// nobody has judged count in neither, and their time does not.
public struct PracticeStatistics: Codable, Hashable, Sendable {
  /// One episode, as far as statistics care.
  public struct Attempt: Codable, Hashable, Sendable {
    public var outcome: Outcome
    /// Control steps, T ≥ 1.
    public var steps: Int
    /// Control steps per second.
    public var controlRate: Double

    /// One episode of `steps` steps.
    public init(outcome: Outcome, steps: Int, controlRate: Double) {
      self.outcome = outcome
      self.steps = steps
      self.controlRate = controlRate
    }

    /// Robot time.
    public var hours: Double { Double(steps) / controlRate / 3600 }
  }

  /// n ≥ 1: those that are judged.
  public let episodes: Int
  public let successes: Int
  /// Robot time of all episodes.
  public let hours: Double
  /// p̂ = successes / n, in [0, 1].
  public let successRate: Double
  /// √(p̂ (1 − p̂) / n), binomial.
  public let successRateStandardError: Double
  /// q = successes / hours: a ratio of sums, since a mean of ratios would count short episodes too
  /// much.
  public let throughputPerHour: Double
  /// Of the ratio estimator, by linearisation (the delta method): √(n/(n−1) Σ (s_i − q h_i)²) / Σ
  /// h_i, with s_i one or zero and h_i the hours of episode i. A single episode says nothing of its
  /// spread: 0.
  public let throughputStandardError: Double

  /// Returns nil where there is no attempt that is judged.
  public init?(_ all: some Collection<Attempt>) {
    let attempts = all.filter { $0.outcome != .unjudged }
    guard !attempts.isEmpty else { return nil }
    episodes = attempts.count
    successes = attempts.count { $0.outcome == .success }
    hours = attempts.reduce(0) { $0 + $1.hours }
    let n = Double(attempts.count)
    successRate = Double(successes) / n
    successRateStandardError = (successRate * (1 - successRate) / n).squareRoot()
    let throughput = Double(successes) / hours
    throughputPerHour = throughput
    let squares = attempts.reduce(0.0) { sum, attempt in
      let residual = (attempt.outcome == .success ? 1 : 0) - throughput * attempt.hours
      return sum + residual * residual
    }
    throughputStandardError = n > 1 ? (n / (n - 1) * squares).squareRoot() / hours : 0
  }

  /// The statistics of a stage's receipts, recorded at `controlRate` steps per second.
  public init?(_ receipts: some Collection<EpisodeReceipt>, controlRate: Double) {
    self.init(
      receipts.map { Attempt(outcome: $0.outcome, steps: $0.steps, controlRate: controlRate) })
  }
}
