import Episodes

/// Making an espresso: take the portafilter, fill it under the grinder, tamp, lock it in, put a cup below,
/// start, wait for the pour and serve. Each stage fails in its own way; all that decides is visible.
struct EspressoTask: WorkcellTask {
  var description: TaskDescription {
    TaskDescription(
      name: "espresso",
      instruction: "make an espresso and serve it",
      maximumSteps: 250,
      subtasks: [
        "take the portafilter", "fill it with ground coffee", "tamp the coffee",
        "lock the portafilter in", "put the cup on the tray", "start the machine",
        "wait for the pour", "serve the cup",
      ])
  }

  var mistakes: [Mistake] {
    [
      Mistake(kind: .haste, probability: 0.4),
      Mistake(kind: .leaveGrinderEarly, probability: 0.10),
      Mistake(kind: .tampLightly, probability: 0.12),
      Mistake(kind: .misplaceCup, probability: 0.08),
      Mistake(kind: .takeCupEarly, probability: 0.08),
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
}

/// An espresso machine, a grinder, a tamping mat, a portafilter and a cup.
struct EspressoScene: WorkcellScene {
  enum Item: Int, Sendable { case portafilter, cup }

  /// A shot needs at least this share of a full dose …
  static let goodDose: Float = 0.8
  /// … pressed at least this far …
  static let goodTamp: Float = 0.7
  /// … and fills the cup at least this far.
  static let goodFill: Float = 0.75
  /// The height above the mat below which the coffee is pressed, in metres.
  static let tampHeight: Float = 0.05
  /// Gains of dose, tamp, press of the button and fill in one step.
  static let pressRate: Float = 1 / 3
  static let tampRate: Float = 0.2
  static let grindRate: Float = 0.16
  static let pourRate: Float = 1 / 8
  /// The largest distances, in metres, at which the grinder, the mat, the head, the spout, the button and
  /// the saucer work.
  static let grinderReach: Float = 0.08
  static let matReach: Float = 0.08
  static let headReach: Float = 0.12
  static let spoutReach: Float = 0.07
  static let buttonReach: Float = 0.09
  static let saucerReach: Float = 0.10
  /// Things let go above this height fall hard.
  static let softHeight: Float = 0.10
  /// The height of a thing standing on the table.
  static let standing: Float = 0.03

  let grinder: Vector3
  let mat: Vector3
  let head: Vector3
  let tray: Vector3
  let button: Vector3
  let saucer: Vector3
  /// Hidden: the share of the maximum speed above which a full thing spills.
  var spillSpeed: Float
  private(set) var portafilter: Vector3
  private(set) var cup: Vector3
  private(set) var dose: Float = 0
  private(set) var tamp: Float = 0
  private(set) var press: Float = 0
  private(set) var fill: Float = 0
  private(set) var isLocked = false
  private(set) var isStarted = false
  private var portafilterHeld = false
  private(set) var cupHeld = false
  private var verdict: Ending?

  init(_ random: inout RandomSource) {
    func near(_ x: Float, _ y: Float, _ z: Float, _ spread: Float) -> Vector3 {
      Vector3(x + random.uniform(-spread, spread), y + random.uniform(-spread, spread), z)
    }
    grinder = near(0.34, 0.16, 0.12, 0.02)
    mat = near(0.20, -0.02, 0, 0.02)
    head = near(0, 0.18, 0.16, 0.02)
    tray = Vector3(head.x, head.y, Self.standing)
    button = head + Vector3(-0.18, 0.05, 0)
    saucer = near(-0.16, -0.08, Self.standing, 0.03)
    portafilter = near(0.34, -0.14, Self.standing, 0.04)
    cup = near(-0.34, 0.14, Self.standing, 0.04)
    spillSpeed = random.uniform(0.80, 0.88)
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
      dose, dose >= Self.goodDose ? 1 : 0, tamp, tamp >= Self.goodTamp ? 1 : 0,
      isLocked ? 1 : 0, cupIsBelowSpout ? 1 : 0, press, isStarted ? 1 : 0, fill,
      fill >= Self.goodFill ? 1 : 0,
    ]
  }

  var subtask: Int {
    if isStarted { return fill < Self.goodFill ? 6 : 7 }
    if isLocked { return cupIsBelowSpout ? 5 : 4 }
    if !portafilterHeld { return 0 }
    if tamp >= Self.goodTamp { return 3 }
    return dose >= Self.goodDose ? 2 : 1
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
    let spills = speed > spillSpeed && random.chance(0.6 * (speed - spillSpeed))
    if handle == Item.cup.rawValue {
      cup = position
      if spills && fill > 0.3 { verdict = .failure("coffee spilled") }
    } else {
      portafilter = position
      if spills && dose > 0.3 && tamp < Self.goodTamp {
        dose = max(0, dose - 0.4)
        tamp = 0
      }
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
      let served =
        fill >= Self.goodFill && (position - saucer).horizontalLength <= Self.saucerReach
      if served { verdict = .success }
    } else {
      portafilterHeld = false
      if (position - head).length <= Self.headReach {
        portafilter = head
        isLocked = true
      } else if dose > 0.2 {
        verdict = .failure("portafilter dropped")
      }
    }
  }

  mutating func advance(_ arms: Pair<Arm>, _ random: inout RandomSource) -> Ending? {
    if portafilterHeld {
      if (portafilter - grinder).length <= Self.grinderReach && dose < 1 {
        dose = min(1, dose + Self.grindRate)
        tamp = 0  // fresh grounds lie loose
      }
      if dose > 0.3 && (portafilter - mat).horizontalLength <= Self.matReach {
        if portafilter.z <= Self.tampHeight { tamp = min(1, tamp + Self.tampRate) }
      }
    } else if !isLocked {
      Self.fall(&portafilter)
    }
    if !cupHeld { Self.fall(&cup) }
    if isStarted {
      if (cup - tray).horizontalLength <= Self.spoutReach {
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

  private func isPressing(_ arm: Arm) -> Bool {
    arm.holding == nil && (arm.position - button).length <= Self.buttonReach
  }

  private mutating func start() {
    isStarted = true
    if !isLocked {
      verdict = verdict ?? .failure("started without portafilter")
    } else if !puckIsGood {
      verdict = verdict ?? .failure("weak shot")
    } else if !cupIsBelowSpout {
      verdict = verdict ?? .failure("cup misplaced")
    }
  }

  private static func fall(_ thing: inout Vector3) {
    guard thing.z > standing else { return }
    thing.z = max(standing, thing.z - 0.06)
  }
}

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
      let enough: Float = mistakes.contains(.takeCupEarly) ? 0.35 : Self.goodFill
      if holdsCup {
        return fill >= enough
          ? .place(saucer, limit: Self.safeFullSpeed) : .carry(tray, limit: Self.safeFullSpeed)
      }
      return fill >= enough ? .grasp(cup) : .hover(cup + Vector3(-0.05, -0.03, 0.02))
    }
    if !isLocked && !holdsCup { return .hover(homes.left) }
    let careless = mistakes.contains(.misplaceCup)
    let spot = careless ? tray + Vector3(-0.08, -0.07, 0) : tray
    if holdsCup { return .place(spot, limit: Self.safeSpeed) }
    let distance = (cup - spot).horizontalLength
    let reach = careless ? Self.spoutReach : Self.spoutReach - 0.005
    return !cupHeld && distance <= reach ? .hover(button) : .grasp(cup)
  }

  private func rightIntent(_ arm: Arm, _ mistakes: MistakeSet) -> Intent {
    if arm.holding == Item.cup.rawValue { return .letGo }
    if isLocked { return .hover(homes.right) }
    guard arm.holding != nil else { return .grasp(portafilter) }
    // Once pressed, a dose that is just good is left alone.
    let enough: Float =
      mistakes.contains(.leaveGrinderEarly) ? 0.4 : tamp < 0.1 ? 0.9 : Self.goodDose
    if dose < enough {
      return .carry(grinder, limit: dose > 0.3 ? Self.safeFullSpeed : Self.safeSpeed)
    }
    let light = mistakes.contains(.tampLightly)
    let deep: Float = light ? 0.3 : 0.9
    let limit = tamp < Self.goodTamp ? Self.safeFullSpeed : Self.safeSpeed
    if tamp < deep {
      return .carry(mat, limit: limit)
    }
    return .place(head, limit: limit)
  }

  func trouble(_ arms: Pair<Arm>) -> Trouble? {
    for side in Side.allCases {
      let arm = arms[side]
      switch arm.holding {
      case Item.portafilter.rawValue:
        if dose > 0.3 && tamp < Self.goodTamp && arm.velocity.length > 0.82 { return .careless }
        // About to lock in what cannot give a good shot.
        if !puckIsGood && (portafilter - head).length < 0.15 { return .wrong }
      case Item.cup.rawValue:
        if isStarted && fill < Self.goodFill && (cup - tray).length > 0.025 { return .wrong }
        if fill > 0.3 && arm.velocity.length > 0.82 { return .careless }
      default:
        let ready = isLocked && puckIsGood && cupIsBelowSpout
        if !isStarted && !ready && (arm.position - button).length < 0.11 { return .wrong }
      }
    }
    return nil
  }
}
