import Tensors

/// Watches a policy as a person would and decides when to take over and when to hand back.
///
/// Three things make it take over: work that is going wrong, a motion too fast for what is held,
/// and no progress for a while. It hands back once the next milestone is reached, or after a few
/// careful steps where only the speed was wrong.
struct Supervisor: Sendable {
  /// Steps without progress after which the person loses patience.
  static let patience = 20
  /// Steps of careful motion that mend a careless one.
  static let carefulSteps = 8
  /// The longest takeover, in steps.
  static let longestTakeover = 60
  /// Steps after handing back in which only going wrong counts.
  static let restSteps = 5

  /// Whether the person has the controls.
  private(set) var isInControl = false
  private var reaction = 0
  private var noticed: Trouble?
  private var takeoverSteps = 0
  private var takeoverMilestones = 0
  private var mendsCare = false
  private var rest = 0
  private var idle = 0
  private var bestWork = -1
  private var bestDistance = Float.infinity
  private var random: RandomSource

  init(seed: UInt64) {
    random = RandomSource(seed: seed, stream: "supervisor")
  }

  /// Looks at the state before the next action and updates `isInControl`.
  mutating func watch(_ cell: Workcell) {
    if isInControl {
      takeoverSteps += 1
      if isMended(cell) || takeoverSteps > Self.longestTakeover { handBack(cell) }
    } else {
      let stalled = noteProgress(cell)
      rest = max(0, rest - 1)
      if let trouble = cell.scene.trouble(cell.arms) {
        if noticed == nil {
          // A careless motion is answered at once: what is full spills soon.
          reaction = trouble == .careless ? 0 : random.integer(below: 3)
        }
        noticed = trouble
        if reaction == 0 { takeOver(cell, trouble) }
        reaction -= 1
      } else {
        noticed = nil
        if stalled && rest == 0 { takeOver(cell, .wrong) }
      }
    }
  }

  private mutating func takeOver(_ cell: Workcell, _ trouble: Trouble) {
    isInControl = true
    takeoverSteps = 0
    takeoverMilestones = cell.scene.milestones
    mendsCare = trouble == .careless
  }

  private func isMended(_ cell: Workcell) -> Bool {
    if cell.scene.trouble(cell.arms) != nil { return false }
    if mendsCare { return takeoverSteps >= Self.carefulSteps }
    return cell.scene.milestones > takeoverMilestones
  }

  private mutating func handBack(_ cell: Workcell) {
    isInControl = false
    noticed = nil
    rest = Self.restSteps
    idle = 0
    bestWork = -1
  }

  /// Whether nothing has come nearer to the goal for too long.
  private mutating func noteProgress(_ cell: Workcell) -> Bool {
    var distance: Float = 0
    let intents = cell.scene.intents(cell.arms, [])
    for side in Side.allCases {
      if case .hover = intents[side] { continue }
      if let target = intents[side].target {
        distance += (target - cell.arms[side].position).length
      }
    }
    let held = Side.allCases.count { cell.arms[$0].holding != nil }
    let work = cell.scene.milestones * 3 + held
    if work != bestWork {
      // Losing something is no progress, but the way to it is measured anew.
      if work > bestWork { idle = 0 }
      bestWork = work
      bestDistance = distance
    } else if distance < bestDistance - 0.01 {
      bestDistance = distance
      idle = 0
    }
    idle += 1
    return idle > Self.patience
  }
}
