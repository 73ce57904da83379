import Tensors

/// AdamW with clipping by the global norm of the gradient (Loshchilov and Hutter 2019).
public final class AdamW {
  private let store: ParameterStore
  private let beta1: Float
  private let beta2: Float
  private let epsilon: Float
  private let means: ParameterVector
  private let squares: ParameterVector
  /// Steps taken.
  public private(set) var steps = 0

  /// For the parameters that `store` has now.
  public init(
    _ store: ParameterStore, beta1: Float = 0.9, beta2: Float = 0.95, epsilon: Float = 1e-8
  ) {
    self.store = store
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    means = ParameterVector(zerosFor: store)
    squares = ParameterVector(zerosFor: store)
  }

  /// Takes one step along the store's gradients and leaves them as they are.
  ///
  /// - Parameters:
  ///   - weightDecay: Applies to parameters that were added with `decays: true`, and is not part of
  ///     the gradient.
  ///   - clip: The longest gradient that is followed in full; nil never shortens it.
  ///   - workers: Threads to share the work out to; they have the same store.
  /// - Returns: The gradient's norm before clipping. When it is not finite no step was taken: the
  ///   parameters and the optimiser's state are unchanged.
  @discardableResult
  public func step(
    learningRate: Float, weightDecay: Float = 0, clip: Float? = nil, workers: DataParallel? = nil
  ) -> Float {
    precondition(
      workers == nil || workers?.parameters === store, "the workers have another store")
    let norm = workers?.gradientNorm() ?? store.gradientNorm()
    guard norm.isFinite else { return norm }
    steps += 1
    let step = Step(
      means: means, squares: squares, number: steps, learningRate: learningRate, beta1: beta1,
      beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
      gradientScale: clip.map { norm > $0 ? $0 / norm : 1 } ?? 1)
    if let workers {
      _ = workers.overRanges { step.take($0, range: $1) }
      store.valuesChanged()
    } else {
      step.take(store, range: nil)
    }
    return norm
  }

  /// `@unchecked Sendable`: threads step in ranges that do not overlap.
  private struct Step: @unchecked Sendable {
    let means: ParameterVector
    let squares: ParameterVector
    let number: Int
    let learningRate: Float
    let beta1: Float
    let beta2: Float
    let epsilon: Float
    let weightDecay: Float
    let gradientScale: Float

    func take(_ store: ParameterStore, range: Range<Int>?) {
      store.stepAdamW(
        means: means, squares: squares, step: number, learningRate: learningRate, beta1: beta1,
        beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, gradientScale: gradientScale,
        range: range)
    }
  }

  // MARK: Saving

  /// Adds `optimizer.steps` [1] and, for each parameter, `optimizer.mean.<name>` and
  /// `optimizer.square.<name>`.
  public func store(into file: inout SafetensorsFile) {
    file.add("optimizer.steps", shape: [1], int32s: [Int32(steps)])
    means.store(into: &file, prefix: "optimizer.mean.")
    squares.store(into: &file, prefix: "optimizer.square.")
  }

  /// Continues exactly where `store(into:)` was called.
  ///
  /// - Throws: `SafetensorsError` that names what is missing or misshapen.
  public func load(_ file: SafetensorsFile) throws {
    let saved = try file.int32s("optimizer.steps", shape: [1])[0]
    guard saved >= 0 else {
      throw SafetensorsError.malformedTensor(
        name: "optimizer.steps", reason: "expected a number of steps, got \(saved)")
    }
    try means.load(file, prefix: "optimizer.mean.")
    try squares.load(file, prefix: "optimizer.square.")
    steps = Int(saved)
  }
}
