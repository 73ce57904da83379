import CKernels

/// One number for each number of a `ParameterStore`, in the same order: an optimiser's moments, an
/// average of weights. Unsafe memory for the reason that `ParameterStore` gives.
public final class ParameterVector {
  private let memory: UnsafeMutablePointer<Float>
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

  public func setToZero() { checked().update(repeating: 0, count: count) }

  /// self = decay · self + (1 − decay) · the parameters' values
  public func blend(decay: Float) {
    recap_blend(checked(), store.valueBuffer, decay, count)
  }

  /// Exchanges these numbers and the parameters' values.
  public func swapWithValues() {
    let mine = checked()
    store.valuesChanged()
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
  func checked() -> UnsafeMutablePointer<Float> {
    precondition(
      store.flatCount == count, "parameters were added after this vector was made for the others")
    return memory
  }
}
