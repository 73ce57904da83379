/// A quantity measured once with each seed.
public struct SeedStatistics: Hashable, Sendable {
  /// x̄ = Σ x_i / n.
  public let mean: Double
  /// √(Σ (x_i − x̄)² / (n (n − 1))); with a single seed, which says nothing of the spread between
  /// seeds, the standard error of its own measurement.
  public let standardError: Double

  /// - Parameters:
  ///   - values: One a seed.
  ///   - errors: The standard error of each value's own measurement.
  /// - Returns: nil without values.
  public init?(_ values: [Double], errors: [Double]) {
    guard let first = values.first else { return nil }
    let n = Double(values.count)
    guard values.count > 1 else {
      mean = first
      standardError = errors.first ?? 0
      return
    }
    let mean = values.reduce(0, +) / n
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.mean = mean
    standardError = (squares / (n * (n - 1))).squareRoot()
  }
}
