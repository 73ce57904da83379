import Episodes
import RecapAlgorithm
import Tensors

/// What a robot wants to know: the next actions for what it senses.
public struct PolicyRequest: Sendable {
  public var observation: Observation
  public var task: TaskDescription
  /// The indicator to act under; robots ask for `.positive`.
  public var indicator: AdvantageIndicator
  /// β ≥ 0: v = v_u + β (v_c − v_u). 1 is plain conditional sampling and half the work.
  public var guidance: Float
  /// Seeds the noise: the same request gives the same actions.
  public var seed: UInt64

  public init(
    observation: Observation, task: TaskDescription, indicator: AdvantageIndicator = .positive,
    guidance: Float = 1, seed: UInt64
  ) {
    self.observation = observation
    self.task = task
    self.indicator = indicator
    self.guidance = guidance
    self.seed = seed
  }
}

/// An advantage-conditioned policy π(a | o, ℓ, I) for one embodiment and a set of tasks.
///
/// It acts in three passes: read the observation, choose the subtask by the read-out, then
/// integrate the flow from noise to a chunk of actions with subtask and indicator as text behind
/// the observation.
///
/// Not `Sendable`: one actor owns it and does its arithmetic.
public final class Policy {
  private static let kind = "recap-policy"

  public let settings: PolicySettings
  public let embodiment: Embodiment
  /// Statistics of the data of its first training.
  public let normalization: Normalization

  let store: ParameterStore
  let tape: Tape
  let network: PolicyNetwork
  let actionScaler: FeatureScaler

  /// The tasks that it knows.
  public var tasks: [TaskDescription] { network.inputs.prompts.tasks }
  /// The number of weights.
  public var parameterCount: Int { store.count }

  /// A policy with random weights.
  ///
  /// - Parameters:
  ///   - tasks: At least one; their texts train its tokenizer and are the only ones it will know.
  ///   - normalization: Measured on the data that it will be trained on first.
  ///   - seed: Of the weights.
  /// - Throws: `PolicyError` where settings, embodiment and statistics do not fit together.
  public convenience init(
    settings: PolicySettings, embodiment: Embodiment, tasks: [TaskDescription],
    normalization: Normalization, seed: UInt64
  ) throws {
    try self.init(
      settings: settings, embodiment: embodiment, prompts: Prompts(tasks: tasks),
      normalization: normalization, seed: seed)
  }

  /// Reads a checkpoint.
  ///
  /// - Throws: `PolicyError` or `SafetensorsError`, naming the file or tensor at fault.
  public convenience init(checkpoint: CheckpointFiles) throws {
    let files = try ModelFiles<PolicySettings>(checkpoint, kind: Self.kind)
    try self.init(
      settings: files.configuration.settings, embodiment: files.configuration.embodiment,
      prompts: Prompts(tasks: files.configuration.tasks, tokenizer: files.tokenizer),
      normalization: files.normalization, seed: 0)
    try ModelFiles<PolicySettings>.load(checkpoint, into: store)
  }

  /// - Parameter prompts: What it reads, as tokens of the tokenizer that it will keep.
  init(
    settings: PolicySettings, embodiment: Embodiment, prompts: Prompts,
    normalization: Normalization, seed: UInt64
  ) throws {
    try settings.validate()
    let inputs = try ObservationInputs(
      embodiment: embodiment, prompts: prompts, normalization: normalization,
      usesImages: settings.usesImages, usesEnvironmentState: settings.usesEnvironmentState,
      patchSize: settings.patchSize, byQuantiles: settings.normalizesByQuantiles)
    self.settings = settings
    self.embodiment = embodiment
    self.normalization = normalization
    actionScaler = try ObservationInputs.scaler(
      normalization.actions, "action", embodiment.actionWidth, settings.normalizesByQuantiles)
    store = ParameterStore(seed: seed)
    network = PolicyNetwork(store, inputs: inputs, settings: settings)
    tape = Tape(store)
  }

  /// Weights, configuration, tokenizer and statistics as files.
  public func checkpoint() throws -> CheckpointFiles {
    try ModelFiles(
      configuration: ModelConfiguration(
        kind: Self.kind, version: 1, settings: settings, embodiment: embodiment, tasks: tasks),
      tokenizer: network.inputs.prompts.tokenizer, normalization: normalization
    ).checkpoint(of: store)
  }
}
