import Episodes
import RecapAlgorithm
import Tensors

/// What a robot wants to know: the next actions for what it senses.
public struct PolicyRequest: Sendable {
  public var observation: Observation
  public var task: TaskDescription
  /// The indicator to act under; robots ask for `.positive`.
  public var indicator: AdvantageIndicator
  /// A subtask to keep, one of the task's own; nil lets the policy choose, which it need not do
  /// for every chunk.
  public var subtask: String?
  /// β ≥ 0: v = v_u + β (v_c − v_u). 1 is plain conditional sampling and half the work.
  public var guidance: Float
  /// Seeds the noise: the same request gives the same actions.
  public var seed: UInt64

  public init(
    observation: Observation, task: TaskDescription, indicator: AdvantageIndicator = .positive,
    subtask: String? = nil, guidance: Float = 1, seed: UInt64
  ) {
    self.observation = observation
    self.task = task
    self.indicator = indicator
    self.subtask = subtask
    self.guidance = guidance
    self.seed = seed
  }
}

/// What the policy answers.
public struct PolicyAnswer: Sendable, Equatable {
  /// `chunkLength` actions in the robot's own units.
  public var chunk: ActionChunk
  /// The subtask that they pursue; nil for a task without subtasks.
  public var subtask: String?

  public init(chunk: ActionChunk, subtask: String?) {
    self.chunk = chunk
    self.subtask = subtask
  }
}

/// An advantage-conditioned policy π(a | o, ℓ, I) for one embodiment and a set of tasks.
///
/// It acts in three passes: read the observation, write the subtask, then integrate the flow from
/// noise to a chunk of actions with subtask and indicator as text behind the observation.
///
/// Not `Sendable`: one actor owns it and does its arithmetic.
public final class Policy {
  private static let kind = "recap-policy"
  /// 1 had one read-out for the subtask and one for the actions.
  private static let version = 2

  public let settings: PolicySettings
  public let embodiment: Embodiment
  /// Statistics of the data of its first training.
  public let normalization: Normalization

  let store: ParameterStore
  let tape: Tape
  let inputs: ObservationInputs
  let network: PolicyNetwork
  let actionScaler: FeatureScaler
  let actionTokenizer: FASTTokenizer

  /// The tasks that it knows.
  public var tasks: [TaskDescription] { inputs.prompts.tasks }
  /// The number of weights.
  public var parameterCount: Int { store.count }

  /// A policy with random weights for the robot and the tasks of some episodes. What is measured on
  /// them (statistics, tokenizers) it keeps for good: their tasks are the only ones it will know.
  ///
  /// - Parameters:
  ///   - episodes: At least one, all of one embodiment: what it will be trained on first.
  ///   - seed: Of the weights.
  /// - Throws: `PolicyError` where settings and episodes do not fit together.
  public convenience init(settings: PolicySettings, learningFrom episodes: [Episode], seed: UInt64)
    throws
  {
    try settings.validate()
    let dataset = try DatasetDescription(of: episodes)
    let normalization = Normalization.measured(from: episodes)
    let scaler = try ObservationInputs.scaler(
      normalization.actions, "action", dataset.embodiment.actionWidth,
      settings.normalizesByQuantiles)
    let chunks = ActionChunks(episodes: episodes, scaler: scaler, length: settings.chunkLength)
    let actionTokenizer = try FASTTokenizer.fitted(
      on: chunks.sample(), chunkLength: settings.chunkLength, actionWidth: scaler.width,
      scale: settings.actionTokens.scale, vocabularyLimit: settings.actionTokens.vocabularyLimit)
    try self.init(
      settings: settings, embodiment: dataset.embodiment, prompts: Prompts(tasks: dataset.tasks),
      normalization: normalization, actionTokenizer: actionTokenizer, seed: seed)
  }

  /// Reads a checkpoint.
  ///
  /// - Throws: `PolicyError` or `SafetensorsError`, naming the file or tensor at fault.
  public convenience init(checkpoint: CheckpointFiles) throws {
    let files = try ModelFiles<PolicySettings>(
      checkpoint, kind: Self.kind, version: Self.version)
    try self.init(
      settings: files.configuration.settings, embodiment: files.configuration.embodiment,
      prompts: Prompts(tasks: files.configuration.tasks, tokenizer: files.tokenizer),
      normalization: files.normalization,
      actionTokenizer: FASTTokenizer(parsing: checkpoint.bytes(CheckpointFiles.actionTokenizer)),
      seed: 0)
    try ModelFiles<PolicySettings>.load(checkpoint, into: store)
  }

  /// - Parameter prompts: What it reads, as tokens of the tokenizer that it will keep.
  init(
    settings: PolicySettings, embodiment: Embodiment, prompts: Prompts,
    normalization: Normalization, actionTokenizer: FASTTokenizer, seed: UInt64
  ) throws {
    try settings.validate()
    guard actionTokenizer.chunkLength == settings.chunkLength,
      actionTokenizer.actionWidth == embodiment.actionWidth
    else {
      throw PolicyError.actionTokenizer(
        "it is for chunks of \(actionTokenizer.chunkLength) × \(actionTokenizer.actionWidth), the "
          + "model's are \(settings.chunkLength) × \(embodiment.actionWidth)")
    }
    inputs = try ObservationInputs(
      embodiment: embodiment, prompts: prompts, normalization: normalization,
      usesImages: settings.usesImages, usesEnvironmentState: settings.usesEnvironmentState,
      patchSize: settings.patchSize, vision: settings.vision,
      byQuantiles: settings.normalizesByQuantiles)
    self.settings = settings
    self.embodiment = embodiment
    self.normalization = normalization
    actionScaler = try ObservationInputs.scaler(
      normalization.actions, "action", embodiment.actionWidth, settings.normalizesByQuantiles)
    store = ParameterStore(seed: seed)
    self.actionTokenizer = actionTokenizer
    var shape = inputs.shape
    shape.subtaskSlots = prompts.subtaskSlots
    shape.indicatorSlots = prompts.indicatorSlots
    shape.actionVocabulary = actionTokenizer.vocabularySize
    // One place for the token that begins a chunk; what ends it is only predicted.
    shape.actionSlots = min(actionTokenizer.longest + 1, settings.actionTokens.slots)
    network = PolicyNetwork(store, shape: shape, settings: settings)
    tape = Tape(store)
  }

  /// Weights, configuration, tokenizer and statistics as files.
  public func checkpoint() throws -> CheckpointFiles {
    var checkpoint = try ModelFiles(
      configuration: ModelConfiguration(
        kind: Self.kind, version: Self.version, settings: settings, embodiment: embodiment,
        tasks: tasks),
      tokenizer: inputs.prompts.tokenizer, normalization: normalization
    ).checkpoint(of: store)
    checkpoint.files[CheckpointFiles.actionTokenizer] = try actionTokenizer.serialized()
    return checkpoint
  }
}
