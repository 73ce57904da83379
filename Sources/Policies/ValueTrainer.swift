import Collectives
import Episodes
import RecapAlgorithm
import Tensors

/// Fits a value function to a dataset's Monte Carlo returns (paper, Equation 1): cross-entropy
/// against the bin of the normalised return. With co-training, each step has its share of image–text
/// pairs, and the weighted loss of their captions is added.
public final class ValueTrainer {
  private let value: ValueFunction
  private let examples: TrainingExamples
  private let columns: ObservationColumns
  /// nil without co-training.
  private let captions: CaptionInputs?
  /// The normalised return of each frame, [frames], in [−1, 0].
  private let returns: [Float]
  /// Episodes that are not trained on; nil where there are none.
  private let heldOut: HeldOutFrames?
  private let settings: TrainingSettings
  private let optimization: Optimization
  private var random: RandomSource

  /// - Parameters:
  ///   - value: Trained in place.
  ///   - episodes: At least one, of its embodiment and tasks.
  ///   - heldOut: Episodes to measure on; empty for none.
  ///   - pairs: Images with captions; for, and only for, a value function with co-training.
  ///   - settings: How long and how fast.
  ///   - failureCost: C_fail in steps; nil for each task's time limit.
  ///   - threads: Threads to share the work out to; more than two round otherwise.
  ///   - communicator: The ranks that train it together, each with an equal value function and the same
  ///     of all else: each works on its share of every batch. Nil for this process alone.
  ///   - seed: Of the batches.
  /// - Throws: `PolicyError` for episodes that the value function cannot read, or settings out of
  ///   range.
  public init(
    value: ValueFunction, episodes: [Episode], heldOut: [Episode] = [],
    pairs: ImageTextPairs? = nil,
    settings: TrainingSettings, failureCost: Double?, threads: Int = 1,
    communicator: (any Communicator)? = nil, seed: UInt64
  ) throws {
    if let failureCost, !(failureCost > 0) {
      throw PolicyError.settings("failureCost is \(failureCost); it must be above 0")
    }
    let examples = try TrainingExamples(episodes: episodes, labels: episodes.map { _ in nil })
    columns = try value.inputs.columns(of: examples)
    captions = try Self.captions(pairs, value)
    returns = episodes.flatMap { Returns.normalized(of: $0, failureCost: failureCost) }
    self.heldOut =
      heldOut.isEmpty ? nil : try HeldOutFrames(heldOut, for: value, failureCost: failureCost)
    optimization = try Optimization(
      value.store, settings, tokensPerSample: value.inputs.shape.observationTokens + 1,
      threads: threads, communicator: communicator)
    random = RandomSource(seed: seed, stream: "value training")
    self.value = value
    self.examples = examples
    self.settings = settings
  }

  private static func captions(
    _ pairs: ImageTextPairs?, _ value: ValueFunction
  ) throws(PolicyError) -> CaptionInputs? {
    guard let coTraining = value.settings.coTraining else {
      guard pairs == nil else {
        throw .imageTextPairs("some came for a value function without co-training")
      }
      return nil
    }
    guard let pairs else {
      throw .imageTextPairs("none came for a value function with co-training")
    }
    return try CaptionInputs(pairs, value.inputs, coTraining)
  }

  /// One gradient step.
  ///
  /// - Returns: "loss", with co-training its parts "value loss" and "caption loss" (without its
  ///   weight), "gradient norm" before clipping, "learning rate".
  /// - Throws: `PolicyError.diverged` when the loss or its gradient is not finite.
  public func step() throws -> [String: Double] {
    let frames = examples.sample(settings.batchSize, using: &random)
    let targets = frames.map { returns[$0] }
    let (network, inputs, columns) = (value.network, value.inputs, columns)
    let target = ReturnTarget(bins: value.bins, splits: value.settings.splitsReturns)
    let captions = captions?.draw(besides: frames.count, using: &random)
    let noise = StateNoise(deviation: settings.stateNoise, using: &random)
    let (basics, parts) = try optimization.step(samples: frames.count) { tape, samples in
      var batch = inputs.batch(of: Array(frames[samples]), in: columns)
      batch.add(noise, first: samples.lowerBound)
      let logits = network.logits(tape, batch)
      let loss = target.loss(
        tape, logits, Array(targets[samples]), total: Float(frames.count))
      guard let captions else { return (loss, [loss]) }
      guard let batch = captions.batch(with: samples) else {
        return (loss, [loss, loss, tape.constant([1], [0])])
      }
      let captionLoss = network.captionLoss(tape, batch, total: captions.total)
      let sum = tape.weightedSum([(loss, 1), (captionLoss, captions.weight)])
      return (sum, [sum, loss, captionLoss])
    }
    var metrics = basics
    if captions != nil { (metrics["value loss"], metrics["caption loss"]) = (parts[1], parts[2]) }
    return metrics
  }

