/// The support of the distributional value function (paper, Equation 1): p(V | o, ℓ) over B bins.
///
/// Where the paper is silent: it gives B = 201 and the range, not where the bins lie. Here the
/// first bin's value is −1, the last one's is 0 and the others are evenly spaced between, so that
/// both ends are representable.
public struct ValueBins: Hashable, Sendable, Codable {
  /// B ≥ 2.
  public let count: Int

  /// - Parameter count: B ≥ 2.
  public init(count: Int = 201) {
    precondition(count >= 2, "a value function needs at least 2 bins, got \(count)")
    self.count = count
  }

  /// v_b = −1 + b / (B − 1), in [−1, 0].
  public func value(of bin: Int) -> Float {
    Float(Double(bin) / Double(count - 1) - 1)
  }

  /// Every bin's value, [B], ascending.
  public var values: [Float] { (0..<count).map(value(of:)) }

  /// The bin nearest to a return: the target of the cross-entropy. A return half-way between two
  /// bins goes to the upper one; one outside [−1, 0] goes to the bin at that end.
  public func index(of value: Float) -> Int {
    precondition(!value.isNaN, "a return is a number")
    let place = (Double(value.clamped(to: -1...0)) + 1) * Double(count - 1)
    return Int(place.rounded(.toNearestOrAwayFromZero))
  }

  /// The bins of a whole episode's returns, as cross-entropy targets.
  public func indices(of values: [Float]) -> [Int32] { values.map { Int32(index(of: $0)) } }

  /// V = Σ_b p_b v_b of each distribution, [n], in [−1, 0].
  ///
  /// Not generic over the collection: other modules would call it unspecialised, a thousand times
  /// slower.
  ///
  /// - Parameter probabilities: [n, B], each row summing to 1.
  public func expectations(of probabilities: [Float]) -> [Float] {
    precondition(
      probabilities.count.isMultiple(of: count),
      "expected rows of \(count) probabilities, one a bin, got \(probabilities.count) numbers")
    return stride(from: 0, to: probabilities.count, by: count).map { row in
      var sum = 0.0
      for bin in 0..<count { sum += Double(probabilities[row + bin]) * Double(bin) }
      return Float(sum / Double(count - 1) - 1).clamped(to: -1...0)
    }
  }
}

extension Comparable {
  func clamped(to range: ClosedRange<Self>) -> Self {
    min(max(self, range.lowerBound), range.upperBound)
  }
}
