// What a person knows about boxes.
extension BoxScene {
  /// The share of the maximum speed that is safe with cardboard, and with a label.
  private static let safeSpeed: Float = 0.85
  private static let safeLabelSpeed: Float = 0.7
  /// Above the work that a hand waits for, in metres.
  private static let waitingHeight = Vector3(0, 0, 0.08)

  func intents(_ arms: Pair<Arm>, _ mistakes: MistakeSet) -> Pair<Intent> {
    if !isLaid && !(mistakes.contains(.layBesideMat) && liesBesideMat) {
      return Pair(leftToMat(arms.left, mistakes), leaveAlone(arms.right))
    }
    if !isTucked {
      let first: Part = mistakes.contains(.rightFlapFirst) ? .rightFlap : .leftFlap
      return Pair(
        fold(.leftFlap, first: first, arms.left), fold(.rightFlap, first: first, arms.right))
    }
    if !isBuilt { return Pair(wait(for: .sheet, arms.left), closeLid(arms.right)) }
    let isLabelled =
      labelPlace == .onSpot || mistakes.contains(.labelBeside) && labelPlace == .beside
    return isLabelled
      ? Pair(leftToCrate(arms.left, mistakes), leaveAlone(arms.right))
      : Pair(wait(for: .sheet, arms.left), label(arms.right, mistakes))
  }

  private func leftToMat(_ arm: Arm, _ mistakes: MistakeSet) -> Intent {
    let goal = mistakes.contains(.layBesideMat) ? mat + Vector3(-0.12, 0.09, 0) : mat
    return take(.sheet, arm, to: goal + Vector3(0, 0, 0.01), limit: Self.safeSpeed)
  }

  /// Both hands keep hold of their flaps: the first goes to its place, the other follows, and there
  /// they press until the flaps lock.
  private func fold(_ flap: Part, first: Part, _ arm: Arm) -> Intent {
    guard let holding = arm.holding else { return .grasp(position(flap)) }
    guard holding == flap.rawValue else { return .letGo }
    // Who has seen a jam takes the right flap out again.
    if isJammed && first == .leftFlap && flap == .rightFlap { return .letGo }
    let goes = flap == first || isInPlace(first)
    let goal =
      goes ? place(flap, folded: true) : place(flap, folded: false) + Vector3(0, 0, 0.03)
    return .carry(goal, limit: Self.safeSpeed)
  }

  private func closeLid(_ arm: Arm) -> Intent {
    take(.lid, arm, to: place(.lid, folded: true), limit: Self.safeSpeed)
  }

  private func label(_ arm: Arm, _ mistakes: MistakeSet) -> Intent {
    let beside = mistakes.contains(.labelBeside) ? Vector3(0.06, -0.08, 0) : .zero
    return take(.label, arm, to: spot + beside, limit: Self.safeLabelSpeed)
  }

  private func leftToCrate(_ arm: Arm, _ mistakes: MistakeSet) -> Intent {
    let grip = place(.sheet, folded: false) - center
    let goal = mistakes.contains(.missCrate) ? crate + Vector3(0.10, 0.12, 0) : crate
    return take(.sheet, arm, to: goal + grip, limit: Self.safeSpeed)
  }

  private func take(_ part: Part, _ arm: Arm, to goal: Vector3, limit: Float) -> Intent {
    guard let holding = arm.holding else { return .grasp(position(part)) }
    return holding == part.rawValue ? .place(goal, limit: limit) : putBack(arm)
  }

  /// A hand that has nothing to do is ready for its next work.
  private func wait(for part: Part, _ arm: Arm) -> Intent {
    arm.holding == nil ? .hover(position(part) + Self.waitingHeight) : putBack(arm)
  }

  private func leaveAlone(_ arm: Arm) -> Intent {
    arm.holding == nil ? .hover(homes.right) : putBack(arm)
  }

  /// Let go of what was taken too soon; a box must not fall.
  private func putBack(_ arm: Arm) -> Intent {
    guard arm.holding == Part.sheet.rawValue else { return .letGo }
    return .place(Vector3(arm.position.x, arm.position.y, 0.06), limit: Self.safeSpeed)
  }

  /// Whether the sheet lies near the mat, and not on it.
  private var liesBesideMat: Bool {
    !isHeld(.sheet) && center.z == 0 && (center - mat).horizontalLength < 0.22
  }

  func trouble(_ arms: Pair<Arm>) -> Trouble? {
    let carrier = Side.allCases.map { arms[$0] }.first { $0.holding != nil && $0.isLanding }
    if !isLaid {
      return liesBesideMat || carrier != nil && isSheetBesideMat ? .wrong : nil
    }
    if !isTucked {
      // The right flap is on its way in, and the left one is not there.
      let distance = (position(.rightFlap) - place(.rightFlap, folded: true)).length
      let hurries = isHeld(.rightFlap) && !isInPlace(.leftFlap) && distance < 0.095
      return isJammed || hurries ? .wrong : nil
    }
    guard isBuilt else { return nil }
    if labelPlace == .beside || isHeld(.sheet) && labelPlace != .onSpot { return .wrong }
    return carrier != nil && (isLabelBesideSpot || isBoxBesideCrate) ? .wrong : nil
  }

  /// Whether the sheet is low near the mat, and not over it.
  private var isSheetBesideMat: Bool {
    let distance = (center - mat).horizontalLength
    return isHeld(.sheet) && center.z < 0.045 && distance > Self.matReach + 0.01
      && distance < 0.20
  }

  /// Whether the label is low over the lid, beside its place.
  private var isLabelBesideSpot: Bool {
    let offset = position(.label) - spot
    return isHeld(.label) && offset.z < 0.025 && offset.horizontalLength > Self.spotReach + 0.01
      && offset.horizontalLength < Self.lidSize + 0.02
  }

  /// Whether the box is low over the crate's rim.
  private var isBoxBesideCrate: Bool {
    let distance = (center - crate).horizontalLength
    return isHeld(.sheet) && center.z < 0.05 && distance > Self.crateReach + 0.01
      && distance < Self.rimReach
  }
}
