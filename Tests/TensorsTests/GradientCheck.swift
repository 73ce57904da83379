import Testing

@testable import Tensors

/// Compares the tape's gradients with central finite differences.
///
/// The loss is Σ c ∘ f for fixed random c, so that every output matters and differently. In float32
/// a central difference of step h is off by about 10⁻⁷·|loss| / h + h²: `step` 10⁻² leaves about
/// 10⁻⁴ of either.
struct GradientCheck {
  let store = ParameterStore(seed: 11)
  let tape: Tape

  init() { tape = Tape(store) }

  /// A parameter that stands for an input of the operation under test.
  func input(_ name: String, _ shape: [Int], _ initial: Initializer = .normal(1)) -> Parameter {
    store.add(name, shape, initial)
  }

  func run(
    step: Float = 1e-2, tolerance: Float = 2e-3, sourceLocation: SourceLocation = #_sourceLocation,
    _ output: (Tape) -> Variable
  ) {
    var coefficients: [Float] = []
    func loss(recording: Bool) -> Variable {
      tape.reset(recording: recording)
      let y = output(tape)
      let shape = tape.shape(y)
      if coefficients.isEmpty {
        var random = RandomSource(seed: 3)
        coefficients = random.normals(shape.reduce(1, *))
      }
      return tape.sum(tape.multiply(y, tape.constant(shape, coefficients)))
    }
    store.zeroGradients()
    tape.backward(from: loss(recording: true))
    for name in store.names {
      let parameter = store.parameter(named: name)!
      let gradient = store.gradient(of: parameter)
      let values = store.values(of: parameter)
      let size = max(1, gradient.map(abs).max() ?? 0)
      for index in values.indices {
        func shifted(_ difference: Float) -> Float {
          var moved = values
          moved[index] += difference
          store.setValues(of: parameter, to: moved)
          return tape.scalar(loss(recording: false))
        }
        let expected = (shifted(step) - shifted(-step)) / (2 * step)
        #expect(
          abs(gradient[index] - expected) <= tolerance * size,
          "\(name)[\(index)]: expected \(expected), got \(gradient[index])",
          sourceLocation: sourceLocation)
      }
      store.setValues(of: parameter, to: values)
    }
  }
}
