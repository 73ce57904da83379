import Episodes
import Tensors

/// Folding a T-shirt: in half, both sleeves in, over once more, and onto the stack.
///
/// The first fold is a choice. Carrying the hem over the collar is a little nearer and leaves the
/// collar face down; carrying the collar over the hem leaves it up. Which side is up shows at once
/// and never changes again. `tshirt` takes both; `tshirt-collar-up` counts a collar that is down as
/// a failure, judged when the shirt lies on the stack.
struct GarmentTask: WorkcellTask {
  let collarIsJudged: Bool

  var description: TaskDescription {
    TaskDescription(
      name: collarIsJudged ? "tshirt-collar-up" : "tshirt",
      instruction: collarIsJudged
        ? "fold the T-shirt with the collar up and put it on the stack"
        : "fold the T-shirt and put it on the stack",
      maximumSteps: 220,
      subtasks: [
        "fold the shirt in half", "fold the sleeves in", "fold the shirt over",
        "put the shirt on the stack",
      ])
  }

  var mistakes: [Mistake] {
    [
      Mistake(kind: .hemOverCollar, probability: collarIsJudged ? 0.68 : 0.5),
      Mistake(kind: .haste, probability: 0.3),
    ]
  }

  func start(_ random: inout RandomSource) -> any WorkcellScene {
    GarmentScene(collarIsJudged: collarIsJudged, &random)
  }
}

extension MistakeSet {
  /// Folding in half with the left hand by the hem, which leaves the collar down.
  static let hemOverCollar = MistakeSet(rawValue: 1 << 1)
}

/// A T-shirt as the handful of points that a person folds it by.
struct GarmentScene: WorkcellScene {
  enum HalfFold: Sendable { case none, hemOver, collarOver }
  /// The points a gripper can take, in the order of `points` without the centre and the stack.
  enum Part: Int, CaseIterable, Sendable { case collar, hem, leftSleeve, rightSleeve, edge, block }

  /// A fold stays when it is let go this near to its place, in metres over the table …
  static let foldTolerance: Float = 0.09
  /// … and no higher than this.
  static let foldHeight: Float = 0.12
  /// The shirt counts as on the stack within this distance, in metres.
  static let stackTolerance: Float = 0.10
  /// A folded shirt let go above this height comes open again.
  static let unfoldHeight: Float = 0.14
  /// How far loose cloth sinks in one step, in metres.
  static let sinking: Float = 0.06

  let collarIsJudged: Bool
  let stackSpot = Vector3(0.38, -0.12, 0)
  /// Hidden: the share of the maximum speed above which cloth slips out of a gripper.
  var slipSpeed: Float
  private let cosine: Float
  private let sine: Float
  /// The middle of the flat shirt; it moves when the folded shirt is carried.
  private(set) var center: Vector3
  private(set) var half = HalfFold.none
  private(set) var leftSleeveIn = false
  private(set) var rightSleeveIn = false
  private(set) var foldedOver = false
  private(set) var onStack = false
  /// How far each part is from where it lies when nobody holds it; cloth that is let go sinks back.
  private var lifted = [Vector3](repeating: .zero, count: Part.allCases.count)
  private var held = [Bool](repeating: false, count: Part.allCases.count)

  init(collarIsJudged: Bool, _ random: inout RandomSource) {
    self.collarIsJudged = collarIsJudged
    center = Vector3(random.uniform(in: -0.04..<0.04), random.uniform(in: -0.03..<0.03), 0)
    slipSpeed = random.uniform(in: 0.90..<0.98)
    // A small angle: first order is exact to 0.5 %.
    sine = random.uniform(in: -0.1..<0.1)
    cosine = (1 - sine * sine).squareRoot()
  }

  /// A point of the shirt, from its own axes to the table's.
  func world(_ x: Float, _ y: Float, _ z: Float = 0) -> Vector3 {
    center + Vector3(cosine * x - sine * y, sine * x + cosine * y, z)
  }

  /// The middle line of what is left after the first fold, in the shirt's own y.
  var middle: Float {
    switch half {
    case .none: 0
    case .hemOver: 0.08
    case .collarOver: -0.07
    }
  }

  /// Where a part lies after the folds made so far, or after its own fold as well.
  func place(_ part: Part, folded: Bool) -> Vector3 {
    let collar: Float = 0.16
    let hem: Float = -0.14
    switch part {
    case .collar: return world(0, folded ? hem : collar)
    case .hem: return world(0, folded ? collar : hem)
    case .leftSleeve:
      return folded ? world(-0.05, middle) : world(-0.20, half == .collarOver ? -0.09 : 0.10)
    case .rightSleeve:
      return folded ? world(0.05, middle) : world(0.20, half == .collarOver ? -0.09 : 0.10)
    case .edge: return world(folded ? 0.09 : -0.12, middle)
    case .block: return world(0.11, middle)
    }
  }

