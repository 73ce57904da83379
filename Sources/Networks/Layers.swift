import Tensors

/// y = x W + b
public struct Linear: Sendable {
  public let weight: Parameter
  public let bias: Parameter?

  /// Adds `<name>.weight` [inputs, outputs] and, unless `bias` is false, `<name>.bias` [outputs],
  /// which starts at zero and does not decay.
  public init(
    _ store: ParameterStore, _ name: String, inputs: Int, outputs: Int, bias: Bool = true,
    initial: Initializer = .fanIn
  ) {
    weight = store.add("\(name).weight", [inputs, outputs], initial)
    self.bias = bias ? store.add("\(name).bias", [outputs], .zeros, decays: false) : nil
  }

  /// [..., inputs] → [..., outputs], or only the outputs in `columns`.
  public func callAsFunction(
    _ tape: Tape, _ x: Variable, columns: Range<Int>? = nil
  ) -> Variable {
    tape.linear(x, weight: weight, bias: bias, columns: columns)
  }
}

/// x / rms(x) ∘ weight (Zhang and Sennrich 2019)
public struct RMSNorm: Sendable {
  public let weight: Parameter

  /// Adds `<name>.weight` [width], which starts at one and does not decay.
  public init(_ store: ParameterStore, _ name: String, width: Int) {
    weight = store.add("\(name).weight", [width], .ones, decays: false)
  }

  /// [..., width] → the same shape
  public func callAsFunction(_ tape: Tape, _ x: Variable) -> Variable {
    tape.rmsNorm(x, weight: weight)
  }
}

/// (gelu(x W_g) ∘ x W_u) W_d (Shazeer 2020). Gate and up share one matrix, and so one product.
public struct GatedMLP: Sendable {
  public let gateAndUp: Linear
  public let down: Linear

  /// Adds `<name>.gate_up.weight` [width, 2 · feedForward] and `<name>.down.weight` [feedForward,
  /// width].
  public init(_ store: ParameterStore, _ name: String, width: Int, feedForward: Int) {
    gateAndUp = Linear(
      store, "\(name).gate_up", inputs: width, outputs: 2 * feedForward, bias: false)
    down = Linear(store, "\(name).down", inputs: feedForward, outputs: width, bias: false)
  }

  /// [..., width] → the same shape
  public func callAsFunction(_ tape: Tape, _ x: Variable) -> Variable {
    down(tape, tape.gatedGELU(gateAndUp(tape, x)))
  }
}
