import Collectives
import Foundation
import Networks
import RecapAlgorithm
import Tensors

/// The part of training that does not depend on the model: slices of a batch on several threads,
/// AdamW with clipping, learning-rate schedule, averaged weights, and the state from which it goes
/// on exactly.
final class Optimization {
  /// Tokens that one slice holds at a time, so that what a pass touches stays in the caches.
  private static let tokensPerSlice = 384

  private let store: ParameterStore
  private let workers: DataParallel
  private let communicator: (any Communicator)?
  private let sliceSize: Int
  private let settings: TrainingSettings
  private let optimizer: AdamW
  private let schedule: LearningRateSchedule
  private let average: WeightAverage?
  private(set) var stepsDone = 0

  /// - Parameters:
  ///   - tokensPerSample: Of the network, for the size of slices.
  ///   - threads: Threads to share the work out to; more than two sum in another order.
  ///   - communicator: The ranks that share each batch out; nil for this process alone.
  /// - Throws: `PolicyError.settings` for a number out of range.
  init(
    _ store: ParameterStore, _ settings: TrainingSettings, tokensPerSample: Int, threads: Int,
    communicator: (any Communicator)? = nil
  ) throws(PolicyError) {
    guard settings.steps >= 0, settings.batchSize > 0 else {
      throw .settings(
        "training needs 0 or more steps of at least 1 sample, got \(settings.steps) and "
          + "\(settings.batchSize)")
    }
    if let ranks = communicator?.count, settings.batchSize < ranks {
      throw .settings(
        "batchSize is \(settings.batchSize), which \(ranks) ranks cannot share; it must be at least \(ranks)"
      )
    }
    guard settings.learningRate > 0, settings.learningRate.isFinite else {
      throw .settings("learningRate is \(settings.learningRate); it must be above 0")
    }
    guard (0..<1).contains(settings.averageDecay) else {
      throw .settings("averageDecay is \(settings.averageDecay); it must be in 0..<1")
    }
    guard settings.stateNoise >= 0, settings.stateNoise.isFinite else {
      throw .settings("stateNoise is \(settings.stateNoise); it must be 0 or more")
    }
    self.store = store
    self.settings = settings
    self.communicator = communicator
    workers = DataParallel(store, threads: max(1, threads), communicator: communicator)
    sliceSize = max(1, Self.tokensPerSlice / max(1, tokensPerSample))
    optimizer = AdamW(store)
    schedule = LearningRateSchedule(
      peak: settings.learningRate, finalShare: settings.finalLearningRateShare,
      warmup: settings.warmupSteps, total: settings.steps)
    average = settings.averageDecay > 0 ? WeightAverage(store, decay: settings.averageDecay) : nil
  }

  /// Bytes of pooled memory: constant once all shapes have been seen.
  var pooledBytes: Int { workers.pooledBytes }

  /// How long steps have waited for the gradients of other ranks.
  var waited: Duration { workers.waited }

  /// The samples that this rank works on, of a batch of `count`.
  func ownSamples(of count: Int) -> Range<Int> {
    workers.ownSamples(of: count, sliceSize: sliceSize)
  }

  /// Descends a batch's loss.
  ///
  /// - Parameters:
  ///   - samples: In the batch, of which this rank works on its own.
  ///   - loss: Records the share in the batch's loss of some samples, and gives its parts, of which
  ///     the first is the share itself.
  /// - Returns: "gradient norm" before clipping and "learning rate", and the sums of the parts.
  /// - Throws: `PolicyError.diverged`, before any weight changes.
  func step(
    samples: Int, loss: @Sendable (Tape, Range<Int>) -> (Variable, [Variable])
  ) throws(PolicyError) -> (metrics: [String: Double], parts: [Double]) {
    let slices = workers.gradients(samples: samples, sliceSize: sliceSize) { tape, samples in
      let (loss, parts) = loss(tape, samples)
      return (loss, parts.map { Double(tape.scalar($0)) })
    }
    let own = slices.dropFirst().reduce(slices[0]) { zip($0, $1).map(+) }
    let parts = communicator?.sum(own) ?? own
    guard parts.allSatisfy(\.isFinite) else { throw .diverged(step: stepsDone) }
    let rate = schedule.rate(at: stepsDone)
    let norm = optimizer.step(
      learningRate: rate, weightDecay: settings.weightDecay, clip: settings.gradientClip,
      workers: workers)
    guard norm.isFinite else { throw .diverged(step: stepsDone) }
    average?.update()
    stepsDone += 1
    return (
      ["loss": parts[0], "gradient norm": Double(norm), "learning rate": Double(rate)], parts
    )
  }

  /// Puts the averaged weights into the store.
  func finish() { average?.swap() }

  // MARK: Interruption

  private static let randomKey = "random"
  private static let settingsKey = "training"

  /// Everything from which training goes on exactly (weights, moments, average, random numbers) as
  /// a safetensors file.
  ///
  /// - Parameter random: The generator of the batches, as it is after the last step.
  func state(random: RandomSource) throws -> [UInt8] {
    var file = SafetensorsFile()
    store.store(into: &file)
    optimizer.store(into: &file)
    average?.store(into: &file)
    file.metadata[Self.randomKey] = try Self.json(random)
    file.metadata[Self.settingsKey] = try Self.json(settings)
    return file.serialized()
  }

  /// Goes on where `state(random:)` was called.
  ///
  /// - Returns: The generator of the batches.
  /// - Throws: `PolicyError.trainingState` for another training's state, `SafetensorsError` for a
  ///   damaged file or one that lacks a tensor. Nothing has changed then.
  func restore(_ state: [UInt8]) throws -> RandomSource {
    let file = try SafetensorsFile(parsing: state)
    let decoder = JSONDecoder()
    let metadata = [Self.settingsKey, Self.randomKey].map { Data((file.metadata[$0] ?? "").utf8) }
    guard let saved = try? decoder.decode(TrainingSettings.self, from: metadata[0]),
      let random = try? decoder.decode(RandomSource.self, from: metadata[1])
    else { throw PolicyError.trainingState("its metadata is missing or damaged") }
    guard saved == settings else {
      throw PolicyError.trainingState("it was saved with \(saved); this training has \(settings)")
    }
    let before = try SafetensorsFile(parsing: self.state(random: random))
    do {
      try load(file)
    } catch {
      // A part of it may have been read already.
      try load(before)
      throw error
    }
    return random
  }

  private func load(_ file: SafetensorsFile) throws {
    try store.load(file)
    try optimizer.load(file)
    try average?.load(file)
    stepsDone = optimizer.steps
  }

  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