  private func isFolded(_ part: Part) -> Bool {
    switch part {
    case .collar: half == .collarOver
    case .hem: half == .hemOver
    case .leftSleeve: leftSleeveIn
    case .rightSleeve: rightSleeveIn
    case .edge: foldedOver
    case .block: false
    }
  }

  /// Where a part is now.
  func position(_ part: Part) -> Vector3 {
    place(part, folded: isFolded(part)) + lifted[part.rawValue]
  }

  // Each hand starts close to the end that it folds by: the choice is made within a few steps.
  var homes: Pair<Vector3> { Pair(Vector3(-0.06, -0.16, 0.12), Vector3(0.06, 0.18, 0.12)) }
  var startSpread: Float { 0.04 }

  var points: [Vector3] {
    [
      position(.collar), position(.hem), position(.leftSleeve), position(.rightSleeve),
      world(0, middle), position(.edge), position(.block), stackSpot,
    ]
  }

  var visibleStates: [Float] {
    [
      half == .none ? 0 : 1, half == .none ? 0 : half == .collarOver ? 1 : -1,
      leftSleeveIn ? 1 : 0, rightSleeveIn ? 1 : 0, foldedOver ? 1 : 0,
    ]
  }

  var subtask: Int {
    if half == .none { return 0 }
    if !(leftSleeveIn && rightSleeveIn) { return 1 }
    return foldedOver ? 3 : 2
  }

  var milestones: Int {
    (half == .none ? 0 : 1) + (leftSleeveIn ? 1 : 0) + (rightSleeveIn ? 1 : 0)
      + (foldedOver ? 1 : 0) + (onStack ? 1 : 0)
  }

  private func canGrasp(_ part: Part) -> Bool {
    switch part {
    case .collar, .hem: half == .none
    case .leftSleeve: half != .none && !leftSleeveIn
    case .rightSleeve: half != .none && !rightSleeveIn
    case .edge: leftSleeveIn && rightSleeveIn && !foldedOver
    case .block: foldedOver
    }
  }

  var handles: [Handle] {
    var handles: [Handle] = []
    for part in Part.allCases where canGrasp(part) {
      handles.append(Handle(id: part.rawValue, position: position(part)))
    }
    return handles
  }

  func canHold(_ handle: Int) -> Bool { Part(rawValue: handle).map(canGrasp) ?? false }

  mutating func grasp(_ handle: Int, by side: Side) { held[handle] = true }

  mutating func carry(
    _ handle: Int, to position: Vector3, speed: Float, _ random: inout RandomSource
  ) {
    guard let part = Part(rawValue: handle) else { return }
    if part == .block {
      center = center + position - self.position(.block)
    } else {
      lifted[handle] = position - place(part, folded: false)
    }
  }

  func slipProbability(_ handle: Int, speed: Float) -> Float {
    speed > slipSpeed ? 0.5 * (speed - slipSpeed) : 0
  }

  mutating func release(_ handle: Int, at position: Vector3) {
    guard let part = Part(rawValue: handle) else { return }
    held[handle] = false
    if part == .block {
      onStack =
        (position - stackSpot).horizontalLength <= Self.stackTolerance
        && position.z <= Self.foldHeight
      if position.z > Self.unfoldHeight { foldedOver = false }
      return
    }
    let goal = place(part, folded: true)
    guard
      (position - goal).horizontalLength <= Self.foldTolerance, position.z <= Self.foldHeight,
      canGrasp(part)
    else { return }
    lifted[handle] = .zero
    switch part {
    case .collar: fold(.collarOver)
    case .hem: fold(.hemOver)
    case .leftSleeve: leftSleeveIn = true
    case .rightSleeve: rightSleeveIn = true
    case .edge: foldedOver = true
    case .block: break
    }
  }

  private mutating func fold(_ way: HalfFold) {
    half = way
    // The other end is under the fold now: whoever still held it holds nothing that moves.
    for end in [Part.collar, .hem] {
      lifted[end.rawValue] = .zero
      held[end.rawValue] = false
    }
  }

  mutating func advance(_ arms: Pair<Arm>, _ random: inout RandomSource) -> Ending? {
    if onStack {
      return collarIsJudged && half == .hemOver ? .failure("collar down") : .success
    }
    for part in lifted.indices where !held[part] && lifted[part] != .zero {
      let rest = lifted[part]
      lifted[part] = rest.length < 0.01 ? .zero : rest - rest.limited(to: Self.sinking)
    }
    if !held[Part.block.rawValue] { center.z = max(0, center.z - Self.sinking) }
    return nil
  }
}
