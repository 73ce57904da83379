// What a person knows about folding.
extension GarmentScene {
  /// Above the work that a hand waits for, in metres.
  private static let waitingHeight = Vector3(0, 0, 0.06)

  func intents(_ arms: Pair<Arm>, _ mistakes: MistakeSet) -> Pair<Intent> {
    let work = garment.work.first { !isCovered($0) && !isFinished($0, mistakes) } ?? .stack
    switch work {
    case .smooth: return Pair(.letGo, .hover(smoothingSpot))
    case .half: return halfFold(arms, mistakes)
    case .sides:
      return Pair(side(.leftSide, .left, arms, mistakes), side(.rightSide, .right, arms, mistakes))
    case .over: return oneHand(garment.overHand, .edge, arms, mistakes)
    case .stack: return oneHand(garment.stackHand, .block, arms, mistakes)
    }
  }

  /// Whether a person who makes these mistakes goes on to what comes next.
  private func isFinished(_ work: Garment.Work, _ mistakes: MistakeSet) -> Bool {
    switch work {
    case .smooth: smoothness >= (mistakes.contains(.leaveCreases) ? 0.1 : 0.9)
    case .sides: isDone(.sides) || mistakes.contains(.leaveSleeveOut) && firstSideIn
    default: isDone(work)
    }
  }

  /// The fold in half is one hand's by its own end, and the other hand stays away.
  private func halfFold(_ arms: Pair<Arm>, _ mistakes: MistakeSet) -> Pair<Intent> {
    let proper = garment.carriedEnd
    let other = proper.other
    let goesOther =
      arms[other.hand].holding == part(other).rawValue && task.wayFault == nil
      || mistakes.contains(.foldWrongWay) && arms[proper.hand].holding == nil
    let end = goesOther ? other : proper
    var intents = Pair<Intent>(.letGo, .letGo)
    intents[end.hand] = take(part(end), arms[end.hand], mistakes)
    return intents
  }

  private func part(_ end: Garment.End) -> Part { end == .top ? .top : .hem }

  private func side(
    _ part: Part, _ hand: Side, _ arms: Pair<Arm>, _ mistakes: MistakeSet
  ) -> Intent {
    let isIn = part == .leftSide ? leftSideIn : rightSideIn
    let isForgotten = mistakes.contains(.leaveSleeveOut) && hand != garment.overHand
    return isIn || isForgotten ? wait(hand) : take(part, arms[hand], mistakes)
  }

  private func oneHand(
    _ hand: Side, _ part: Part, _ arms: Pair<Arm>, _ mistakes: MistakeSet
  ) -> Pair<Intent> {
    var intents = Pair(wait(.left), wait(.right))
    intents[hand] = take(part, arms[hand], mistakes)
    return intents
  }

  /// Take a part and fold it, or let go of what is not it.
  private func take(_ part: Part, _ arm: Arm, _ mistakes: MistakeSet) -> Intent {
    guard let holding = arm.holding else { return .grasp(position(part)) }
    guard holding == part.rawValue else { return .letGo }
    var goal = part == .block ? stackSpot : place(part, folded: true)
    if part == .block && mistakes.contains(.missStack) {
      goal = goal + Vector3(-0.10 * across, 0.12, 0)
    }
    return .place(goal, limit: garment.cloth.safeSpeed)
  }

  /// A hand that has nothing to do is ready for its next work.
  private func wait(_ hand: Side) -> Intent {
    if half == .none && garment.work.contains(.half) {
      return .hover(position(hand == .left ? .hem : .top) + Self.waitingHeight)
    }
    if hand == garment.overHand && garment.work.contains(.over) && !foldedOver {
      return .hover(position(.edge) + Self.waitingHeight)
    }
    if hand == garment.stackHand {
      return .hover(position(.block) + Vector3(0.05 * across, 0, 0) + Self.waitingHeight)
    }
    return .hover(homes[hand])
  }

  func trouble(_ arms: Pair<Arm>) -> Trouble? {
    for side in Side.allCases {
      let arm = arms[side]
      guard let part = arm.holding.flatMap(Part.init(rawValue:)) else { continue }
      if task.wayFault != nil && half == .none && part == self.part(garment.carriedEnd.other) {
        return .wrong
      }
      guard task.isStrict else { continue }
      if isPremature(part) || part == .block && arm.isLanding && isBesideStack { return .wrong }
      if garment.cloth.stretches && arm.velocity.length > garment.cloth.limits.lowerBound {
        return .careless
      }
    }
    return nil
  }

  /// Whether a part is being folded before what has to come first.
  private func isPremature(_ part: Part) -> Bool {
    garment.work.prefix { $0 != part.work }.contains { !isDone($0) && !isCovered($0) }
  }

  /// Whether the folded garment is low over the stack's edge.
  private var isBesideStack: Bool {
    let block = position(.block)
    let distance = (block - stackSpot).horizontalLength
    return block.z < 0.055 && distance > Self.stackTolerance + 0.01
      && distance < Self.slidingReach
  }
}
