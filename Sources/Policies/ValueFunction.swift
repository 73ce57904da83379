import Episodes
import RecapAlgorithm
import Tensors

/// The distributional value function p(V | o, ℓ) for one embodiment and a set of tasks (paper,
/// Equation 1).
///
/// Its network is of the policy's kind: images, task text, proprioception, environment state and a
/// value token, all seeing each other, with a distribution over return bins read from the value
/// token.
///
/// Not `Sendable`: one actor owns it and does its arithmetic.
public final class ValueFunction {
  private static let kind = "recap-value"
  /// 1 kept queries, keys and values in three tensors.
  private static let version = 2
  /// Frames in one inference pass.
  private static let batchSize = 256

  public let settings: ValueSettings
  public let embodiment: Embodiment
  /// Statistics of the data of its first training.
  public let normalization: Normalization
  /// The values that its distribution is over.
  public let bins: ValueBins

  let store: ParameterStore
  let tape: Tape
  let inputs: ObservationInputs
  let network: ValueNetwork

  /// The tasks that it knows.
  public var tasks: [TaskDescription] { inputs.prompts.tasks }
  /// The number of weights.
  public var parameterCount: Int { store.count }

  /// A value function with random weights for the robot and the tasks of some episodes. What is
  /// measured on them (statistics, tokenizer) it keeps for good: their tasks are the only ones it
  /// will know.
  ///
  /// - Parameters:
  ///   - episodes: At least one, all of one embodiment: what it will be trained on first.
  ///   - captions: Of the image–text pairs that it will be trained on: its tokenizer learns them.
  ///   - seed: Of the weights.
  /// - Throws: `PolicyError` where settings and episodes do not fit together.
  public convenience init(
    settings: ValueSettings, learningFrom episodes: [Episode], captions: [String] = [],
    seed: UInt64
  ) throws {
    let dataset = try DatasetDescription(of: episodes)
    try self.init(
      settings: settings, embodiment: dataset.embodiment,
      prompts: Prompts(tasks: dataset.tasks, captions: captions),
      normalization: .measured(from: episodes), seed: seed)
  }

  /// Reads a checkpoint.
  ///
  /// - Throws: `PolicyError` or `SafetensorsError`, naming the file or tensor at fault.
  public convenience init(checkpoint: CheckpointFiles) throws {
    let files = try ModelFiles<ValueSettings>(
      checkpoint, kind: Self.kind, version: Self.version)
    let configuration = files.configuration
    try self.init(
      settings: configuration.settings, embodiment: configuration.embodiment,
      prompts: Prompts(tasks: configuration.tasks, tokenizer: files.tokenizer),
      normalization: files.normalization, seed: 0)
    try ModelFiles<ValueSettings>.load(checkpoint, into: store)
  }

  /// - Parameter prompts: What it reads, as tokens of the tokenizer that it will keep.
  init(
    settings: ValueSettings, embodiment: Embodiment, prompts: Prompts,
    normalization: Normalization, seed: UInt64
  ) throws {
    try settings.validate()
    inputs = try ObservationInputs(
      embodiment: embodiment, prompts: prompts, normalization: normalization,
      usesImages: settings.usesImages, usesEnvironmentState: settings.usesEnvironmentState,
      patchSize: settings.patchSize, vision: settings.vision,
      byQuantiles: settings.normalizesByQuantiles)
    self.settings = settings
    self.embodiment = embodiment
    self.normalization = normalization
    bins = ValueBins(count: settings.bins)
    store = ParameterStore(seed: seed)
    network = ValueNetwork(store, shape: inputs.shape, settings: settings)
    tape = Tape(store)
  }

  /// Weights, configuration, tokenizer and statistics as files.
  public func checkpoint() throws -> CheckpointFiles {
    try ModelFiles(
      configuration: ModelConfiguration(
        kind: Self.kind, version: Self.version, settings: settings, embodiment: embodiment,
        tasks: tasks),
      tokenizer: inputs.prompts.tokenizer, normalization: normalization
    ).checkpoint(of: store)
  }

  /// V(o_t) = Σ_b p_b v_b of each step of an episode, [T], in [−1, 0].
  ///
  /// - Throws: `PolicyError` for an episode of another embodiment or an unknown task.
  public func values(of episode: Episode) throws -> [Float] {
    let examples = try TrainingExamples(episodes: [episode], labels: [nil])
    let columns = try inputs.columns(of: examples)
    var values: [Float] = []
    values.reserveCapacity(examples.count)
    for start in stride(from: 0, to: examples.count, by: Self.batchSize) {
      let frames = Array(start..<min(start + Self.batchSize, examples.count))
      let batch = inputs.batch(of: frames, in: columns)
      tape.reset(recording: false)
      values += bins.expectations(of: tape.value(tape.softmax(network.logits(tape, batch))))
    }
    return values
  }
}
