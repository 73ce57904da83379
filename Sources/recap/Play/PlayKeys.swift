/// A key that a person has pressed.
enum PlayKey: Hashable, Sendable {
  case character(Character)
  case up, down, left, right, pageUp, pageDown, tab, escape
  /// Ctrl-C, or Ctrl-D: the person wants out.
  case interrupt
}

/// Turns what a terminal sends into keys. A key may be several bytes, and these may come in pieces.
struct KeyDecoder: Sendable {
  private var pending: [UInt8] = []

  /// - Parameter bytes: What has come since the last call; none where nothing has.
  /// - Returns: The keys that are complete.
  mutating func keys(_ bytes: [UInt8]) -> [PlayKey] {
    // An escape that nothing follows is the key of that name.
    if bytes.isEmpty, pending == [0x1B] {
      pending = []
      return [.escape]
    }
    pending += bytes
    var keys: [PlayKey] = []
    while let (key, length) = Self.first(of: pending) {
      if let key { keys.append(key) }
      pending.removeFirst(length)
    }
    return keys
  }

  /// The first key and its length; a nil key for bytes that mean none. nil while they are incomplete.
  private static func first(of bytes: [UInt8]) -> (PlayKey?, Int)? {
    guard let byte = bytes.first else { return nil }
    switch byte {
    case 0x03, 0x04: return (.interrupt, 1)
    case 0x09: return (.tab, 1)
    case 0x1B: return sequence(bytes)
    case 0x20..<0x7F: return (.character(Character(UnicodeScalar(byte))), 1)
    default: return (nil, 1)
    }
  }

  /// ESC [ … final or ESC O final.
  private static func sequence(_ bytes: [UInt8]) -> (PlayKey?, Int)? {
    guard bytes.count > 1 else { return nil }
    guard bytes[1] == UInt8(ascii: "[") || bytes[1] == UInt8(ascii: "O") else {
      return (.escape, 1)
    }
    guard let end = bytes[2...].firstIndex(where: { (0x40..<0x7F).contains($0) }) else {
      // No key has so many.
      return bytes.count > 16 ? (nil, bytes.count) : nil
    }
    let key: PlayKey? =
      switch (bytes[end], bytes[2..<end].first) {
      case (UInt8(ascii: "A"), _): .up
      case (UInt8(ascii: "B"), _): .down
      case (UInt8(ascii: "C"), _): .right
      case (UInt8(ascii: "D"), _): .left
      case (UInt8(ascii: "~"), UInt8(ascii: "5")): .pageUp
      case (UInt8(ascii: "~"), UInt8(ascii: "6")): .pageDown
      default: nil
      }
    return (key, end + 1)
  }
}

/// Keys as actions of the workcell's two arms, of which a person moves one at a time.
///
/// A terminal tells when a key is pressed and, again and again, that it is held, but not when it is let
/// go. So a press moves the arm for `holdSteps` control steps, and holding it moves on.
struct Teleoperation: Equatable, Sendable {
  /// What a key asks for besides motion.
  enum Wish: Hashable, Sendable {
    /// Take the controls over from the policy, or hand them back.
    case changeHands
    case pause
    case quit
  }

  /// Control steps that one press moves on, at 10 a second.
  static let holdSteps = 3

  /// The arm that the keys move: 0 is the left one.
  private(set) var arm = 0
  /// Whether each arm's gripper is to be closed.
  private(set) var isClosed = [false, false]
  /// By axis x, y, z: the direction, and for how many steps more.
  private var motion = [(direction: Float, steps: Int)](repeating: (0, 0), count: 3)

  /// Begins with the grippers as they are, so that taking over drops nothing.
  ///
  /// - Parameter apertures: Of the left and the right gripper, 0 closed … 1 open.
  mutating func begin(apertures: [Float]) {
    isClosed = apertures.map { $0 < 0.5 }
    motion = [(direction: Float, steps: Int)](repeating: (0, 0), count: 3)
  }

  /// Takes a key in.
  mutating func press(_ key: PlayKey) -> Wish? {
    switch key {
    case .left, .character("a"): move(0, -1)
    case .right, .character("d"): move(0, 1)
    case .up, .character("w"): move(1, 1)
    case .down, .character("s"): move(1, -1)
    case .pageUp, .character("r"): move(2, 1)
    case .pageDown, .character("f"): move(2, -1)
    case .tab: arm = 1 - arm
    case .character(" "): isClosed[arm].toggle()
    case .character("x"): motion = motion.map { _ in (0, 0) }
    case .character("t"): return .changeHands
    case .character("p"): return .pause
    case .character("q"), .escape, .interrupt: return .quit
    default: break
    }
    return nil
  }

  private mutating func move(_ axis: Int, _ direction: Float) {
    // The other way stops first: nobody wants to run into what they steer away from.
    let isOpposite = motion[axis].steps > 0 && motion[axis].direction != direction
    motion[axis] = isOpposite ? (0, 0) : (direction, Self.holdSteps)
  }

  /// The action of the next control step, in the workcell's order: per arm a velocity in x, y, z and the
  /// gripper command, in [−1, 1].
  mutating func nextAction() -> [Float] {
    var action = [Float](repeating: 0, count: 8)
    for axis in motion.indices where motion[axis].steps > 0 {
      action[4 * arm + axis] = motion[axis].direction
      motion[axis].steps -= 1
    }
    for arm in 0..<2 { action[4 * arm + 3] = isClosed[arm] ? 1 : -1 }
    return action
  }

  static func == (a: Self, b: Self) -> Bool {
    a.arm == b.arm && a.isClosed == b.isClosed
      && zip(a.motion, b.motion).allSatisfy { $0 == $1 }
  }
}
