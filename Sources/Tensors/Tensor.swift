/// A dense row-major array of 32-bit floats: the form in which numbers leave and enter the engine.
/// Computation happens on a `Tape`.
public struct Tensor: Sendable, Equatable {
  /// The length of every axis, outermost first; empty for a scalar.
  public let shape: [Int]
  /// Row-major elements. Always as many as `shape` says.
  public var values: [Float] {
    didSet { precondition(values.count == oldValue.count, "a tensor's element count is fixed") }
  }

  /// - Precondition: `values.count` is the product of `shape`.
  public init(_ shape: [Int], _ values: [Float]) {
    let count = shape.reduce(1, *)
    precondition(
      count == values.count, "shape \(shape) holds \(count) elements, got \(values.count)")
    self.shape = shape
    self.values = values
  }

  public init(zeros shape: [Int]) {
    self.init(shape, Array(repeating: 0, count: shape.reduce(1, *)))
  }

  /// The number of elements.
  public var count: Int { values.count }
}
