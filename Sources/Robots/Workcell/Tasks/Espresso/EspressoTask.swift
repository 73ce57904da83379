import Episodes
import Tensors

/// Making an espresso: take the portafilter, fill it under the grinder, tamp, lock it in, put a cup
/// below, start, wait for the pour and serve. Each stage fails in its own way; all that decides is
/// visible.
struct EspressoTask: WorkcellTask {
  var description: TaskDescription {
    TaskDescription(
      name: "espresso",
      instruction: "make an espresso and serve it",
      maximumSteps: 300,
      subtasks: [
        "take the portafilter", "fill it with ground coffee", "tamp the coffee",
        "lock the portafilter in", "put the cup on the tray", "start the machine",
        "wait for the pour", "serve the cup",
      ])
  }

  var mistakes: [Mistake] {
    [
      Mistake(kind: .haste, probability: 0.4),
      Mistake(kind: .leaveGrinderEarly, probability: 0.18),
      Mistake(kind: .tampLightly, probability: 0.18),
      Mistake(kind: .misplaceCup, probability: 0.18),
      Mistake(kind: .takeCupEarly, probability: 0.18),
      Mistake(kind: .missSaucer, probability: 0.18),
    ]
  }

  func start(_ random: inout RandomSource) -> any WorkcellScene { EspressoScene(&random) }
}

extension MistakeSet {
  /// Leaving the grinder with too little coffee.
  static let leaveGrinderEarly = MistakeSet(rawValue: 1 << 1)
  /// Not pressing the coffee for long enough.
  static let tampLightly = MistakeSet(rawValue: 1 << 2)
  /// Putting the cup beside the spout.
  static let misplaceCup = MistakeSet(rawValue: 1 << 3)
  /// Taking the cup while it still fills.
  static let takeCupEarly = MistakeSet(rawValue: 1 << 4)
  /// Setting the full cup down beside the saucer.
  static let missSaucer = MistakeSet(rawValue: 1 << 5)
}

/// An espresso machine, a grinder, a tamping mat, a portafilter and a cup.
struct EspressoScene: WorkcellScene {
  enum Item: Int, Sendable { case portafilter, cup }

  /// A shot needs at least this share of a full dose …
  static let goodDose: Float = 0.6
  /// … pressed at least this far …
  static let goodTamp: Float = 0.45
  /// … and fills the cup at least this far.
  static let goodFill: Float = 0.7
  /// The height above the mat below which the coffee is pressed, in metres.
  static let tampHeight: Float = 0.05
  /// Gains of dose, tamp, press of the button and fill in one step.
  static let pressRate: Float = 1 / 2
  static let tampRate: Float = 0.13
  static let grindRate: Float = 0.13
  static let pourRate: Float = 1 / 20
  /// The largest distances, in metres, at which the grinder, the mat, the head, the spout, the
  /// button and the saucer work.
  static let grinderReach: Float = 0.08
  static let matReach: Float = 0.08
  static let headReach: Float = 0.14
  static let spoutReach: Float = 0.10
  /// How far the cup may be moved while it fills, in metres.
  static let pouringReach: Float = 0.05
  static let buttonReach: Float = 0.09
  static let saucerReach: Float = 0.10
  /// How much further away a station counts as left, in metres.
  static let leavingDistance: Float = 0.10
  /// Things let go above this height fall hard.
  static let softHeight: Float = 0.10
  /// The height of a thing standing on the table.
  static let standing: Float = 0.03

  // The machines stand still from one episode to the next.
  let grinder = Vector3(0.29, 0.14, 0.12)
  let mat = Vector3(0.15, -0.02, 0)
  let head = Vector3(0, 0.18, 0.16)
  let tray = Vector3(0, 0.18, EspressoScene.standing)
  let button = Vector3(-0.15, 0.25, 0.16)
  let saucer = Vector3(-0.14, -0.06, EspressoScene.standing)
  /// Hidden: the share of the maximum speed above which a full thing spills.
  var spillSpeed: Float
  private(set) var portafilter: Vector3
  private(set) var cup: Vector3
  /// Where the cup stood when the machine was started.
  private var cupSpot = Vector3.zero
  private(set) var dose: Float = 0
  private(set) var tamp: Float = 0
  private(set) var press: Float = 0
  /// Whether the portafilter has been at the grinder and left it, and the same for the mat: there
  /// is no way back, so what was not done there shows as a failure soon.
  private(set) var isFilled = false
  private(set) var isTamped = false
  private(set) var fill: Float = 0
  private(set) var isLocked = false
  private(set) var isStarted = false
  private var portafilterHeld = false
  private(set) var cupHeld = false
  private var verdict: Ending?

  init(_ random: inout RandomSource) {
    func near(_ x: Float, _ y: Float, _ z: Float, _ spread: Float) -> Vector3 {
      Vector3(x + random.uniform(in: -spread..<spread), y + random.uniform(in: -spread..<spread), z)
    }
    portafilter = near(0.30, -0.12, Self.standing, 0.04)
    cup = near(-0.30, 0.10, Self.standing, 0.04)
    spillSpeed = random.uniform(in: 0.86..<0.94)
  }

  var homes: Pair<Vector3> { Pair(Vector3(-0.22, 0.02, 0.15), Vector3(0.22, 0.0, 0.15)) }

  var startSpread: Float { 0.10 }

