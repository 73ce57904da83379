import Tensors

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
  private var random: RandomSource

  init(plan: FaultPlan) {
    self.plan = plan
    random = RandomSource(seed: plan.seed)
  }

  /// The delay of each copy that arrives: none for a lost message, two for a repeated one.
  mutating func nextFate() -> [Duration] {
    // Always four draws, so that changing one probability leaves the other draws as they were.
    let (loss, duplication) = (random.uniform(), random.uniform())
    let delays = [random.uniform(), random.uniform()].map { plan.longestDelay * Double($0) }
    if Double(loss) < plan.loss { return [] }
    return Double(duplication) < plan.duplication ? delays : [delays[0]]
  }
}
