import Networks
import Tensors

/// What a model of some settings costs: weights, memory and arithmetic, counted without making it.
public struct ModelDescription: Codable, Sendable {
  /// "policy" or "value function"
  public var model: String
  /// Weights by part, in reading order.
  public var parts: [Part]
  /// Tokens of one sample: the observation's, those that are written, the action expert's.
  public var tokens: Tokens
  /// Multiplications and additions in matrix products, for one sample.
  public var operations: Operations
  /// Bytes, at four a number.
  public var memory: Memory

  /// Weights in all.
  public var parameters: Int { parts.reduce(0) { $0 + $1.parameters } }

  public struct Part: Codable, Sendable, Equatable {
    public var name: String
    public var parameters: Int
  }

  public struct Tokens: Codable, Sendable, Equatable {
    public var observation: Int
    public var written: Int
    public var actions: Int
  }

  public struct Operations: Codable, Sendable, Equatable {
    /// One training step: a forward pass and twice as much back.
    public var training: Double
    /// One chunk or one value; for a policy with β = 1.
    public var inference: Double
    /// One chunk with guidance; nil for a value function.
    public var guidedInference: Double?
  }

  public struct Memory: Codable, Sendable, Equatable {
    /// The weights: also the size of `model.safetensors`.
    public var weights: Int
    /// Weights, gradients of two threads, two moments and the averaged weights.
    public var training: Int
    /// What a sample keeps for the way back while it is worked on: batches are worked on in slices
    /// (see `Optimization`), so the size of the batch does not matter.
    public var activationsPerSample: Int
  }

  /// - Throws: `PolicyError.settings` where settings and robot do not fit together.
  public init(_ settings: PolicySettings, for robot: ReferenceRobot) throws(PolicyError) {
    try settings.validate()
    var shape = try robot.shape(
      patchSize: settings.patchSize, vision: settings.vision, images: settings.usesImages,
      environmentState: settings.usesEnvironmentState)
    shape.subtaskSlots = robot.subtaskTokens > 0 ? robot.subtaskTokens + 1 : 0
    shape.indicatorSlots = robot.indicatorTokens
    shape.actionVocabulary = min(robot.actionVocabulary, settings.actionTokens.vocabularyLimit)
    shape.actionSlots = settings.actionTokens.slots
    let store = ParameterStore(seed: 0, isOutline: true)
    _ = PolicyNetwork(store, shape: shape, settings: settings)

    let prompt = shape.subtaskSlots + shape.indicatorSlots
    let observed = shape.observationTokens
    let written = prompt + shape.actionSlots
    let actions = settings.chunkLength + 1
    let backbone = settings.backbone
    let vision = TransformerCost.vision(shape, settings.vision, settings.patchSize, backbone.width)
    var training = vision
    training.add(backbone, tokens: observed + written, seen: observed + written, outputs: written)
    training.addHead(shape.subtaskSlots, backbone.width, shape.textVocabulary)
    training.addHead(shape.actionSlots, backbone.width, shape.actionVocabulary)
    var expert = TransformerCost()
    expert.add(
      settings.expert, tokens: actions, seen: observed + prompt + actions,
      outputs: settings.chunkLength)
    expert.addHead(1, settings.expertWidth, (6 * backbone.layers + 2) * settings.expertWidth)
    training.add(expert)
    var prefix = vision
    prefix.add(backbone, tokens: observed, seen: observed, outputs: 0)
    var text = TransformerCost()
    text.add(backbone, tokens: prompt, seen: observed + prompt, outputs: 0)
    let steps = Double(settings.eulerSteps)
    self.init(
      model: "policy", store: store,
      order: [
        (
          settings.vision == nil ? "image patches" : "vision tower",
          ["encoder.patch", "encoder.vision"]
        ),
        ("text and action tokens", ["encoder.text", "fast_tokens", "subtask_head", "fast_head"]),
        ("state encoders", ["encoder."]), ("backbone", ["backbone."]),
        ("action expert", ["expert."]),
      ],
      tokens: Tokens(observation: observed, written: written, actions: actions),
      operations: Operations(
        training: 3 * training.operations,
        inference: prefix.operations + text.operations + steps * expert.operations,
        guidedInference: prefix.operations + 2 * (text.operations + steps * expert.operations)),
      activations: training.activations)
  }

