import CKernels
import Glibc

/// The parameters of a network and their gradients, in one flat buffer each, so that an optimiser's
/// step is one pass over memory.
///
/// Not Sendable: one actor owns a store and everything that points into it. Unsafe memory, since
/// the kernels write into it while a tape reads it, which Swift's arrays would answer with copies.
public final class ParameterStore {
  struct Slot {
    var name: String
    var shape: [Int]
    var offset: Int
    var count: Int
    var decays: Bool
  }

  private(set) var slots: [Slot] = []
  private var indices: [String: Int] = [:]
  private let seed: UInt64
  private let isOutline: Bool
  private(set) var valueBuffer: UnsafeMutablePointer<Float>
  private(set) var gradientBuffer: UnsafeMutablePointer<Float>
  private var capacity: Int
  /// Grows whenever a value changes.
  private(set) var version = 0
  let packed = PackedWeights()
  /// Floats in use, with the padding that aligns each parameter.
  public private(set) var flatCount = 0

  /// - Parameters:
  ///   - seed: Of the first values. Each parameter draws from a stream of its own name, so its
  ///     values do not depend on what else there is.
  ///   - isOutline: Whether only names and shapes are wanted, for counting: nothing is kept in
  ///     memory, and nothing can be computed.
  public init(seed: UInt64, isOutline: Bool = false) {
    self.seed = seed
    self.isOutline = isOutline
    capacity = 1024
    valueBuffer = FloatMemory.allocate(capacity)
    gradientBuffer = FloatMemory.allocate(capacity)
  }

  deinit {
    valueBuffer.deallocate()
    gradientBuffer.deallocate()
  }

  /// Adds a parameter. Add all of them before a tape records anything.
  ///
  /// - Parameters:
  ///   - name: Unique in the store: its name in checkpoints.
  ///   - shape: A linear layer's weight is [inputs, outputs].
  ///   - decays: Whether weight decay applies: not for biases, norms and embeddings.
  public func add(
    _ name: String, _ shape: [Int], _ initial: Initializer, decays: Bool = true
  ) -> Parameter {
    precondition(indices[name] == nil, "parameter '\(name)' exists already")
    precondition(
      shape.allSatisfy { $0 > 0 }, "parameter '\(name)' cannot have the shape \(shape)")
    let count = shape.reduce(1, *)
    let offset = flatCount
    let end = offset + FloatMemory.aligned(count)
    if isOutline { flatCount = end } else { grow(to: end) }
    let slot = Slot(name: name, shape: shape, offset: offset, count: count, decays: decays)
    valuesChanged()
    indices[name] = slots.count
    slots.append(slot)
    if !isOutline { fill(slot, initial) }
    return Parameter(index: slots.count - 1)
  }

  private func fill(_ slot: Slot, _ initial: Initializer) {
    var random = RandomSource(seed: seed, stream: slot.name)
    let values = UnsafeMutableBufferPointer(start: valueBuffer + slot.offset, count: slot.count)
    func uniform(_ bound: Float) {
      for index in values.indices { values[index] = bound * (2 * random.uniform() - 1) }
    }
    switch initial {
    case .zeros: values.update(repeating: 0)
    case .ones: values.update(repeating: 1)
    case .constant(let value): values.update(repeating: value)
    case .normal(let deviation):
      for index in values.indices { values[index] = deviation * random.normal() }
    case .uniform(let bound): uniform(bound)
    case .fanIn: uniform((3 / Float(slot.shape.first ?? 1)).squareRoot())
    }
  }

  private func grow(to count: Int) {
    if count > capacity {
      let larger = max(count, 2 * capacity)
      for buffer in [\ParameterStore.valueBuffer, \.gradientBuffer] {
        let moved = FloatMemory.allocate(larger)
        moved.update(from: self[keyPath: buffer], count: flatCount)
        self[keyPath: buffer].deallocate()
        self[keyPath: buffer] = moved
      }
      capacity = larger
    }
    flatCount = count
  }

  // MARK: What there is

  /// Names in the order of adding.
  public var names: [String] { slots.map(\.name) }

  /// The number of trainable numbers.
  public var count: Int { slots.reduce(0) { $0 + $1.count } }

  /// The parameter of this name, or nil.
  public func parameter(named name: String) -> Parameter? {
    indices[name].map(Parameter.init(index:))
  }

  public func name(of parameter: Parameter) -> String { slots[parameter.index].name }
  public func shape(of parameter: Parameter) -> [Int] { slots[parameter.index].shape }

  /// - Precondition: a parameter of this name exists.
  public func shape(of name: String) -> [Int] {
    guard let index = indices[name] else { preconditionFailure("there is no parameter '\(name)'") }
    return slots[index].shape
  }

  public func values(of parameter: Parameter) -> [Float] {
    let slot = slots[parameter.index]
    return Array(UnsafeBufferPointer(start: valueBuffer + slot.offset, count: slot.count))
  }

  public func gradient(of parameter: Parameter) -> [Float] {
    let slot = slots[parameter.index]
    return Array(UnsafeBufferPointer(start: gradientBuffer + slot.offset, count: slot.count))
  }

  /// - Precondition: as many values as the parameter has.
  public func setValues(of parameter: Parameter, to values: [Float]) {
    let slot = slots[parameter.index]
    precondition(
      values.count == slot.count,
      "parameter '\(slot.name)' holds \(slot.count) values, got \(values.count)")
    valuesChanged()
    values.withUnsafeBufferPointer { source in
      (valueBuffer + slot.offset).update(from: source.baseAddress!, count: slot.count)
    }
  }

  /// Each parameter's range of the flat buffers, with the padding behind it, in the order of adding: together they are
  /// all of them.
  public var parameterRanges: [Range<Int>] {
    slots.map { $0.offset..<$0.offset + FloatMemory.aligned($0.count) }
  }

  /// The gradients of a range of the flat buffers, which whoever has it may change until a parameter is added.
  public func gradientMemory(_ range: Range<Int>) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: gradientBuffer + range.lowerBound, count: range.count)
  }

  public func zeroGradients() {
    gradientBuffer.update(repeating: 0, count: flatCount)
  }

  /// To be called by whatever writes into the values; `stepAdamW` in ranges leaves it to its caller,
  /// since only one thread may.
  public func valuesChanged() { version += 1 }

  func valuePointer(_ parameter: Parameter) -> UnsafeMutablePointer<Float> {
    valueBuffer + slots[parameter.index].offset
  }

  func gradientPointer(_ parameter: Parameter) -> UnsafeMutablePointer<Float> {
    gradientBuffer + slots[parameter.index].offset
  }
}

/// Aligned float memory for kernels.
enum FloatMemory {
  /// Floats in a cache line.
  static let line = 16
  private static let largePage = 2 << 20

  static func aligned(_ count: Int) -> Int { (count + line - 1) / line * line }

  /// Zeroed memory that starts on a cache line.
  static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let bytes = aligned(max(count, 1)) * MemoryLayout<Float>.size
    // Kernels stride through much memory: where it is large, ask for large pages.
    let isLarge = bytes >= largePage
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: bytes, alignment: isLarge ? largePage : 64)
    if isLarge { madvise(memory, bytes / largePage * largePage, MADV_HUGEPAGE) }
    let floats = memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.size)
    floats.initialize(repeating: 0, count: bytes / MemoryLayout<Float>.size)
    return floats
  }
}
