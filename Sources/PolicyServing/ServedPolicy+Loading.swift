import Episodes
import Executors
import Policies
import RecapAlgorithm

/// How a policy is asked, and how its requests are put together.
public struct ServingOptions: Sendable {
  /// What the policy is called in the metadata.
  public var name: String
  /// The task of an observation without a prompt; nil for the only one.
  public var task: String?
  /// What the policy is asked for where the client does not say.
  public var indicator: AdvantageIndicator
  /// β ≥ 0.
  public var guidance: Float
  public var executedActions: Int?
  /// Clients' names for the policy's columns.
  public var rules: [ObservationMapping.Rule]
  /// Whether pictures of another size are cut and scaled to the camera's.
  public var fillsCameras: Bool
  /// Calls of the model at a time, each with a copy of its weights.
  public var lanes: Int
  /// Requests in one call.
  public var batchLimit: Int
  /// How long a request may wait for those of others.
  public var patience: Duration

  public init(
    name: String, task: String? = nil, indicator: AdvantageIndicator = .positive,
    guidance: Float = 1, executedActions: Int? = nil, rules: [ObservationMapping.Rule] = [],
    fillsCameras: Bool = false, lanes: Int = 1, batchLimit: Int = 32,
    patience: Duration = .milliseconds(2)
  ) {
    self.name = name
    self.task = task
    self.indicator = indicator
    self.guidance = guidance
    self.executedActions = executedActions
    self.rules = rules
    self.fillsCameras = fillsCameras
    self.lanes = lanes
    self.batchLimit = batchLimit
    self.patience = patience
  }
}

extension ServedPolicy {
  /// What has to be known of a policy before it can be asked.
  private struct Facts: Sendable {
    var embodiment: Embodiment
    var tasks: [TaskDescription]
    var settings: PolicySettings
  }

  /// Loads a checkpoint, off the caller's thread.
  ///
  /// - Throws: `PolicyError` or `SafetensorsError` for a checkpoint that is none, `ServingError` for
  ///   options that do not fit it.
  public static func load(
    _ checkpoint: CheckpointFiles, _ options: ServingOptions
  ) async throws -> ServedPolicy {
    let facts = Locked<Facts?>(nil)
    let service = PolicyService(
      lanes: options.lanes, batchLimit: options.batchLimit, patience: options.patience
    ) {
      let policy = try Policy(checkpoint: checkpoint)
      let own = Facts(
        embodiment: policy.embodiment, tasks: policy.tasks, settings: policy.settings)
      facts.withLock { $0 = own }
      return policy
    }
    try await service.load()
    guard let facts = facts.withLock({ $0 }) else {
      throw ServingError("the policy has not been loaded")
    }
    let mapping = try ObservationMapping(
      facts.embodiment, readsImages: facts.settings.usesImages,
      readsEnvironmentState: facts.settings.usesEnvironmentState, rules: options.rules,
      fillsCameras: options.fillsCameras)
    return ServedPolicy(
      name: options.name, embodiment: facts.embodiment, chunkLength: facts.settings.chunkLength,
      executedActions: options.executedActions, guidance: options.guidance,
      interpreter: try ServingInterpreter(
        mapping: mapping, tasks: facts.tasks, defaultTask: options.task,
        indicator: options.indicator),
      service: service)
  }
}
