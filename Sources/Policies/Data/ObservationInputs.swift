import Episodes
import Tensors

/// What a network reads of a robot's senses: which columns, how they are scaled, how frames become
/// patches.
///
/// Letters: B samples, P proprioception width, E environment-state width (0 when unused), M patches
/// of all cameras (0 when unused), p pixels along a patch, m × m patches in a block (1 without a
/// vision tower).
struct ObservationInputs: Sendable {
  let embodiment: Embodiment
  let prompts: Prompts
  let usesImages: Bool
  let environmentWidth: Int
  let patchSize: Int
  let vision: VisionSettings?
  /// M
  let patchCount: Int
  let proprioceptionScaler: FeatureScaler
  /// nil where the environment state is not used.
  let environmentScaler: FeatureScaler?

  /// m
  private var merge: Int { vision?.merge ?? 1 }
  /// The sizes of what a network of these inputs reads.
  var shape: ModelShape {
    ModelShape(
      cameras: usesImages ? embodiment.cameras.count : 0, patches: patchCount,
      firstCameraPatches: embodiment.cameras.first.map {
        usesImages ? $0.width / patchSize * ($0.height / patchSize) : 0
      } ?? 0,
      patchWidth: patchWidth, patchesPerToken: merge * merge,
      proprioception: embodiment.proprioceptionWidth, environmentState: environmentWidth,
      action: embodiment.actionWidth, textVocabulary: prompts.tokenizer.vocabularySize,
      pad: prompts.tokenizer.pad, none: prompts.tokenizer.none,
      taskSlots: prompts.taskSlots)
  }
  /// Numbers in one patch: p × p × 3.
  private var patchWidth: Int { patchSize * patchSize * 3 }

  /// Inputs are clipped to this many standard deviations.
  private static let limit: Float = 10

  /// - Throws: `PolicyError.settings` where embodiment, settings and statistics do not fit
  ///   together.
  init(
    embodiment: Embodiment, prompts: Prompts, normalization: Normalization, usesImages: Bool,
    usesEnvironmentState: Bool, patchSize: Int, vision: VisionSettings?, byQuantiles: Bool
  ) throws(PolicyError) {
    guard embodiment.proprioceptionWidth > 0, embodiment.actionWidth > 0 else {
      throw .settings(
        "the embodiment '\(embodiment.name)' has \(embodiment.proprioceptionWidth) state and "
          + "\(embodiment.actionWidth) action features; a model needs at least one of each")
    }
    self.embodiment = embodiment
    self.prompts = prompts
    self.usesImages = usesImages
    self.patchSize = patchSize
    self.vision = usesImages ? vision : nil
    environmentWidth = usesEnvironmentState ? embodiment.environmentStateWidth : 0
    patchCount =
      usesImages ? try Self.patchCount(of: embodiment, patchSize: patchSize, vision: vision) : 0
    proprioceptionScaler = try Self.scaler(
      normalization.state, "observation.state", embodiment.proprioceptionWidth, byQuantiles)
    guard usesEnvironmentState else {
      environmentScaler = nil
      return
    }
    guard environmentWidth > 0 else {
      throw .settings(
        "usesEnvironmentState is on, but the embodiment '\(embodiment.name)' reports none")
    }
    guard let statistics = normalization.environmentState else {
      throw .settings(
        "usesEnvironmentState is on, but the dataset does not record observation.environment_state")
    }
    environmentScaler = try Self.scaler(
      statistics, "observation.environment_state", environmentWidth, byQuantiles)
  }

  /// Checks a column's statistics and prepares to apply them.
  static func scaler(
    _ feature: Normalization.Feature, _ column: String, _ width: Int, _ byQuantiles: Bool
  ) throws(PolicyError) -> FeatureScaler {
    for statistic in [feature.mean, feature.std, feature.q01, feature.q99] {
      guard statistic.count == width else {
        throw .width(column: "statistics of \(column)", expected: width, actual: statistic.count)
      }
      guard statistic.allSatisfy(\.isFinite) else {
        throw .notFinite(column: "statistics of \(column)")
      }
    }
    return FeatureScaler(feature, byQuantiles: byQuantiles)
  }

