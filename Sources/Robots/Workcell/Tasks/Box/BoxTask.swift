import Episodes
import Tensors

/// Assembling a box: take a flat sheet to the mat, fold both flaps up at a time and the lid over
/// them, stick a label on the lid and put the box in the crate. Hardly anything is final before the
/// crate; what goes wrong costs time, or leaves the work stuck until somebody sees why.
struct BoxTask: WorkcellTask {
  var description: TaskDescription {
    TaskDescription(
      name: "box", instruction: "build a box, label it and put it in the crate",
      maximumSteps: 420,
      subtasks: [
        "take a sheet to the mat", "fold the flaps up", "close the lid", "stick a label on",
        "put the box in the crate",
      ])
  }

  var mistakes: [Mistake] {
    [
      Mistake(kind: .haste, probability: 0.4),
      Mistake(kind: .layBesideMat, probability: 0.12),
      Mistake(kind: .rightFlapFirst, probability: 0.15),
      Mistake(kind: .labelBeside, probability: 0.08),
      Mistake(kind: .missCrate, probability: 0.1),
    ]
  }

  func start(_ random: inout RandomSource) -> any WorkcellScene { BoxScene(&random) }
}

extension MistakeSet {
  /// Letting go of the sheet beside the mat, where its flaps cannot be folded, and trying to.
  static let layBesideMat = MistakeSet(rawValue: 1 << 1)
  /// Folding the right flap before the left: they jam, and pressing on does not help.
  static let rightFlapFirst = MistakeSet(rawValue: 1 << 2)
  /// Sticking the label beside its place, and going on.
  static let labelBeside = MistakeSet(rawValue: 1 << 3)
  /// Setting the box down beside the crate.
  static let missCrate = MistakeSet(rawValue: 1 << 4)
}

/// A sheet of cardboard that becomes a box, a roll of labels and a crate.
struct BoxScene: WorkcellScene {
  /// What can be taken: the sheet, which is the box later, its flaps, its lid and a label.
  enum Part: Int, Sendable { case sheet, leftFlap, rightFlap, lid, label }
  enum LabelPlace: Sendable { case roll, beside, onSpot }

  /// The largest distances, in metres, at which the sheet is on the mat, a flap in its place, the lid
  /// closed, the label on its spot or still on the lid, and the box in the crate.
  static let matReach: Float = 0.09
  static let flapReach: Float = 0.07
  static let lidReach: Float = 0.09
  static let spotReach: Float = 0.07
  static let lidSize: Float = 0.13
  static let crateReach: Float = 0.10
  /// Set down this near to the crate and not in it, the box falls from its rim.
  static let rimReach: Float = 0.22
  /// Things let go below this height, in metres, land where they are meant to …
  static let softHeight: Float = 0.12
  /// … and a box let go above this height bursts.
  static let burstHeight: Float = 0.20
  /// What one step of holding both flaps gains.
  static let tuckRate: Float = 0.15
  /// How far what is loose falls or springs back in one step, in metres.
  static let springing: Float = 0.06

  // The machines stand still from one episode to the next.
  let mat = Vector3(0.02, 0.02, 0)
  let roll = Vector3(0.30, 0.16, 0.04)
  let crate = Vector3(-0.37, -0.14, 0)
  /// Where this episode's sheet lay first.
  let pile: Vector3
  /// Hidden: the share of the maximum speed above which a label flutters off the fingers.
  var flutterSpeed: Float
  /// The middle of the sheet, or of the box.
  private(set) var center: Vector3
  private(set) var isLaid = false
  /// How far the flaps have been locked, from 0 to 1.
  private(set) var tuck: Float = 0
  private(set) var isTucked = false
  private(set) var isJammed = false
  private(set) var isBuilt = false
  private(set) var labelPlace = LabelPlace.roll
  private(set) var isPlaced = false
  private var labelPosition: Vector3
  /// How far flaps and lid, in the order of `Part`, are from where they rest.
  private var lifted = [Vector3](repeating: .zero, count: 5)
  private var held = [Bool](repeating: false, count: 5)
  private var verdict: Ending?

