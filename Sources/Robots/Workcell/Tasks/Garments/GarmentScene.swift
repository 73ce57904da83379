import Tensors

/// A garment as the handful of points that a person folds it by.
///
/// The first fold in half is a choice between two hands, each beside its own end. Which way it was
/// folded shows at once and never changes again; where it counts, the stack tells.
struct GarmentScene: WorkcellScene {
  enum HalfFold: Sendable { case none, hemOver, topOver }

  /// The points a gripper can take.
  enum Part: Int, CaseIterable, Sendable {
    case top, hem, leftSide, rightSide, edge, block

    /// The work that begins with taking it.
    var work: Garment.Work {
      switch self {
      case .top, .hem: .half
      case .leftSide, .rightSide: .sides
      case .edge: .over
      case .block: .stack
      }
    }
  }

  /// A fold stays when it is let go this near to its place, in metres over the table …
  static let foldTolerance: Float = 0.09
  /// … and no higher than this.
  static let foldHeight: Float = 0.12
  /// The garment counts as on the stack within this distance, in metres …
  static let stackTolerance: Float = 0.10
  /// … and slides off a stack that it was put down this near to, where that is a fault.
  static let slidingReach: Float = 0.22
  /// A folded garment let go above this height comes open again.
  static let unfoldHeight: Float = 0.14
  /// How far loose cloth sinks in one step, in metres.
  static let sinking: Float = 0.06
  /// An open hand this near to the garment's middle and this low strokes out creases, in metres.
  static let smoothingReach: Float = 0.08
  static let smoothingHeight: Float = 0.07
  /// What one step of stroking gains, and what is enough.
  static let smoothingRate: Float = 0.13
  static let goodSmoothness: Float = 0.6

  let task: GarmentTask
  let garment: Garment
  /// Hidden: the share of the maximum speed above which the cloth slips or stretches.
  var clothLimit: Float
  private let cosine: Float
  private let sine: Float
  /// The middle of the flat garment; it moves when the folded garment is carried.
  private(set) var center: Vector3
  private(set) var half = HalfFold.none
  private(set) var leftSideIn = false
  private(set) var rightSideIn = false
  private(set) var foldedOver = false
  private(set) var onStack = false
  private(set) var smoothness: Float = 0
  private(set) var isStretched = false
  /// What the stack will refuse the garment for: it shows already and cannot be mended.
  private(set) var fault: String?
  private var hasSlidOff = false
  /// How far each part is from where it lies when nobody holds it; cloth that is let go sinks back.
  private var lifted = [Vector3](repeating: .zero, count: Part.allCases.count)
  private var held = [Bool](repeating: false, count: Part.allCases.count)

  init(_ task: GarmentTask, _ random: inout RandomSource) {
    self.task = task
    // Where there is no choice, none is drawn: the streams of such tasks stay as they are.
    garment =
      task.wardrobe.count == 1
      ? task.wardrobe[0] : task.wardrobe[random.integer(below: task.wardrobe.count)]
    center = Vector3(random.uniform(in: -0.04..<0.04), random.uniform(in: -0.03..<0.03), 0)
    clothLimit = random.uniform(in: garment.cloth.limits)
    // A small angle: first order is exact to 0.5 %.
    sine = random.uniform(in: -0.1..<0.1)
    cosine = (1 - sine * sine).squareRoot()
  }

  // MARK: Where things are

  /// A point of the garment, from its own axes to the table's.
  func world(_ x: Float, _ y: Float, _ z: Float = 0) -> Vector3 {
    center + Vector3(cosine * x - sine * y, sine * x + cosine * y, z)
  }

  /// −1 for a garment that is folded over to the left.
  var across: Float { garment.goesLeft ? -1 : 1 }

  var stackSpot: Vector3 { Vector3(0.38 * across, -0.12, 0) }

  /// The middle line of what is left after the first fold, in the garment's own y.
  var middle: Float {
    switch half {
    case .none: 0
    case .hemOver: 0.08 * garment.length
    case .topOver: -0.07 * garment.length
    }
  }

