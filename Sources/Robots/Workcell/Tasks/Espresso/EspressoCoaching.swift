// What a person knows about espresso.
extension EspressoScene {
  /// Shares of the maximum speed that are safe with something held, and with something full held.
  private static let safeSpeed: Float = 0.9
  private static let safeFullSpeed: Float = 0.65

  func intents(_ arms: Pair<Arm>, _ mistakes: MistakeSet) -> Pair<Intent> {
    Pair(leftIntent(arms.left, mistakes), rightIntent(arms.right, mistakes))
  }

  private func leftIntent(_ arm: Arm, _ mistakes: MistakeSet) -> Intent {
    let holdsCup = arm.holding == Item.cup.rawValue
    if arm.holding != nil && !holdsCup { return .letGo }
    if isStarted {
      let enough: Float = mistakes.contains(.takeCupEarly) ? 0 : 0.93
      if holdsCup {
        let beside = saucer + Vector3(0.02, 0.13, 0)
        let goal = mistakes.contains(.missSaucer) ? beside : saucer
        return fill >= enough
          ? .place(goal, limit: Self.safeFullSpeed) : .carry(tray, limit: Self.safeFullSpeed)
      }
      return fill >= enough ? .grasp(cup) : .hover(cup + Vector3(-0.04, -0.04, 0.02))
    }
    if !isLocked && !holdsCup { return .hover(cup + Vector3(0, -0.04, 0.08)) }
    let careless = mistakes.contains(.misplaceCup)
    let spot = careless ? tray + Vector3(-0.11, -0.10, 0) : tray
    if holdsCup { return .place(spot, limit: Self.safeSpeed) }
    let distance = (cup - spot).horizontalLength
    let reach = careless ? Self.spoutReach : Self.spoutReach - 0.005
    return !cupHeld && distance <= reach ? .hover(button) : .grasp(cup)
  }

  private func rightIntent(_ arm: Arm, _ mistakes: MistakeSet) -> Intent {
    if arm.holding == Item.cup.rawValue { return .letGo }
    if isLocked { return .hover(homes.right) }
    guard arm.holding != nil else { return .grasp(portafilter) }
    if !isFilled && dose < (mistakes.contains(.leaveGrinderEarly) ? 0.1 : 0.9) {
      return .carry(grinder, limit: Self.safeSpeed)
    }
    if !isTamped && tamp < (mistakes.contains(.tampLightly) ? 0.1 : 0.9) {
      return .carry(mat, limit: Self.safeFullSpeed)
    }
    return .place(head, limit: Self.safeSpeed)
  }

  func trouble(_ arms: Pair<Arm>) -> Trouble? {
    for side in Side.allCases {
      let arm = arms[side]
      switch arm.holding {
      case Item.portafilter.rawValue:
        let isLoose = isFilled && !isTamped && tamp < Self.goodTamp
        if isLoose && arm.velocity.length > 0.88 { return .careless }
        if isLeavingEarly { return .wrong }
      case Item.cup.rawValue:
        if isStarted && fill < Self.goodFill && (cup - tray).length > 0.025 { return .wrong }
        if isLandingBeside { return .wrong }
        if fill > 0.3 && arm.velocity.length > 0.88 { return .careless }
      default:
        let ready = isLocked && cupIsBelowSpout
        if !isStarted && !ready && (arm.position - button).length < 0.11 { return .wrong }
      }
    }
    return nil
  }

  /// Whether the full cup comes down neither on the tray nor on the saucer.
  private var isLandingBeside: Bool {
    fill >= Self.goodFill && cup.z < 0.055
      && (cup - tray).horizontalLength > Self.spoutReach + 0.03
      && (cup - saucer).horizontalLength > Self.saucerReach + 0.01
  }

  /// Whether the portafilter is on its way out of a station that has more to do.
  private var isLeavingEarly: Bool {
    if !isFilled {
      return dose > 0 && dose < Self.goodDose
        && (portafilter - grinder).length > Self.grinderReach + 0.04
    }
    return !isTamped && tamp > 0 && tamp < Self.goodTamp
      && (portafilter - mat).length > Self.tampHeight + 0.04
  }
}
