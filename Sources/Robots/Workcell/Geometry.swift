/// A point or a displacement over the table, in metres: x to the right, y away from the person, z
/// up from the table top.
public struct Vector3: Hashable, Sendable {
  /// Metres to the right.
  public var x: Float
  /// Metres away from the person.
  public var y: Float
  /// Metres above the table top.
  public var z: Float

  /// Makes a vector of three components in metres.
  public init(_ x: Float, _ y: Float, _ z: Float) {
    self.x = x
    self.y = y
    self.z = z
  }

  static let zero = Vector3(0, 0, 0)

  static func + (a: Vector3, b: Vector3) -> Vector3 { Vector3(a.x + b.x, a.y + b.y, a.z + b.z) }
  static func - (a: Vector3, b: Vector3) -> Vector3 { Vector3(a.x - b.x, a.y - b.y, a.z - b.z) }
  static func * (a: Vector3, k: Float) -> Vector3 { Vector3(a.x * k, a.y * k, a.z * k) }

  var length: Float { (x * x + y * y + z * z).squareRoot() }
  /// The length of its shadow on the table.
  var horizontalLength: Float { (x * x + y * y).squareRoot() }

  /// The same direction, no longer than `limit`.
  func limited(to limit: Float) -> Vector3 {
    let length = length
    return length > limit ? self * (limit / length) : self
  }
}

/// One of the two arms.
public enum Side: Int, Sendable, CaseIterable {
  case left, right
}

/// One value for each arm.
struct Pair<Value: Sendable>: Sendable {
  var left: Value
  var right: Value

  init(_ left: Value, _ right: Value) {
    self.left = left
    self.right = right
  }

  subscript(side: Side) -> Value {
    get { side == .left ? left : right }
    set { if side == .left { left = newValue } else { right = newValue } }
  }
}

extension Pair: Equatable where Value: Equatable {}

extension Float {
  func clamped(_ low: Float, _ high: Float) -> Float { Swift.min(Swift.max(self, low), high) }
}
