import CKernels
import Foundation

/// One number for each number of a `ParameterStore`, in the same order: an optimiser's moments, an
/// average of weights. Unsafe memory for the reason that `ParameterStore` gives.
public final class ParameterVector {
  fileprivate let memory: UnsafeMutablePointer<Float>
  private let store: ParameterStore
  private let count: Int

  /// Zeros for the parameters that `store` has now.
  public init(zerosFor store: ParameterStore) {
    self.store = store
    count = store.flatCount
    memory = FloatMemory.allocate(count)
  }

  /// A copy of the parameters' values.
  public convenience init(valuesOf store: ParameterStore) {
    self.init(zerosFor: store)
    memory.update(from: store.valueBuffer, count: count)
  }

  deinit { memory.deallocate() }

  /// self = decay · self + (1 − decay) · the parameters' values
  public func blend(decay: Float) {
    recap_blend(checked(), store.valueBuffer, decay, count)
  }

  /// Exchanges these numbers and the parameters' values.
  public func swapWithValues() {
    let mine = checked()
    for index in 0..<count {
      (mine[index], store.valueBuffer[index]) = (store.valueBuffer[index], mine[index])
    }
  }

  /// Adds tensors named prefix + parameter name.
  public func store(into file: inout SafetensorsFile, prefix: String) {
    for slot in store.slots {
      let values = UnsafeBufferPointer(start: checked() + slot.offset, count: slot.count)
      file.add(prefix + slot.name, shape: slot.shape, floats: Array(values))
    }
  }

  /// Reads what `store(into:prefix:)` wrote. Nothing changes unless all of it is there.
  ///
  /// - Throws: `SafetensorsError` that names the first tensor that is missing, misshapen or not
  ///   F32.
  public func load(_ file: SafetensorsFile, prefix: String) throws {
    let loaded = try store.slots.map { try file.floats(prefix + $0.name, shape: $0.shape) }
    for (slot, values) in zip(store.slots, loaded) {
      values.withUnsafeBufferPointer {
        (checked() + slot.offset).update(from: $0.baseAddress!, count: slot.count)
      }
    }
  }

  /// The memory, after a check that the store has not grown.
  fileprivate func checked() -> UnsafeMutablePointer<Float> {
    precondition(
      store.flatCount == count, "parameters were added after this vector was made for the others")
    return memory
  }
}

extension ParameterStore {
  /// √Σ g² over all gradients.
  public func gradientNorm() -> Float {
    Float(recap_sum_of_squares(gradientBuffer, flatCount).squareRoot())
  }

  /// One step of AdamW on every parameter, in one pass over memory (Loshchilov and Hutter 2019):
  ///
  ///     g ← gradientScale · g,  m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²
  ///     θ ← (1 − η λ) θ − η m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
  ///
  /// - Parameters:
  ///   - step: t, from 1.
  ///   - weightDecay: λ; 0 for parameters that do not decay.
  public func stepAdamW(
    means: ParameterVector, squares: ParameterVector, step: Int, learningRate: Float, beta1: Float,
    beta2: Float, epsilon: Float, weightDecay: Float, gradientScale: Float
  ) {
    func correction(_ beta: Float) -> Float { Float(1 / (1 - pow(Double(beta), Double(step)))) }
    var settings = RecapAdamW(
      learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: 0,
      correction1: correction(beta1), correction2: correction(beta2), gradientScale: gradientScale)
    let (m, v) = (means.checked(), squares.checked())
    for run in decayRuns {
      settings.weightDecay = run.decays ? weightDecay : 0
      let start = run.range.lowerBound
      recap_adamw(
        &settings, valueBuffer + start, gradientBuffer + start, m + start, v + start,
        run.range.count)
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
