import Foundation

/// What made a node of a tape: the inputs' node indices and whatever the forward pass kept for the
/// backward pass.
enum Operation {
  /// Nothing to go back to: a constant, or a node that needs no gradient.
  case leaf
  case parameter(Parameter)
  /// Times the columns of the weight from `firstColumn` on, as many as the result has.
  case linear(Int, weight: Parameter, bias: Parameter?, firstColumn: Int)
  case add(Int, Int)
  /// `x` [samples, rows, width] plus `s` [samples, width].
  case addPerSample(Int, Int, samples: Int)
  case multiply(Int, Int)
  case scale(Int, Float)
  case activation(Int, Activation)
  case rmsNorm(Int, weight: Parameter, inverse: UnsafeMutablePointer<Float>)
  case adaptiveNorm(Int, scale: Int, shift: Int, inverse: UnsafeMutablePointer<Float>)
  case gate(Int, Int)
  case embedding(Parameter, ids: [Int32])
  case rotary(Int, RotaryTable, heads: Int)
  case attention(AttentionRecord)
  case concatenate([Variable])
  case slice(Int, start: Int)
  case columns(Int, start: Int)
  /// The same numbers in another shape.
  case reshape(Int)
  case softmax(Int)
  /// A loss whose gradient for `x` is already known up to the factor that arrives.
  case knownGradient(Int, UnsafeMutablePointer<Float>)
  case squaredError(Int, Int, weights: UnsafeMutablePointer<Float>?, total: Float)
  case sum(Int)
  case weightedSum([(variable: Variable, weight: Float)])
}

extension Operation {
  /// The parameters that its backward pass adds gradients to.
  var parameters: [Parameter] {
    switch self {
    case .parameter(let parameter): [parameter]
    case .linear(_, let weight, let bias, _): bias.map { [weight, $0] } ?? [weight]
    case .rmsNorm(_, let weight, _): [weight]
    case .embedding(let table, _): [table]
    case .leaf, .add, .addPerSample, .multiply, .scale, .activation, .adaptiveNorm, .gate, .rotary,
      .attention, .concatenate, .slice, .columns, .reshape, .softmax, .knownGradient,
      .squaredError, .sum, .weightedSum:
      []
    }
  }
}

enum Activation {
  case gelu, silu, tanh, gatedGELU
}

struct AttentionRecord {
  var query: Int
  var key: Int
  var value: Int
  var heads: Int
  var keyValueHeads: Int
  var mask: AttentionMask?
  var probabilities: UnsafeMutablePointer<Float>?
}

/// cos and sin of position × base^(−2i / headWidth), [positions, headWidth / 2] each.
final class RotaryTable {
  let positions: [Int32]
  let headWidth: Int
  let base: Float
  let cosine: [Float]
  let sine: [Float]

  init(positions: [Int32], headWidth: Int, base: Float) {
    self.positions = positions
    self.headWidth = headWidth
    self.base = base
    let half = headWidth / 2
    // Angles in double: far positions times a frequency lose digits in float.
    let angles = positions.flatMap { position in
      (0..<half).map { pair in
        Double(position) * pow(Double(base), -2 * Double(pair) / Double(headWidth))
      }
    }
    cosine = angles.map { Float(cos($0)) }
    sine = angles.map { Float(sin($0)) }
  }
}