  private static func patchCount(
    of embodiment: Embodiment, patchSize: Int, vision: VisionSettings?
  ) throws(PolicyError) -> Int {
    guard (1...4).contains(embodiment.cameras.count) else {
      throw .settings(
        "usesImages is on; 1 to 4 cameras are possible, the embodiment '\(embodiment.name)' has "
          + "\(embodiment.cameras.count)")
    }
    let block = patchSize * (vision?.merge ?? 1)
    var count = 0
    for camera in embodiment.cameras {
      guard camera.width.isMultiple(of: block), camera.height.isMultiple(of: block) else {
        throw .settings(
          "patchSize\(vision == nil ? "" : " × vision.merge") is \(block); it must divide the "
            + "\(camera.width)×\(camera.height) pixels of the camera '\(camera.name)'")
      }
      count += camera.width / patchSize * (camera.height / patchSize)
    }
    if vision != nil, let first = embodiment.cameras.first,
      let other = embodiment.cameras.first(where: {
        $0.width != first.width || $0.height != first.height
      })
    {
      throw .settings(
        "a vision tower needs cameras of one size; '\(first.name)' has "
          + "\(first.width)×\(first.height) pixels, '\(other.name)' \(other.width)×\(other.height)")
    }
    return count
  }

  // MARK: Batches

  /// Reads observations, as a robot sends them.
  ///
  /// - Throws: `PolicyError` for a wrong width, a value that is not finite or an unknown task.
  func batch(
    of requests: [(observation: Observation, task: TaskDescription)]
  ) throws(PolicyError) -> ObservationBatch {
    var batch = ObservationBatch()
    var frames: [ImagePatches.Source] = []
    for (observation, task) in requests {
      let index = try prompts.index(of: task)
      try check(observation)
      proprioceptionScaler.appendNormalized(
        observation.proprioception, to: &batch.proprioception, limit: Self.limit)
      environmentScaler?.appendNormalized(
        observation.environmentState, to: &batch.environmentState, limit: Self.limit)
      if usesImages {
        for (camera, image) in observation.images.enumerated() {
          frames.append(source(image[...], camera: camera))
        }
      }
      batch.taskTokens += prompts.taskTokens[index]
      batch.count += 1
    }
    batch.patches = ImagePatches.gathered(from: frames)
    return batch
  }

  private func check(_ observation: Observation) throws(PolicyError) {
    try Self.check(
      observation.proprioception, "observation.state", embodiment.proprioceptionWidth)
    if environmentScaler != nil {
      try Self.check(
        observation.environmentState, "observation.environment_state", environmentWidth)
    }
    guard usesImages else { return }
    for (index, camera) in embodiment.cameras.enumerated() {
      let bytes = index < observation.images.count ? observation.images[index].count : 0
      guard bytes == camera.byteCount else {
        throw .width(
          column: "observation.images.\(camera.name)", expected: camera.byteCount, actual: bytes)
      }
    }
    guard observation.images.count == embodiment.cameras.count else {
      throw .width(
        column: "observation.images", expected: embodiment.cameras.count,
        actual: observation.images.count)
    }
  }

  private static func check(
    _ values: [Float], _ column: String, _ width: Int
  ) throws(PolicyError) {
    guard values.count == width else {
      throw .width(column: column, expected: width, actual: values.count)
    }
    guard values.allSatisfy(\.isFinite) else { throw .notFinite(column: column) }
  }