  /// Where a part lies after the folds made so far, or after its own fold as well. What the garment
  /// has not lies in its middle.
  func place(_ part: Part, folded: Bool) -> Vector3 {
    guard garment.work.contains(part.work) else { return world(0, middle) }
    let top: Float = 0.16 * garment.length
    let hem: Float = -0.14 * garment.length
    let sleeves: Float = half == .topOver ? -0.09 : 0.10
    let width = garment.width
    switch part {
    case .top: return world(0, folded ? hem : top)
    case .hem: return world(0, folded ? top : hem)
    case .leftSide: return folded ? world(-0.05, middle) : world(-0.20 * width, sleeves)
    case .rightSide: return folded ? world(0.05, middle) : world(0.20 * width, sleeves)
    case .edge: return world((folded ? 0.09 : -0.12) * across * width, middle)
    case .block: return world(0.11 * across * width, middle)
    }
  }

  private func isFolded(_ part: Part) -> Bool {
    switch part {
    case .top: half == .topOver
    case .hem: half == .hemOver
    case .leftSide: leftSideIn
    case .rightSide: rightSideIn
    case .edge: foldedOver
    case .block: false
    }
  }

  /// Where a part is now.
  func position(_ part: Part) -> Vector3 {
    place(part, folded: isFolded(part)) + lifted[part.rawValue]
  }

  /// Where an open hand strokes.
  var smoothingSpot: Vector3 { world(0, 0.02, 0.02) }

  // MARK: What can be seen

  // Each hand starts close to the end that it folds by: the choice is made within a few steps.
  var homes: Pair<Vector3> { Pair(Vector3(-0.06, -0.16, 0.12), Vector3(0.06, 0.18, 0.12)) }
  var startSpread: Float { 0.04 }

  var points: [Vector3] {
    [
      position(.top), position(.hem), position(.leftSide), position(.rightSide),
      world(0, middle), position(.edge), position(.block), stackSpot,
    ]
  }

  var visibleStates: [Float] {
    let folds: [Float] = [
      half == .none ? 0 : 1, half == .none ? 0 : half == .topOver ? 1 : -1,
      leftSideIn ? 1 : 0, rightSideIn ? 1 : 0, foldedOver ? 1 : 0,
    ]
    guard task.showsKind else { return folds }
    // Cut and print name the garment within the room that there is.
    return folds + [smoothness, isStretched ? 1 : 0]
      + Garment.Cut.allCases.map { $0 == garment.cut ? 1 : 0 }
      + (0..<Garment.patternCount).map { $0 == garment.pattern ? 1 : 0 }
  }

  // MARK: What is done

  func isDone(_ work: Garment.Work) -> Bool {
    switch work {
    case .smooth: smoothness >= Self.goodSmoothness
    case .half: half != .none
    case .sides: leftSideIn && rightSideIn
    case .over: foldedOver
    case .stack: onStack
    }
  }

  /// Whether later work lies on top of this, so that what was left out stays so.
  func isCovered(_ work: Garment.Work) -> Bool {
    guard let index = garment.work.firstIndex(of: work) else { return true }
    return garment.work[(index + 1)...].contains { isDone($0) }
  }

  /// Whether the side is folded that nobody forgets.
  var firstSideIn: Bool { garment.overHand == .left ? leftSideIn : rightSideIn }

  var subtask: Int {
    let work = garment.work.first { !isDone($0) && !isCovered($0) } ?? .stack
    return task.subtasks.firstIndex { $0.work == work } ?? 0
  }

  var milestones: Int {
    let smooth = smoothness >= Self.goodSmoothness
    return [smooth, half != .none, leftSideIn, rightSideIn, foldedOver, onStack].count { $0 }
  }

  var isLost: Bool { fault != nil }

  // MARK: What hands do

