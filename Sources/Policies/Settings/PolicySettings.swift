import Networks

/// The architecture and loss of a policy. Everything here is stored in its checkpoint.
public struct PolicySettings: Codable, Hashable, Sendable {
  /// Reads images, text and state.
  public var backbone: TransformerSettings
  /// Width of the action expert's residual stream. Its layers and heads are the backbone's.
  public var expertWidth: Int
  /// Width inside the action expert's gated feed-forward layers.
  public var expertFeedForward: Int
  /// H: actions in one chunk.
  public var chunkLength: Int
  /// Euler steps from noise to action when sampling.
  public var eulerSteps: Int
  /// Whether camera frames are an input.
  public var usesImages: Bool
  /// Whether object poses (`observation.environment_state`) are an input.
  public var usesEnvironmentState: Bool
  /// Pixels along a square patch; a divisor of each camera's width and height.
  public var patchSize: Int
  /// The discrete form of a chunk, which the backbone learns to write.
  public var actionTokens: ActionTokenSettings
  /// A transformer over each camera's patches; nil reads patches directly.
  public var vision: VisionSettings?
  /// α: weight of the flow-matching error beside the two cross-entropies.
  public var flowLossWeight: Float
  /// b ≥ 1: noise shares 1 − η are drawn from Beta(b, 1) in training. 1 is uniform; π0's 1.5
  /// prefers noise.
  public var noiseEmphasis: Float
  /// Whether the 1 % and 99 % quantiles map to −1…1, as for π0.5, instead of z-scores as for π0.
  public var normalizesByQuantiles: Bool

  public init(
    backbone: TransformerSettings, expertWidth: Int, expertFeedForward: Int, chunkLength: Int,
    eulerSteps: Int = 5, usesImages: Bool, usesEnvironmentState: Bool, patchSize: Int = 8,
    actionTokens: ActionTokenSettings = ActionTokenSettings(), vision: VisionSettings? = nil,
    flowLossWeight: Float = 1, noiseEmphasis: Float = 1.5, normalizesByQuantiles: Bool = false
  ) {
    self.backbone = backbone
    self.expertWidth = expertWidth
    self.expertFeedForward = expertFeedForward
    self.chunkLength = chunkLength
    self.eulerSteps = eulerSteps
    self.usesImages = usesImages
    self.usesEnvironmentState = usesEnvironmentState
    self.patchSize = patchSize
    self.actionTokens = actionTokens
    self.vision = vision
    self.flowLossWeight = flowLossWeight
    self.noiseEmphasis = noiseEmphasis
    self.normalizesByQuantiles = normalizesByQuantiles
  }

  /// The action expert as a transformer: its own widths, the backbone's depth and heads.
  var expert: TransformerSettings {
    var expert = backbone
    expert.width = expertWidth
    expert.feedForward = expertFeedForward
    return expert
  }

  func validate() throws(PolicyError) {
    try backbone.validate(as: "backbone")
    try expert.validate(as: "expert")
    guard expertWidth.isMultiple(of: 2) else {
      throw .settings(
        "expertWidth is \(expertWidth); the flow time's sines and cosines need an even number")
    }
    try actionTokens.validate()
    try vision?.validate()
    for (key, size) in [
      ("chunkLength", chunkLength), ("eulerSteps", eulerSteps), ("patchSize", patchSize),
    ] where size < 1 {
      throw .settings("\(key) is \(size); it must be at least 1")
    }
    guard flowLossWeight.isFinite, flowLossWeight >= 0 else {
      throw .settings("flowLossWeight is \(flowLossWeight); it must be a number of at least 0")
    }
    guard noiseEmphasis.isFinite, noiseEmphasis >= 1 else {
      throw .settings("noiseEmphasis is \(noiseEmphasis); it must be a number of at least 1")
    }
  }
}

/// The architecture and loss of a value function. Everything here is stored in its checkpoint.
public struct ValueSettings: Codable, Hashable, Sendable {
  /// Reads images, text and state.
  public var network: TransformerSettings
  /// B: bins of the return distribution on [−1, 0].
  public var bins: Int
  /// Whether camera frames are an input.
  public var usesImages: Bool
  /// Whether object poses (`observation.environment_state`) are an input.
  public var usesEnvironmentState: Bool
  /// Pixels along a square patch; a divisor of each camera's width and height.
  public var patchSize: Int
  /// A transformer over each camera's patches; nil reads patches directly.
  public var vision: VisionSettings?
  /// Whether a return's probability is shared between the two nearest bins instead of given to the
  /// nearest, which is the paper's form.
  public var splitsReturns: Bool
  /// Whether the 1 % and 99 % quantiles of the inputs map to −1…1 instead of z-scores.
  public var normalizesByQuantiles: Bool
  /// Images with captions beside the episodes; nil for episodes alone.
  public var coTraining: CoTrainingSettings?

  public init(
    network: TransformerSettings, bins: Int = 201, usesImages: Bool, usesEnvironmentState: Bool,
    patchSize: Int = 8, vision: VisionSettings? = nil, splitsReturns: Bool = false,
    normalizesByQuantiles: Bool = false, coTraining: CoTrainingSettings? = nil
  ) {
    self.network = network
    self.bins = bins
    self.usesImages = usesImages
    self.usesEnvironmentState = usesEnvironmentState
    self.patchSize = patchSize
    self.vision = vision
    self.splitsReturns = splitsReturns
    self.normalizesByQuantiles = normalizesByQuantiles
    self.coTraining = coTraining
  }

  func validate() throws(PolicyError) {
    try network.validate(as: "network")
    try vision?.validate()
    try coTraining?.validate()
    guard coTraining == nil || usesImages else {
      throw .settings("coTraining is about images, but usesImages is off")
    }
    guard bins >= 2 else { throw .settings("bins is \(bins); it must be at least 2") }
    guard patchSize >= 1 else {
      throw .settings("patchSize is \(patchSize); it must be at least 1")
    }
  }
}
