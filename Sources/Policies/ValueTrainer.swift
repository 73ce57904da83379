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
  private let settings: TrainingSettings
  private let optimization: Optimization
  private var random: RandomSource

  /// - Parameters:
  ///   - value: Trained in place.
  ///   - episodes: At least one, of its embodiment and tasks.
  ///   - pairs: Images with captions; for, and only for, a value function with co-training.
  ///   - settings: How long and how fast.
  ///   - failureCost: C_fail in steps; nil for each task's time limit.
  ///   - seed: Of the batches.
  /// - Throws: `PolicyError` for episodes that the value function cannot read, or settings out of
  ///   range.
  public init(
    value: ValueFunction, episodes: [Episode], pairs: ImageTextPairs? = nil,
    settings: TrainingSettings, failureCost: Double?, seed: UInt64
  ) throws {
    if let failureCost, !(failureCost > 0) {
      throw PolicyError.settings("failureCost is \(failureCost); it must be above 0")
    }
    let examples = try TrainingExamples(episodes: episodes, labels: episodes.map { _ in nil })
    columns = try value.inputs.columns(of: examples)
    captions = try Self.captions(pairs, value)
    returns = episodes.flatMap { Returns.normalized(of: $0, failureCost: failureCost) }
    optimization = try Optimization(value.store, settings)
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
    return try CaptionInputs(pairs, value.inputs, slots: coTraining.captionTokens)
  }

  /// One gradient step.
  ///
  /// - Returns: "loss", with co-training its parts "value loss" and "caption loss" (without its
  ///   weight), "gradient norm" before clipping, "learning rate".
  /// - Throws: `PolicyError.diverged` when the loss or its gradient is not finite.
  public func step() throws -> [String: Double] {
    let frames = examples.sample(settings.batchSize, using: &random)
    let batch = value.inputs.batch(of: frames, in: columns)
    let tape = value.tape
    tape.reset(recording: true)
    let logits = value.network.logits(tape, batch)
    let valueLoss = loss(tape, logits, frames.map { returns[$0] })
    guard let captions, let coTraining = value.settings.coTraining else {
      return try optimization.step(tape, loss: valueLoss)
    }
    let pairs = (0..<coTraining.pairs(besides: settings.batchSize)).map { _ in
      random.integer(below: captions.count)
    }
    let captionLoss = value.network.captionLoss(tape, captions.batch(of: pairs))
    var metrics = try optimization.step(
      tape, loss: tape.weightedSum([(valueLoss, 1), (captionLoss, coTraining.weight)]))
    metrics["value loss"] = Double(tape.scalar(valueLoss))
    metrics["caption loss"] = Double(tape.scalar(captionLoss))
    return metrics
  }

  /// Puts the averaged weights into the value function. Call once, after the last step.
  public func finish() { optimization.finish() }

  /// Gradient steps taken.
  public var stepsDone: Int { optimization.stepsDone }

  /// The state from which the training goes on exactly, after any step.
  public func state() throws -> [UInt8] { try optimization.state(random: random) }

  /// Goes on from a state of the same model, examples, pairs, settings and seed.
  ///
  /// - Throws: `PolicyError.trainingState` or `SafetensorsError`; nothing has changed then.
  public func restore(_ state: [UInt8]) throws { random = try optimization.restore(state) }

  /// - Parameters:
  ///   - logits: [B, bins]
  ///   - returns: [B]
  func loss(_ tape: Tape, _ logits: Variable, _ returns: [Float]) -> Variable {
    let bins = value.bins
    guard value.settings.splitsReturns else {
      return tape.softmaxCrossEntropy(logits: logits, targets: bins.indices(of: returns))
    }
    // −Σ_b q_b log p_b with q on the two neighbours of the return, as two weighted means.
    let places = returns.map { min(max($0 + 1, 0), 1) * Float(bins.count - 1) }
    let lower = places.map { min(Int32($0), Int32(bins.count - 2)) }
    let upperWeights = zip(places, lower).map { $0 - Float($1) }
    let upperShare = upperWeights.reduce(0, +) / Float(returns.count)
    return tape.weightedSum([
      (
        tape.softmaxCrossEntropy(
          logits: logits, targets: lower, weights: upperWeights.map { 1 - $0 }), 1 - upperShare
      ),
      (
        tape.softmaxCrossEntropy(
          logits: logits, targets: lower.map { $0 + 1 }, weights: upperWeights), upperShare
      ),
    ])
  }
}