  var cupIsBelowSpout: Bool {
    !cupHeld && cup.z <= Self.standing && (cup - tray).horizontalLength <= Self.spoutReach
  }
  var puckIsGood: Bool { dose >= Self.goodDose && tamp >= Self.goodTamp }

  var points: [Vector3] { [portafilter, cup, grinder, mat, head, tray, button, saucer] }

  var visibleStates: [Float] {
    [
      dose, isFilled ? 1 : 0, tamp, isTamped ? 1 : 0, puckIsGood ? 1 : 0,
      isLocked ? 1 : 0, cupIsBelowSpout ? 1 : 0, press, isStarted ? 1 : 0, fill,
      fill >= Self.goodFill ? 1 : 0,
    ]
  }

  var subtask: Int {
    if isStarted { return fill < Self.goodFill ? 6 : 7 }
    if isLocked { return cupIsBelowSpout ? 5 : 4 }
    if !portafilterHeld { return 0 }
    if isTamped { return 3 }
    return isFilled ? 2 : 1
  }

  var milestones: Int {
    var count = isStarted || cupIsBelowSpout ? 1 : 0
    if dose >= Self.goodDose { count += 1 }
    if tamp >= Self.goodTamp { count += 1 }
    if isLocked { count += 1 }
    if isStarted { count += 1 }
    if fill >= Self.goodFill { count += 1 }
    return count
  }

  /// There is no way back to the grinder, nor to the mat.
  var isLost: Bool {
    isFilled && dose < Self.goodDose || isTamped && tamp < Self.goodTamp
  }

  var handles: [Handle] {
    let cupHandle = Handle(id: Item.cup.rawValue, position: cup)
    return isLocked
      ? [cupHandle] : [Handle(id: Item.portafilter.rawValue, position: portafilter), cupHandle]
  }

  func canHold(_ handle: Int) -> Bool { handle == Item.cup.rawValue || !isLocked }

  mutating func grasp(_ handle: Int, by side: Side) {
    if handle == Item.cup.rawValue { cupHeld = true } else { portafilterHeld = true }
  }

  mutating func carry(
    _ handle: Int, to position: Vector3, speed: Float, _ random: inout RandomSource
  ) {
    // At full speed a full thing spills within about ten steps.
    let spills = speed > spillSpeed && random.chance(0.9 * (speed - spillSpeed))
    if handle == Item.cup.rawValue {
      cup = position
      if spills && fill > 0.3 { verdict = .failure("coffee spilled") }
    } else {
      portafilter = position
      if spills && isFilled && tamp < Self.goodTamp { dose = max(0.1, dose - 0.4) }
    }
  }

  func slipProbability(_ handle: Int, speed: Float) -> Float {
    speed > 0.95 ? 0.1 * (speed - 0.95) : 0
  }

  mutating func release(_ handle: Int, at position: Vector3) {
    if handle == Item.cup.rawValue {
      cupHeld = false
      if position.z > Self.softHeight {
        verdict = .failure("cup dropped")
        return
      }
      if fill >= Self.goodFill && (position - tray).horizontalLength > Self.spoutReach {
        let served = (position - saucer).horizontalLength <= Self.saucerReach
        verdict = served ? .success : .failure("cup beside the saucer")
      }
    } else {
      portafilterHeld = false
      if (position - head).length <= Self.headReach {
        portafilter = head
        isLocked = true
        if !puckIsGood { verdict = .failure("weak shot") }
      } else if dose > 0.2 {
        verdict = .failure("portafilter dropped")
      }
    }
  }

  mutating func advance(_ arms: Pair<Arm>, _ random: inout RandomSource) -> Ending? {
    if portafilterHeld {
      workOnCoffee()
    } else if !isLocked {
      Self.fall(&portafilter)
    }
    if !cupHeld { Self.fall(&cup) }
    if isStarted {
      if (cup - cupSpot).length <= Self.pouringReach {
        fill = min(1, fill + Self.pourRate)
      } else if fill < Self.goodFill {
        verdict = verdict ?? .failure("cup taken early")
      }
    } else {
      let presses = Side.allCases.contains { isPressing(arms[$0]) }
      press = presses ? min(1, press + Self.pressRate) : 0
      if press > 0.99 { start() }
    }
    return verdict
  }

  private mutating func workOnCoffee() {
    let toGrinder = (portafilter - grinder).length
    if !isFilled {
      if toGrinder <= Self.grinderReach { dose = min(1, dose + Self.grindRate) }
      isFilled = dose > 0 && toGrinder > Self.grinderReach + Self.leavingDistance
    } else if !isTamped {
      let isOverMat = (portafilter - mat).horizontalLength <= Self.matReach
      if isOverMat && portafilter.z <= Self.tampHeight {
        tamp = min(1, tamp + Self.tampRate)
        if dose < Self.goodDose { verdict = .failure("too little coffee") }
      }
      isTamped =
        tamp > 0 && (portafilter - mat).length > Self.tampHeight + Self.leavingDistance
    }
  }

  private func isPressing(_ arm: Arm) -> Bool {
    arm.holding == nil && (arm.position - button).length <= Self.buttonReach
  }

  private mutating func start() {
    isStarted = true
    cupSpot = cup
    if !isLocked {
      verdict = verdict ?? .failure("started without portafilter")
    } else if !cupIsBelowSpout {
      verdict = verdict ?? .failure("cup misplaced")
    }
  }

  private static func fall(_ thing: inout Vector3) {
    guard thing.z > standing else { return }
    thing.z = max(standing, thing.z - 0.06)
  }
}
