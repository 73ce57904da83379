import Executors

/// How a robot is controlled: when the policy is asked, and what is asked of the robot at most.
public struct ControlTerms: Sendable, Equatable {
  /// Whether the policy computes the next chunk while the robot executes the present one; otherwise the robot waits for
  /// it between two chunks.
  public var overlapsInference: Bool
  /// Steps over which one chunk gives way to the next, where they overlap; 0 for at once.
  public var crossfadeSteps: Int
  /// How long the robot may go without a new action of the policy before it is told to hold; nil for ever.
  public var watchdog: Duration?
  /// What the robot's actions may be; nil where the robot alone limits them.
  public var limits: ActionLimits?

  /// The robot waits for the policy, and nothing is limited, unless said otherwise.
  public init(
    overlapsInference: Bool = false, crossfadeSteps: Int = 0, watchdog: Duration? = nil,
    limits: ActionLimits? = nil
  ) {
    self.overlapsInference = overlapsInference
    self.crossfadeSteps = crossfadeSteps
    self.watchdog = watchdog
    self.limits = limits
  }
}

/// What happened while a policy controlled a robot.
public struct ControlCounts: Sendable, Equatable {
  /// Chunks of which something was executed.
  public var chunks = 0
  /// Times that a chunk ran out before the next was there.
  public var lateChunks = 0
  /// Times that the watchdog told the robot to hold.
  public var holds = 0
  /// Executed actions of the policy that were beyond the limits before.
  public var limitedActions = 0

  public init() {}

  public static func += (sum: inout ControlCounts, other: ControlCounts) {
    sum.chunks += other.chunks
    sum.lateChunks += other.lateChunks
    sum.holds += other.holds
    sum.limitedActions += other.limitedActions
  }
}

/// Counts over all episodes of a robot, which may be read at any time.
public final class ControlTally: Sendable {
  private let sums = Locked(ControlCounts())

  public init() {}

  public var counts: ControlCounts { sums.withLock { $0 } }

  func add(_ counts: ControlCounts) { sums.withLock { $0 += counts } }
}