  /// - Throws: `PolicyError.settings` where settings and robot do not fit together.
  public init(_ settings: ValueSettings, for robot: ReferenceRobot) throws(PolicyError) {
    try settings.validate()
    let shape = try robot.shape(
      patchSize: settings.patchSize, vision: settings.vision, images: settings.usesImages,
      environmentState: settings.usesEnvironmentState)
    let store = ParameterStore(seed: 0, isOutline: true)
    _ = ValueNetwork(store, shape: shape, settings: settings)
    let observed = shape.observationTokens
    var cost = TransformerCost.vision(
      shape, settings.vision, settings.patchSize, settings.network.width)
    cost.add(settings.network, tokens: observed + 1, seen: observed + 1, outputs: 1)
    cost.addHead(1, settings.network.width, settings.bins)
    var training = cost
    if let coTraining = settings.coTraining {
      training.add(.captions(shape, settings, coTraining), times: Double(coTraining.share))
    }
    self.init(
      model: "value function", store: store,
      order: [
        (
          settings.vision == nil ? "image patches" : "vision tower",
          ["encoder.patch", "encoder.vision"]
        ),
        ("text tokens", ["encoder.text", "caption_head"]), ("state encoders", ["encoder."]),
        ("network", ["network.", "value_token"]), ("head", ["head."]),
      ],
      tokens: Tokens(observation: observed, written: 1, actions: 0),
      operations: Operations(training: 3 * training.operations, inference: cost.operations),
      activations: training.activations)
  }

  /// - Parameter order: Parts with the beginnings of their parameters' names; the first that fits
  ///   counts.
  private init(
    model: String, store: ParameterStore, order: [(name: String, prefixes: [String])],
    tokens: Tokens, operations: Operations, activations: Double
  ) {
    var counts = order.map { Part(name: $0.name, parameters: 0) }
    for name in store.names {
      guard let part = order.firstIndex(where: { $0.prefixes.contains { name.hasPrefix($0) } })
      else { preconditionFailure("no part of the description counts '\(name)'") }
      counts[part].parameters += store.shape(of: name).reduce(1, *)
    }
    self.model = model
    parts = counts.filter { $0.parameters > 0 }
    self.tokens = tokens
    self.operations = operations
    let bytes = 4 * store.count
    memory = Memory(
      weights: bytes, training: 6 * bytes, activationsPerSample: Int(4 * activations))
  }
}

/// Arithmetic and kept numbers of transformers, for one sample.
private struct TransformerCost {
  /// Of matrix products, two for each multiplication with its addition.
  var operations = 0.0
  /// Numbers kept for the way back.
  var activations = 0.0

  mutating func add(_ other: TransformerCost, times count: Double = 1) {
    operations += count * other.operations
    activations += count * other.activations
  }

  /// - Parameters:
  ///   - tokens: Tokens that pass through all layers.
  ///   - seen: Tokens that each looks at, hidden ones counted too.
  ///   - outputs: Tokens whose last state is wanted: the last layer computes those alone.
  mutating func add(_ network: TransformerSettings, tokens: Int, seen: Int, outputs: Int) {
    let width = Double(network.width)
    let queries = Double(network.heads * network.headWidth)
    let keys = Double(2 * network.keyValueHeads * network.headWidth)
    let inner = Double(network.feedForward)
    for layer in 0..<network.layers {
      let all = Double(tokens)
      let rows = Double(layer == network.layers - 1 ? outputs : tokens)
      let attention = 2 * 2 * rows * Double(seen) * queries
      let projections = 2 * all * width * keys + 2 * rows * width * queries * 2
      operations += attention + projections + 2 * rows * 3 * width * inner
      activations += all * (2 * width + keys)
      activations += rows * (2 * queries + Double(network.heads * seen) + 3 * width + 3 * inner)
    }
  }

  /// A product of `rows` states with a matrix.
  mutating func addHead(_ rows: Int, _ width: Int, _ outputs: Int) {
    operations += 2 * Double(rows) * Double(width) * Double(outputs)
    activations += Double(rows) * Double(outputs)
  }

  /// One image–text pair of a value function.
  static func captions(
    _ shape: ModelShape, _ settings: ValueSettings, _ coTraining: CoTrainingSettings
  ) -> TransformerCost {
    var image = shape
    (image.cameras, image.patches) = (1, shape.firstCameraPatches)
    let slots = coTraining.captionTokens
    let tokens = image.imageTokens + slots
    var cost = vision(image, settings.vision, settings.patchSize, settings.network.width)
    cost.add(settings.network, tokens: tokens, seen: tokens, outputs: slots)
    cost.addHead(slots, settings.network.width, shape.textVocabulary)
    return cost
  }

  /// From patches to the model's tokens.
  static func vision(
    _ shape: ModelShape, _ vision: VisionSettings?, _ patchSize: Int, _ width: Int
  ) -> TransformerCost {
    var cost = TransformerCost()
    cost.addHead(shape.patches, shape.patchWidth, vision?.network.width ?? width)
    guard let vision, shape.cameras > 0 else { return cost }
    let own = shape.patches / shape.cameras
    for _ in 0..<shape.cameras {
      cost.add(vision.network, tokens: own, seen: own, outputs: own)
    }
    cost.addHead(
      shape.imageTokens, vision.merge * vision.merge * vision.network.width, width)
    return cost
  }
}
