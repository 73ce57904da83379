import Episodes
import RecapAlgorithm

/// How well a value function predicts the returns of the episodes that it labelled.
public struct ValueQuality: Codable, Hashable, Sendable {
  /// The task.
  public var task: String
  /// Steps.
  public var steps: Int
  /// R² = 1 − Σ (R − V)² ÷ Σ (R − mean R)²: 1 is perfect, 0 as good as the mean, below 0 worse.
  public var explained: Double
  /// Calibration: by tenths of V from −1 to 0, the mean of V, the mean return, and how many steps.
  public var bins: [Bin]

  public struct Bin: Codable, Hashable, Sendable {
    public var value: Double
    public var meanReturn: Double
    public var steps: Int
  }

  /// Returns nil without steps.
  ///
  /// - Parameters:
  ///   - episodes: Of one task, with stored values.
  ///   - failureCost: C_fail in steps, as V was trained with; nil for the task's time limit.
  public init?(
    of episodes: [Labelling.ValuedEpisode], task: String, failureCost: Double?
  ) {
    var pairs: [(value: Double, actual: Double)] = []
    for episode in episodes {
      let returns = episode.returns(failureCost: failureCost)
      for (value, actual) in zip(episode.values, returns) {
        pairs.append((Double(value), Double(actual)))
      }
    }
    if pairs.isEmpty { return nil }
    let mean = pairs.reduce(0) { $0 + $1.actual } / Double(pairs.count)
    var (residual, spread) = (0.0, 0.0)
    var sums = [(value: Double, actual: Double, count: Int)](repeating: (0, 0, 0), count: 10)
    for (value, actual) in pairs {
      residual += (actual - value) * (actual - value)
      spread += (actual - mean) * (actual - mean)
      let bin = min(max(Int((value + 1) * 10), 0), 9)
      sums[bin] = (sums[bin].value + value, sums[bin].actual + actual, sums[bin].count + 1)
    }
    self.task = task
    steps = pairs.count
    explained = spread == 0 ? (residual == 0 ? 1 : 0) : 1 - residual / spread
    bins = sums.filter { $0.count > 0 }.map {
      Bin(
        value: $0.value / Double($0.count), meanReturn: $0.actual / Double($0.count),
        steps: $0.count)
    }
  }
}