  init(_ random: inout RandomSource) {
    pile = Vector3(
      -0.32 + random.uniform(in: -0.04..<0.04), 0.16 + random.uniform(in: -0.04..<0.04), 0)
    flutterSpeed = random.uniform(in: 0.86..<0.94)
    center = pile
    labelPosition = roll
  }

  // MARK: Where things are

  /// Where a part of the sheet rests, or where it belongs in the box.
  func place(_ part: Part, folded: Bool) -> Vector3 {
    switch part {
    case .sheet: center + (isBuilt ? Vector3(-0.07, 0, 0.06) : Vector3(0, 0, 0.01))
    case .leftFlap: center + (folded ? Vector3(-0.05, -0.02, 0.07) : Vector3(-0.17, -0.02, 0.01))
    case .rightFlap: center + (folded ? Vector3(0.05, -0.02, 0.07) : Vector3(0.17, -0.02, 0.01))
    case .lid: center + (folded ? Vector3(0.02, -0.05, 0.08) : Vector3(0.02, 0.16, 0.01))
    case .label: folded ? spot : roll
    }
  }

  /// Where the label belongs.
  var spot: Vector3 { center + Vector3(0.06, -0.02, 0.08) }

  private func isFolded(_ part: Part) -> Bool {
    switch part {
    case .leftFlap, .rightFlap: isTucked
    case .lid: isBuilt
    case .sheet, .label: false
    }
  }

  /// Where a part is now.
  func position(_ part: Part) -> Vector3 {
    part == .label
      ? labelPosition : place(part, folded: isFolded(part)) + lifted[part.rawValue]
  }

  func isHeld(_ part: Part) -> Bool { held[part.rawValue] }

  /// Whether a flap is held where it belongs.
  func isInPlace(_ flap: Part) -> Bool {
    held[flap.rawValue]
      && (position(flap) - place(flap, folded: true)).length <= Self.flapReach
  }

  // MARK: What can be seen

  var homes: Pair<Vector3> { Pair(Vector3(-0.22, 0.02, 0.15), Vector3(0.22, 0.0, 0.15)) }
  var startSpread: Float { 0.10 }

  var points: [Vector3] {
    [
      position(.sheet), position(.leftFlap), position(.rightFlap), position(.lid), labelPosition,
      spot, mat, crate,
    ]
  }

  var visibleStates: [Float] {
    [
      isLaid ? 1 : 0, isInPlace(.leftFlap) ? 1 : 0, isInPlace(.rightFlap) ? 1 : 0, tuck,
      isJammed ? 1 : 0, isTucked ? 1 : 0, isBuilt ? 1 : 0, labelPlace == .beside ? 1 : 0,
      labelPlace == .onSpot ? 1 : 0,
    ]
  }

  // MARK: What is done

  var subtask: Int {
    if !isLaid { return 0 }
    if !isTucked { return 1 }
    if !isBuilt { return 2 }
    return labelPlace == .onSpot ? 4 : 3
  }

  var milestones: Int {
    [isLaid, isTucked, isBuilt, labelPlace == .onSpot, isPlaced].count { $0 }
  }

  var stages: [StageScore]? {
    [
      StageScore(name: "take a sheet", isDone: isLaid),
      StageScore(name: "build", isDone: isBuilt),
      StageScore(name: "label", isDone: labelPlace == .onSpot),
      StageScore(name: "place", isDone: isPlaced),
    ]
  }

  // MARK: What hands do

  private func canGrasp(_ part: Part) -> Bool {
    switch part {
    case .sheet: !isLaid || isBuilt
    case .leftFlap, .rightFlap: isLaid && !isTucked
    case .lid: isTucked && !isBuilt
    case .label: isBuilt && labelPlace != .onSpot
    }
  }

  var handles: [Handle] {
    var handles: [Handle] = []
    for part in [Part.sheet, .leftFlap, .rightFlap, .lid, .label] where canGrasp(part) {
      handles.append(Handle(id: part.rawValue, position: position(part)))
    }
    return handles
  }