  /// How well the value function does on the held-out episodes' frames as its weights are now:
  /// "validation loss", the cross-entropy, and "validation R2", 1 − Σ (V − R)² / Σ (R − R̄)², below 0
  /// where it is worse than the mean; empty where none are held out.
  public func validationMetrics() throws -> [String: Double] {
    guard let heldOut else { return [:] }
    let target = ReturnTarget(bins: value.bins, splits: value.settings.splitsReturns)
    var (loss, squares) = (0.0, 0.0)
    for frames in heldOut.batches {
      let returns = frames.map { heldOut.returns[$0] }
      let tape = value.tape
      tape.reset(recording: false)
      let logits = value.network.logits(tape, value.inputs.batch(of: frames, in: heldOut.columns))
      loss += Double(
        tape.scalar(target.loss(tape, logits, returns, total: Float(heldOut.count))))
      let values = value.bins.expectations(of: tape.value(tape.softmax(logits)))
      squares += zip(values, returns).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    }
    return ["validation loss": loss, "validation R2": 1 - squares / max(heldOut.variation, 1e-9)]
  }

  /// Puts the averaged weights into the value function. Call once, after the last step.
  public func finish() { optimization.finish() }

  /// Gradient steps taken.
  public var stepsDone: Int { optimization.stepsDone }

  /// How long steps have waited for the gradients of other ranks when their own were done.
  public var waited: Duration { optimization.waited }

  /// The state from which the training goes on exactly, after any step before `finish`.
  public func state() throws -> [UInt8] { try optimization.state(random: random) }

  /// Goes on from a state of the same model, examples, pairs, settings and seed.
  ///
  /// - Throws: `PolicyError.trainingState` or `SafetensorsError`; nothing has changed then.
  public func restore(_ state: [UInt8]) throws { random = try optimization.restore(state) }
}

/// Frames that are not trained on, with their returns.
private struct HeldOutFrames {
  let columns: ObservationColumns
  /// [frames], in [−1, 0]
  let returns: [Float]
  let batches: [[Int]]
  /// Σ (R − R̄)² over the frames of the batches
  let variation: Double

  /// Frames that are measured on.
  var count: Int { batches.reduce(0) { $0 + $1.count } }

  init(_ episodes: [Episode], for value: ValueFunction, failureCost: Double?) throws {
    let examples = try TrainingExamples(episodes: episodes, labels: episodes.map { _ in nil })
    columns = try value.inputs.columns(of: examples)
    returns = episodes.flatMap { Returns.normalized(of: $0, failureCost: failureCost) }
    batches = examples.validationBatches()
    let measured = batches.flatMap { $0 }.map { [returns] in Double(returns[$0]) }
    let mean = measured.reduce(0, +) / Double(measured.count)
    variation = measured.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  }
}

/// What the distribution over returns is trained towards.
struct ReturnTarget: Sendable {
  let bins: ValueBins
  /// Whether a return's probability is shared between its two neighbours.
  let splits: Bool

  /// The cross-entropy of some samples, as a share of a batch's mean.
  ///
  /// - Parameters:
  ///   - logits: [B, bins]
  ///   - returns: [B], in [−1, 0].
  ///   - total: Samples in the whole batch.
  func loss(_ tape: Tape, _ logits: Variable, _ returns: [Float], total: Float) -> Variable {
    guard splits else {
      return tape.softmaxCrossEntropy(
        logits: logits, targets: bins.indices(of: returns), total: total)
    }
    // −Σ_b q_b log p_b with q on the two neighbours of the return, as two weighted sums.
    let places = returns.map { min(max($0 + 1, 0), 1) * Float(bins.count - 1) }
    let lower = places.map { min(Int32($0), Int32(bins.count - 2)) }
    let upperWeights = zip(places, lower).map { $0 - Float($1) }
    return tape.weightedSum([
      (
        tape.softmaxCrossEntropy(
          logits: logits, targets: lower, weights: upperWeights.map { 1 - $0 }, total: total), 1
      ),
      (
        tape.softmaxCrossEntropy(
          logits: logits, targets: lower.map { $0 + 1 }, weights: upperWeights, total: total), 1
      ),
    ])
  }
}
