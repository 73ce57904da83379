import CKernels
import Foundation

/// What an optimiser does with all parameters at once. The flat buffers can be worked on in ranges,
/// which threads may share out among them: see `flatRanges`.
extension ParameterStore {
  /// The flat buffers cut into `count` ranges of about one length that begin on cache lines.
  public func flatRanges(_ count: Int) -> [Range<Int>] {
    let lines = flatCount / FloatMemory.line
    func bound(_ index: Int) -> Int { lines * index / count * FloatMemory.line }
    return (0..<count).map { bound($0)..<bound($0 + 1) }
  }

  /// √Σ g² over all gradients.
  public func gradientNorm() -> Float {
    Float(sumOfSquaredGradients(in: 0..<flatCount).squareRoot())
  }

  /// Σ g² over a range of the flat gradients.
  public func sumOfSquaredGradients(in range: Range<Int>) -> Double {
    recap_sum_of_squares(gradientBuffer + range.lowerBound, range.count)
  }

  /// Adds other gradients to the store's own, in their order, within a range of the flat buffers.
  public func addGradients(_ others: [ParameterVector], in range: Range<Int>) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.block) {
      let count = min(Self.block, range.upperBound - start)
      for other in others {
        recap_add(gradientBuffer + start, gradientBuffer + start, other.checked() + start, count)
      }
    }
  }

  /// Floats of a flat buffer that stay in the first-level cache.
  private static var block: Int { 2048 }

  /// One step of AdamW on every parameter, in one pass over memory (Loshchilov and Hutter 2019):
  ///
  ///     g ← gradientScale · g,  m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²
  ///     θ ← (1 − η λ) θ − η m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
  ///
  /// - Parameters:
  ///   - step: t, from 1.
  ///   - weightDecay: λ; 0 for parameters that do not decay.
  ///   - range: Only this range of the flat buffers; nil for all. Threads may take ranges at once;
  ///     call `valuesChanged` when all are done.
  public func stepAdamW(
    means: ParameterVector, squares: ParameterVector, step: Int, learningRate: Float, beta1: Float,
    beta2: Float, epsilon: Float, weightDecay: Float, gradientScale: Float, range: Range<Int>? = nil
  ) {
    func correction(_ beta: Float) -> Float { Float(1 / (1 - pow(Double(beta), Double(step)))) }
    var settings = RecapAdamW(
      learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: 0,
      correction1: correction(beta1), correction2: correction(beta2), gradientScale: gradientScale)
    if range == nil { valuesChanged() }
    let (m, v) = (means.checked(), squares.checked())
    for run in decayRuns {
      let part = run.range.clamped(to: range ?? 0..<flatCount)
      guard !part.isEmpty else { continue }
      settings.weightDecay = run.decays ? weightDecay : 0
      let start = part.lowerBound
      recap_adamw(
        &settings, valueBuffer + start, gradientBuffer + start, m + start, v + start, part.count)
    }
  }

  /// Neighbouring parameters that decay alike, as one range of the flat buffers.
  private var decayRuns: [(range: Range<Int>, decays: Bool)] {
    var runs: [(range: Range<Int>, decays: Bool)] = []
    for slot in slots {
      let end = slot.offset + FloatMemory.aligned(slot.count)
      if let last = runs.last, last.decays == slot.decays {
        runs[runs.count - 1].range = last.range.lowerBound..<end
      } else {
        runs.append((slot.offset..<end, slot.decays))
      }
    }
    return runs
  }
}
