import Tensors

/// The person: knows the scene, decides what each arm does next, and moves as well as `CoachFlaws`
/// lets it.
///
/// Without flaws its action depends on the present state alone. What the flaws add, and what an
/// observation cannot show, is which mistakes, which speed and which pause the person is in the
/// middle of.
struct Coach: Sendable {
  let flaws: CoachFlaws
  /// What this person gets wrong in this episode.
  private(set) var mistakes: MistakeSet = []
  private let known: [Mistake]
  private var random: RandomSource
  private let pace: Float
  private var speed: Float = 1
  private var stretchLeft = 0
  private var pauseLeft = 0
  /// Steps for which an accidental opening still lasts.
  private var openingLeft = Pair(0, 0)
  /// Steps for which the arm still carries nothing, because the person has not noticed yet.
  private var emptyLeft = Pair(0, 0)
  private var emptyTarget = Pair(Vector3.zero, .zero)
  /// Where this attempt at a grasp wrongly aims, until the gripper has closed on nothing.
  private var aim: Pair<Vector3?> = Pair(nil, nil)

  /// The distance to a target, in metres, within which the gripper begins to act …
  private static let near: Float = 0.03
  /// … and within which it goes on once it has begun.
  private static let stillNear: Float = 0.055
  /// The share of the remaining distance covered in a step, where the speed allows it.
  private static let gain: Float = 0.6

  /// - Parameters:
  ///   - mistakes: The mistakes that the task knows.
  ///   - seed: Decides every flaw.
  init(flaws: CoachFlaws, mistakes: [Mistake], seed: UInt64) {
    self.flaws = flaws
    known = mistakes
    random = RandomSource(seed: seed, stream: "coach")
    pace = flaws.paces[random.integer(below: flaws.paces.count)]
    drawMistakes()
  }

  /// Decides anew which mistakes to make.
  mutating func drawMistakes() {
    mistakes = []
    for mistake in known where random.chance(mistake.probability * flaws.mistakeScale) {
      mistakes.insert(mistake.kind)
    }
  }

  /// The steps left until speed and pauses are drawn anew.
  var remainingStretch: Int { stretchLeft }

  /// The action for the next step, [actionWidth].
  mutating func action(for cell: Workcell) -> [Float] {
    if stretchLeft == 0 {
      stretchLeft = random.integer(in: flaws.stretchSteps)
      speed = pace * flaws.speeds[random.integer(below: flaws.speeds.count)]
      if random.chance(flaws.pauseProbability) {
        pauseLeft = random.integer(in: flaws.pauseSteps)
      }
    }
    let intents = cell.scene.intents(cell.arms, mistakes)
    var action: [Float] = []
    action.reserveCapacity(Workcell.actionWidth)
    if pauseLeft > 0 {
      pauseLeft -= 1
      for side in Side.allCases {
        let closed = cell.arms[side].holding != nil
        action += [0, 0, 0, closed ? 1 : -1]
      }
      return action
    }
    stretchLeft -= 1
    for side in Side.allCases {
      append(intents[side], side, cell.arms[side], to: &action)
    }
    return action
  }

  private mutating func append(
    _ intent: Intent, _ side: Side, _ arm: Arm, to action: inout [Float]
  ) {
    var limit = speed
    var target = arm.position
    var closes = arm.holding != nil
    switch intent {
    case .hover(let point):
      target = point
      closes = false
    case .grasp(let point):
      (target, closes) = grasp(point, side, arm)
    case .carry(let point, let safe):
      target = Self.overTable(point, arm)
      limit = careful(safe)
    case .place(let point, let safe):
      target = Self.overTable(point, arm)
      limit = careful(safe)
      let distance = (point - arm.position).length
      let begun = arm.aperture > Workcell.heldAperture + 0.1
      if distance < (begun ? Self.stillNear : Self.near) { closes = false }
    case .letGo:
      closes = false
    }
    if arm.holding == nil {
      openingLeft[side] = 0
    } else if openingLeft[side] > 0 {
      openingLeft[side] -= 1
      closes = false
    } else if random.chance(flaws.dropProbability) {
      openingLeft[side] = 2
      emptyLeft[side] = random.integer(in: flaws.unnoticedSteps)
      emptyTarget[side] = target
    }

    let step = (target - arm.position) * (Self.gain / Workcell.maximumSpeed)
    var velocity = step.limited(to: limit)
    if flaws.tremor > 0 {
      velocity =
        velocity + Vector3(random.normal(), random.normal(), random.normal()) * flaws.tremor
    }
    action.append(velocity.x.clamped(-1, 1))
    action.append(velocity.y.clamped(-1, 1))
    action.append(velocity.z.clamped(-1, 1))
    action.append(closes ? 1 : -1)
  }

  private func careful(_ safe: Float) -> Float {
    mistakes.contains(.haste) ? speed : min(speed, safe)
  }

  private mutating func grasp(_ point: Vector3, _ side: Side, _ arm: Arm) -> (Vector3, Bool) {
    if aim[side] == nil && arm.aperture >= Workcell.graspAperture {
      let fumbles = random.chance(flaws.fumbleProbability)
      aim[side] =
        fumbles
        ? Vector3(random.uniform(in: -0.05..<0.05), random.uniform(in: 0.10..<0.12), 0.02) : .zero
    }
    // Closed on nothing: this attempt is over, open up again.
    if arm.aperture < Workcell.graspAperture {
      if let missed = aim[side], missed != .zero {
        emptyLeft[side] = random.integer(in: flaws.unnoticedSteps)
        emptyTarget[side] =
          point + Vector3(random.uniform(in: -0.4..<0.4), random.uniform(in: -0.3..<0.3), 0.08)
      }
      aim[side] = nil
    }
    if emptyLeft[side] > 0 {
      emptyLeft[side] -= 1
      return (emptyTarget[side], false)
    }
    if aim[side] == nil { return (Self.overTable(point, arm), false) }
    let aimed = point + (aim[side] ?? .zero)
    let distance = (aimed - arm.position).length
    let begun = arm.aperture < 0.8
    return (Self.overTable(aimed, arm), distance < (begun ? Self.stillNear : Self.near))
  }

  /// Where to steer on the way to `point`: higher the further it still is, so that the gripper
  /// comes down on things and carries them clear of the table.
  private static func overTable(_ point: Vector3, _ arm: Arm) -> Vector3 {
    let distance = (point - arm.position).horizontalLength
    return point + Vector3(0, 0, ((distance - 0.02) * 0.8).clamped(0, 0.10))
  }
}