  /// Scales a dataset's numbers once, before many batches are drawn from it.
  ///
  /// - Throws: `PolicyError.examples` for an episode that lacks what the network reads, or an
  ///   unknown task.
  func columns(of examples: TrainingExamples) throws(PolicyError) -> ObservationColumns {
    var columns = ObservationColumns(examples: examples)
    columns.proprioception.reserveCapacity(examples.count * embodiment.proprioceptionWidth)
    columns.environmentState.reserveCapacity(examples.count * environmentWidth)
    for episode in examples.episodes {
      let metadata = episode.metadata
      guard metadata.embodiment == embodiment else {
        throw .examples(
          "episode \(metadata.id) was recorded by \(metadata.embodiment), the model is for "
            + "\(embodiment)")
      }
      guard metadata.recordsImages || !usesImages else {
        throw .examples("episode \(metadata.id) holds no camera frames, which the model reads")
      }
      columns.tasks.append(try prompts.index(of: metadata.task))
      proprioceptionScaler.appendNormalized(
        episode.proprioception, to: &columns.proprioception, limit: Self.limit)
      guard let environmentScaler else { continue }
      guard metadata.recordsEnvironmentState else {
        throw .examples(
          "episode \(metadata.id) holds no observation.environment_state, which the model reads")
      }
      environmentScaler.appendNormalized(
        episode.environmentState, to: &columns.environmentState, limit: Self.limit)
    }
    return columns
  }

  /// Gathers frames of a dataset.
  ///
  /// - Parameters:
  ///   - frames: Flat frame indices.
  ///   - columns: The dataset, scaled.
  func batch(of frames: [Int], in columns: ObservationColumns) -> ObservationBatch {
    let examples = columns.examples
    let width = embodiment.proprioceptionWidth
    var batch = ObservationBatch()
    batch.count = frames.count
    batch.proprioception.reserveCapacity(frames.count * width)
    batch.environmentState.reserveCapacity(frames.count * environmentWidth)
    var pictures: [ImagePatches.Source] = []
    pictures.reserveCapacity(usesImages ? frames.count * embodiment.cameras.count : 0)
    for frame in frames {
      batch.proprioception += columns.proprioception[frame * width..<(frame + 1) * width]
      batch.environmentState +=
        columns.environmentState[frame * environmentWidth..<(frame + 1) * environmentWidth]
      let episode = examples.episode(ofFrame: frame)
      batch.taskTokens += prompts.taskTokens[columns.tasks[episode]]
      guard usesImages else { continue }
      let step = frame - examples.starts[episode]
      for index in embodiment.cameras.indices {
        let picture = examples.episodes[episode].frame(of: index, at: step)
        pictures.append(source(picture, camera: index))
      }
    }
    batch.patches = ImagePatches.gathered(from: pictures)
    return batch
  }

  /// A frame, cut into blocks of m × m patches.
  func source(_ frame: ArraySlice<UInt8>, camera index: Int) -> ImagePatches.Source {
    let camera = embodiment.cameras[index]
    return ImagePatches.Source(
      frame, height: camera.height, width: camera.width, patch: patchSize, merge: merge)
  }
}

/// Observations of several samples, ready for a network.
struct ObservationBatch: Sendable {
  /// B
  var count = 0
  /// [B, P], normalised
  var proprioception: [Float] = []
  /// [B, E], normalised
  var environmentState: [Float] = []
  /// [B, M, p × p × 3], in [−1, 1]
  var patches: [Float] = []
  /// [B, task slots]
  var taskTokens: [Int32] = []

  /// All samples several times, one after the other.
  func repeated(_ times: Int) -> ObservationBatch {
    func repeated<Element>(_ values: [Element]) -> [Element] {
      Array(repeatElement(values, count: times).joined())
    }
    return ObservationBatch(
      count: count * times, proprioception: repeated(proprioception),
      environmentState: repeated(environmentState), patches: repeated(patches),
      taskTokens: repeated(taskTokens))
  }
}

/// A dataset's numbers, normalised; camera frames stay bytes in their episodes.
struct ObservationColumns: Sendable {
  let examples: TrainingExamples
  /// [frames, P]
  var proprioception: [Float] = []
  /// [frames, E]
  var environmentState: [Float] = []
  /// The task of each episode, as an index into the prompts.
  var tasks: [Int] = []

  init(examples: TrainingExamples) { self.examples = examples }
}
