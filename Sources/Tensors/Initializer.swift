/// How a parameter's first values are drawn.
public enum Initializer: Hashable, Sendable {
  case zeros
  case ones
  case constant(Float)
  /// Normal with this standard deviation.
  case normal(Float)
  /// Uniform in ±bound.
  case uniform(Float)
  /// Uniform in ±√(3 / n) for a weight of n inputs (its first axis): outputs keep the inputs'
  /// variance.
  case fanIn
}

/// A parameter of one `ParameterStore`.
public struct Parameter: Hashable, Sendable {
  let index: Int
}
