import Tensors

/// The threshold ε_ℓ that divides a task's advantages into better than usual and not (paper, App.
/// F).
///
/// Where the paper contradicts itself: Section V-D takes ε as the 30th percentile of *values*; App.
/// F wants about 30 % (later 40 %) of *advantages* to come out positive. Followed here is App. F: ε
/// is the (1 − p) quantile of advantages, chosen so that A > ε holds for a share p of them.
public enum Threshold {
  /// In pre-training ε is estimated from this many random frames of a task (App. F).
  public static let pretrainingSample = 10_000

  /// ε such that A > ε for a share p of the advantages.
  ///
  /// Of n advantages m = round(p n) shall be positive (half rounds up), and ε is the largest of the
  /// others. Where equal advantages straddle that place they cannot be divided: all of them become
  /// positive or none, whichever comes closer to m, and none if both are equally close. So the
  /// share is off by at most half of one group of equal values, and by at most 1 / (2n) where all
  /// differ.
  ///
  /// - Parameters:
  ///   - advantages: At least one, finite, in any order.
  ///   - positiveShare: p in (0, 1).
  public static func threshold(of advantages: [Float], positiveShare: Double) -> Float {
    precondition(!advantages.isEmpty, "a threshold needs at least 1 advantage")
    let sorted = advantages.sorted()
    let count = sorted.count
    let wanted = Int((positiveShare * Double(count)).rounded(.toNearestOrAwayFromZero))
    guard wanted > 0 else { return sorted[count - 1] }
    // The smallest advantage that would be positive, and the group of values equal to it.
    let lowest = sorted[count - wanted]
    let groupStart = sorted.partitionPoint { $0 >= lowest }
    let groupEnd = sorted.partitionPoint { $0 > lowest }
    let withGroup = count - groupStart
    let withoutGroup = count - groupEnd
    guard withGroup - wanted < wanted - withoutGroup else { return lowest }
    return groupStart > 0 ? sorted[groupStart - 1] : lowest.nextDown
  }

  /// ε estimated from random advantages, drawn without repetition: the same for the same seed.
  ///
  /// - Parameter sample: How many to draw; all of them where there are fewer.
  public static func threshold(
    of advantages: [Float], positiveShare: Double, sample: Int, seed: UInt64
  ) -> Float {
    guard sample < advantages.count else {
      return threshold(of: advantages, positiveShare: positiveShare)
    }
    var random = RandomSource(seed: seed)
    var pool = advantages
    for place in 0..<sample {
      pool.swapAt(place, place + random.integer(below: pool.count - place))
    }
    return threshold(of: Array(pool[..<sample]), positiveShare: positiveShare)
  }
}

extension Array {
  /// The first index whose element satisfies `predicate`, in an array whose later elements then all
  /// do.
  func partitionPoint(where predicate: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