  func canHold(_ handle: Int) -> Bool { Part(rawValue: handle).map(canGrasp) ?? false }

  mutating func grasp(_ handle: Int, by side: Side) {
    held[handle] = true
    if handle == Part.label.rawValue { labelPlace = .roll }
  }

  mutating func carry(
    _ handle: Int, to position: Vector3, speed: Float, _ random: inout RandomSource
  ) {
    guard let part = Part(rawValue: handle) else { return }
    switch part {
    case .sheet:
      let before = center
      center = center + position - self.position(.sheet)
      center.z = max(0, center.z)
      // What sticks to the lid goes with it.
      if labelPlace != .roll { labelPosition = labelPosition + center - before }
    case .label: labelPosition = position
    case .leftFlap, .rightFlap, .lid: lifted[handle] = position - place(part, folded: false)
    }
  }

  func slipProbability(_ handle: Int, speed: Float) -> Float {
    let limit = handle == Part.label.rawValue ? flutterSpeed : 0.95
    return speed > limit ? 0.5 * (speed - limit) : 0
  }

  mutating func release(_ handle: Int, at position: Vector3) {
    guard let part = Part(rawValue: handle) else { return }
    held[handle] = false
    switch part {
    case .sheet: putDown(at: position)
    case .label: stick(at: position)
    case .lid:
      if (position - place(.lid, folded: true)).length <= Self.lidReach {
        lifted[handle] = .zero
        isBuilt = true
      }
    case .leftFlap, .rightFlap: break
    }
  }

  private mutating func putDown(at position: Vector3) {
    if !isBuilt {
      isLaid =
        (center - mat).horizontalLength <= Self.matReach && position.z <= Self.softHeight
      return
    }
    guard position.z <= Self.burstHeight else {
      verdict = .failure("box burst")
      return
    }
    let distance = (center - crate).horizontalLength
    // On the table it can be taken again.
    guard distance <= Self.rimReach else { return }
    isPlaced = distance <= Self.crateReach
    verdict =
      switch labelPlace {
      case _ where !isPlaced: .failure("box beside the crate")
      case .onSpot: .success
      case .beside: .failure("label beside its place")
      case .roll: .failure("no label")
      }
  }

  /// A label sticks to the lid wherever it touches it; elsewhere it is lost, and the roll has more.
  private mutating func stick(at position: Vector3) {
    let distance = (position - spot).length
    if distance <= Self.lidSize {
      labelPlace = distance <= Self.spotReach ? .onSpot : .beside
    } else {
      labelPosition = roll
    }
  }

  mutating func advance(_ arms: Pair<Arm>, _ random: inout RandomSource) -> Ending? {
    for part in [Part.leftFlap, .rightFlap, .lid]
    where !held[part.rawValue] && lifted[part.rawValue] != .zero {
      let rest = lifted[part.rawValue]
      lifted[part.rawValue] = rest.length < 0.01 ? .zero : rest - rest.limited(to: Self.springing)
    }
    if !held[Part.sheet.rawValue] && center.z > 0 { fall() }
    if isLaid && !isTucked { fitFlaps() }
    return verdict
  }

  private mutating func fall() {
    let drop = min(center.z, Self.springing)
    center.z -= drop
    if labelPlace != .roll { labelPosition.z -= drop }
  }

  /// The left flap goes underneath: with the right one there first, both jam until that is let go.
  private mutating func fitFlaps() {
    let left = isInPlace(.leftFlap)
    let right = isInPlace(.rightFlap)
    if right && !left && tuck == 0 { isJammed = true }
    if !isHeld(.rightFlap) { isJammed = false }
    tuck = left && right && !isJammed ? min(1, tuck + Self.tuckRate) : 0
    if tuck > 0.99 {
      isTucked = true
      for flap in [Part.leftFlap, .rightFlap] {
        lifted[flap.rawValue] = .zero
        held[flap.rawValue] = false
      }
    }
  }
}
