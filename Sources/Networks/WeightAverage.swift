import Tensors

/// An exponential moving average of a store's parameters: what is evaluated and shipped, while the
/// optimiser goes on from the parameters themselves.
public final class WeightAverage {
  private let store: ParameterStore
  private let average: ParameterVector
  /// The share of the average that one update keeps, in [0, 1).
  public let decay: Float
  /// Updates made.
  public private(set) var updates = 0
  /// Whether the store holds the average at present.
  public private(set) var isSwappedIn = false

  /// Starts from the parameters' present values.
  public init(_ store: ParameterStore, decay: Float) {
    precondition((0..<1).contains(decay), "expected a decay in [0, 1), got \(decay)")
    self.store = store
    self.decay = decay
    average = ParameterVector(valuesOf: store)
  }

  /// average ← d · average + (1 − d) · parameters, with d = min(decay, (1 + n) / (10 + n)) after n
  /// updates, so that a short training is not held back by its first values.
  public func update() {
    precondition(!isSwappedIn, "the store holds the average itself: swap it out first")
    average.blend(decay: min(decay, Float(1 + updates) / Float(10 + updates)))
    updates += 1
  }

  /// Exchanges the average and the store's parameters; a second call undoes it.
  public func swap() {
    average.swapWithValues()
    isSwappedIn.toggle()
  }

  /// Adds `average.updates` [1] and `average.<name>` for each parameter.
  ///
  /// - Precondition: the average is not swapped in.
  public func store(into file: inout SafetensorsFile) {
    precondition(!isSwappedIn, "the store holds the average itself: swap it out first")
    file.add("average.updates", shape: [1], int32s: [Int32(updates)])
    average.store(into: &file, prefix: "average.")
  }

  /// Continues exactly where `store(into:)` was called.
  ///
  /// - Throws: `SafetensorsError` that names what is missing or misshapen.
  public func load(_ file: SafetensorsFile) throws {
    precondition(!isSwappedIn, "the store holds the average itself: swap it out first")
    let saved = try file.int32s("average.updates", shape: [1])[0]
    guard saved >= 0 else {
      throw SafetensorsError.malformedTensor(
        name: "average.updates", reason: "expected a number of updates, got \(saved)")
    }
    try average.load(file, prefix: "average.")
    updates = Int(saved)
  }
}
