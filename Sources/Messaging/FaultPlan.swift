/// How badly an in-process connection behaves. The same seed and order of messages give the same
/// faults.
public struct FaultPlan: Hashable, Sendable {
  public var seed: UInt64
  /// The probability that a message, request or answer, is lost.
  public var loss: Double
  /// The probability that it arrives twice.
  public var duplication: Double
  /// Each copy is late by a random time up to this, so that messages overtake each other.
  public var longestDelay: Duration

  public init(
    seed: UInt64, loss: Double = 0, duplication: Double = 0, longestDelay: Duration = .zero
  ) {
    self.seed = seed
    self.loss = loss
    self.duplication = duplication
    self.longestDelay = longestDelay
  }
}

/// Draws the fate of one message after another.
struct FaultInjector {
  private let plan: FaultPlan
  private var state: UInt64

  init(plan: FaultPlan) {
    self.plan = plan
    state = plan.seed
  }

  /// The delay of each copy that arrives: none for a lost message, two for a repeated one.
  mutating func nextFate() -> [Duration] {
    // Always four draws, so that changing one probability leaves the other draws as they were.
    let (loss, duplication) = (uniform(), uniform())
    let delays = [plan.longestDelay * uniform(), plan.longestDelay * uniform()]
    if loss < plan.loss { return [] }
    return duplication < plan.duplication ? delays : [delays[0]]
  }

  /// SplitMix64, as a number in [0, 1).
  private mutating func uniform() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }
}
