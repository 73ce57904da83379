import Networks
import RecapAlgorithm
import Tensors

/// The part of training that does not depend on the model: backward pass, AdamW with clipping,
/// learning-rate schedule, averaged weights.
final class Optimization {
  private let store: ParameterStore
  private let settings: TrainingSettings
  private let optimizer: AdamW
  private let schedule: LearningRateSchedule
  private let average: WeightAverage?
  private var stepsDone = 0

  /// - Throws: `PolicyError.settings` for a number out of range.
  init(_ store: ParameterStore, _ settings: TrainingSettings) throws(PolicyError) {
    guard settings.steps > 0, settings.batchSize > 0 else {
      throw .settings(
        "training needs at least 1 step and 1 sample a step, got \(settings.steps) and "
          + "\(settings.batchSize)")
    }
    guard settings.learningRate > 0, settings.learningRate.isFinite else {
      throw .settings("learningRate is \(settings.learningRate); it must be above 0")
    }
    guard (0..<1).contains(settings.averageDecay) else {
      throw .settings("averageDecay is \(settings.averageDecay); it must be in 0..<1")
    }
    self.store = store
    self.settings = settings
    optimizer = AdamW(store)
    schedule = LearningRateSchedule(
      peak: settings.learningRate, finalShare: settings.finalLearningRateShare,
      warmup: settings.warmupSteps, total: settings.steps)
    average = settings.averageDecay > 0 ? WeightAverage(store, decay: settings.averageDecay) : nil
  }

  /// Descends a loss that was recorded on `tape`.
  ///
  /// - Returns: "loss", "gradient norm" before clipping, "learning rate".
  /// - Throws: `PolicyError.diverged`, before any weight changes.
  func step(_ tape: Tape, loss: Variable) throws(PolicyError) -> [String: Double] {
    guard tape.scalar(loss).isFinite else { throw .diverged(step: stepsDone) }
    store.zeroGradients()
    tape.backward(from: loss)
    let rate = schedule.rate(at: stepsDone)
    let norm = optimizer.step(
      learningRate: rate, weightDecay: settings.weightDecay, clip: settings.gradientClip)
    guard norm.isFinite else { throw .diverged(step: stepsDone) }
    average?.update()
    stepsDone += 1
    return [
      "loss": Double(tape.scalar(loss)), "gradient norm": Double(norm),
      "learning rate": Double(rate),
    ]
  }

  /// Puts the averaged weights into the store.
  func finish() { average?.swap() }
}