  /// Whether a part can be taken: its own fold is still to be made, and what comes before is done,
  /// or is among what can be left out.
  private func canGrasp(_ part: Part) -> Bool {
    let isOpen =
      switch part {
      case .top, .hem: half == .none
      case .leftSide: !leftSideIn
      case .rightSide: !rightSideIn
      case .edge: !foldedOver
      case .block: true
      }
    guard isOpen, let index = garment.work.firstIndex(of: part.work), !isCovered(part.work)
    else { return false }
    return garment.work[..<index].allSatisfy { work in
      isDone(work) || task.isStrict && (work == .smooth || work == .sides && firstSideIn)
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
    if task.isStrict && garment.cloth.stretches && speed > clothLimit
      && random.chance(0.5 * (speed - clothLimit))
    {
      isStretched = true
      fault = fault ?? "stretched"
    }
  }

  func slipProbability(_ handle: Int, speed: Float) -> Float {
    speed > clothLimit && !garment.cloth.stretches ? 0.5 * (speed - clothLimit) : 0
  }

  mutating func release(_ handle: Int, at position: Vector3) {
    guard let part = Part(rawValue: handle) else { return }
    held[handle] = false
    if part == .block { return putDown(at: position) }
    let goal = place(part, folded: true)
    guard
      (position - goal).horizontalLength <= Self.foldTolerance, position.z <= Self.foldHeight,
      canGrasp(part)
    else { return }
    lifted[handle] = .zero
    cover(before: part.work)
    switch part {
    case .top: fold(.topOver)
    case .hem: fold(.hemOver)
    case .leftSide: leftSideIn = true
    case .rightSide: rightSideIn = true
    case .edge: foldedOver = true
    case .block: break
    }
  }

  private mutating func putDown(at position: Vector3) {
    let distance = (position - stackSpot).horizontalLength
    onStack = distance <= Self.stackTolerance && position.z <= Self.foldHeight
    if position.z > Self.unfoldHeight {
      // The last fold comes open.
      if garment.work.dropLast().last == .over { foldedOver = false } else { half = .none }
    } else if task.isStrict && !onStack && distance < Self.slidingReach {
      hasSlidOff = true
    }
  }

  /// A fold covers what should have been done before it: from here on that is a fault, and nobody
  /// holds it any more.
  private mutating func cover(before work: Garment.Work) {
    for earlier in garment.work.prefix(while: { $0 != work }) where !isDone(earlier) {
      fault = fault ?? (earlier == .smooth ? "creased" : "sleeve left out")
      for part in Part.allCases where part.work == earlier { lay(part) }
    }
  }

  private mutating func lay(_ part: Part) {
    lifted[part.rawValue] = .zero
    held[part.rawValue] = false
  }

  private mutating func fold(_ way: HalfFold) {
    half = way
    if (way == .topOver) != (garment.carriedEnd == .top) { fault = fault ?? task.wayFault }
    // The other end is under the fold now: whoever still held it holds nothing that moves.
    lay(.top)
    lay(.hem)
  }

  mutating func advance(_ arms: Pair<Arm>, _ random: inout RandomSource) -> Ending? {
    if hasSlidOff { return .failure("slid off the stack") }
    if onStack { return fault.map(Ending.failure) ?? .success }
    for part in lifted.indices where !held[part] && lifted[part] != .zero {
      let rest = lifted[part]
      lifted[part] = rest.length < 0.01 ? .zero : rest - rest.limited(to: Self.sinking)
    }
    if !held[Part.block.rawValue] { center.z = max(0, center.z - Self.sinking) }
    if garment.work.first == .smooth && !isCovered(.smooth) { stroke(arms) }
    return nil
  }

  private mutating func stroke(_ arms: Pair<Arm>) {
    let strokes = Side.allCases.contains { side in
      let hand = arms[side]
      return hand.holding == nil && hand.position.z <= Self.smoothingHeight
        && (hand.position - smoothingSpot).horizontalLength <= Self.smoothingReach
    }
    if strokes { smoothness = min(1, smoothness + Self.smoothingRate) }
  }
}
