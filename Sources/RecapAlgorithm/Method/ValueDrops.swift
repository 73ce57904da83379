/// A drop of V: where the value function came to expect less than a moment before.
public struct ValueDrop: Codable, Hashable, Sendable {
  /// The first step of the drop.
  public var start: Int
  /// The last, `start` plus the window, or the episode's last step.
  public var end: Int
  /// The step within it, after `start`, to which V fell furthest in one step; the earliest such.
  public var moment: Int
  /// V(o_start) − V(o_end) > 0.
  public var size: Float

  public init(start: Int, end: Int, moment: Int, size: Float) {
    self.start = start
    self.end = end
    self.moment = moment
    self.size = size
  }
}

/// The largest drops of V over an episode, as the paper's Figure 4 marks them: that is where
/// something went wrong.
///
/// The drop at t over a window of w steps is V(o_t) − V(o_{t+w}). The largest is taken first, of
/// equal ones the earliest; then the largest of those that share no step with it; and so on. A drop
/// over a window and not from step to step, since V notices a mistake over several frames and
/// trembles from one to the next.
public enum ValueDrops {
  /// w unless said otherwise: a second at 10 Hz.
  public static let window = 10
  /// Drops that are smaller are V's trembling: a twentieth of its whole range.
  public static let leastSize: Float = 0.05

  /// At most `count` drops, the largest first.
  ///
  /// - Parameters:
  ///   - values: V(o_t), [T].
  ///   - window: w ≥ 1; an episode of w steps or fewer is one window.
  ///   - count: m ≥ 0.
  ///   - leastSize: Smaller drops are left out, and so is whatever is no drop at all.
  public static func largest(
    in values: [Float], window: Int = ValueDrops.window, count: Int = 3,
    leastSize: Float = ValueDrops.leastSize
  ) -> [ValueDrop] {
    precondition(window >= 1, "a drop takes at least 1 step, got \(window)")
    guard values.count >= 2 else { return [] }
    let width = min(window, values.count - 1)
    var falls: [(start: Int, size: Float)] = []
    for start in 0..<values.count - width {
      let size = values[start] - values[start + width]
      if size > 0, size >= leastSize { falls.append((start, size)) }
    }
    falls.sort { $0.size == $1.size ? $0.start < $1.start : $0.size > $1.size }
    var drops: [ValueDrop] = []
    for fall in falls {
      if drops.count >= count { break }
      // Two windows of one width share a step if they start no further apart than that.
      guard drops.allSatisfy({ abs($0.start - fall.start) > width }) else { continue }
      drops.append(
        ValueDrop(
          start: fall.start, end: fall.start + width,
          moment: steepest(in: values, fall.start...fall.start + width), size: fall.size))
    }
    return drops
  }

  /// The step of a stretch to which V fell furthest from the step before.
  private static func steepest(in values: [Float], _ stretch: ClosedRange<Int>) -> Int {
    var best = stretch.lowerBound + 1
    for step in (stretch.lowerBound + 1)...stretch.upperBound
    where values[step - 1] - values[step] > values[best - 1] - values[best] { best = step }
    return best
  }
}

/// How well V's largest drop tells when an attempt went wrong: for failed episodes of which the true
/// moment is known, how often the two are near each other.
public struct DropTiming: Codable, Hashable, Sendable {
  /// One failed episode.
  public struct Attempt: Sendable {
    /// V(o_t), [T].
    public var values: [Float]
    /// The step at which it truly went wrong, in 0..<T.
    public var moment: Int

    public init(values: [Float], moment: Int) {
      self.values = values
      self.moment = moment
    }
  }

  /// Episodes, n ≥ 1.
  public var episodes: Int
  /// Those in which V drops at all.
  public var withDrop: Int
  /// Those whose largest drop's moment is at most `tolerance` steps from the true one.
  public var near: Int
  /// `near` ÷ `episodes`, in [0, 1]: an episode without a drop is one that was missed.
  public var share: Double
  /// The share that a guess would reach: the mean, over episodes, of the share of steps that are
  /// that near to the true one.
  public var shareByChance: Double
  /// The median of moment − true step over the episodes with a drop: > 0 where V notices late; nil
  /// where V never drops.
  public var medianDelay: Double?
  /// Steps.
  public var tolerance: Int
  /// Steps over which a drop is measured.
  public var window: Int

  /// Returns nil where there is no attempt.
  ///
  /// Every drop counts here, however small.
  ///
  /// - Parameters:
  ///   - tolerance: Steps, ≥ 0.
  ///   - window: w ≥ 1, as in `ValueDrops`.
  public init?(
    _ attempts: some Collection<Attempt>, tolerance: Int = 10, window: Int = ValueDrops.window
  ) {
    guard !attempts.isEmpty else { return nil }
    self.tolerance = tolerance
    self.window = window
    episodes = attempts.count
    var delays: [Int] = []
    var chance = 0.0
    for attempt in attempts {
      let steps = attempt.values.count
      precondition(
        (0..<steps).contains(attempt.moment),
        "an episode of \(steps) steps does not go wrong at step \(attempt.moment)")
      let first = max(attempt.moment - tolerance, 0)
      let last = min(attempt.moment + tolerance, steps - 1)
      chance += Double(last - first + 1) / Double(steps)
      let drop = ValueDrops.largest(in: attempt.values, window: window, count: 1, leastSize: 0)
      if let drop = drop.first { delays.append(drop.moment - attempt.moment) }
    }
    withDrop = delays.count
    near = delays.count { abs($0) <= tolerance }
    share = Double(near) / Double(episodes)
    shareByChance = chance / Double(episodes)
    delays.sort()
    medianDelay =
      delays.isEmpty
      ? nil : Double(delays[(delays.count - 1) / 2] + delays[delays.count / 2]) / 2
  }
}
