// What a person knows about folding.
extension GarmentScene {
  /// The share of the maximum speed at which cloth never slips.
  private static let safeSpeed: Float = 0.85

  func intents(_ arms: Pair<Arm>, _ mistakes: MistakeSet) -> Pair<Intent> {
    guard half == .none else { return Pair(leftIntent(arms.left), rightIntent(arms.right)) }
    // The first fold is the left hand's by the hem or the right hand's by the collar.
    let byHem =
      arms.left.holding == Part.hem.rawValue && !collarIsJudged
      || (mistakes.contains(.hemOverCollar) && arms.right.holding == nil)
    return byHem
      ? Pair(work(.hem, arms.left), .letGo) : Pair(.letGo, work(.collar, arms.right))
  }

  private func work(_ part: Part, _ arm: Arm) -> Intent {
    guard let holding = arm.holding else { return .grasp(position(part)) }
    return holding == part.rawValue
      ? .place(
        part == .block ? stackSpot : place(part, folded: true), limit: Self.safeSpeed)
      : .letGo
  }

  private func leftIntent(_ arm: Arm) -> Intent {
    if !leftSleeveIn { return work(.leftSleeve, arm) }
    if !rightSleeveIn { return .hover(position(.edge) + Vector3(0, 0, 0.06)) }
    if !foldedOver { return work(.edge, arm) }
    return .hover(homes.left)
  }

  private func rightIntent(_ arm: Arm) -> Intent {
    if !rightSleeveIn { return work(.rightSleeve, arm) }
    if !foldedOver { return .hover(position(.block) + Vector3(0.05, 0, 0.06)) }
    return work(.block, arm)
  }

  func trouble(_ arms: Pair<Arm>) -> Trouble? {
    guard collarIsJudged && half == .none else { return nil }
    return Side.allCases.contains { arms[$0].holding == Part.hem.rawValue } ? .wrong : nil
  }
}
