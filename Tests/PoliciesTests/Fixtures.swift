import Episodes
import Networks
import RecapAlgorithm
import Tensors

@testable import Policies

/// Small robots, tasks and models for tests.
enum Toy {
  static let embodiment = Embodiment(
    name: "toy", proprioceptionWidth: 2, environmentStateWidth: 3, cameras: [], actionWidth: 2,
    controlRate: 10)

  static let camera = Camera(name: "base", width: 8, height: 8)

  static var seeing: Embodiment {
    var embodiment = embodiment
    embodiment.cameras = [camera]
    return embodiment
  }

  static let pour = TaskDescription(
    name: "pour", instruction: "pour a cup of tea", maximumSteps: 12,
    subtasks: ["reach for the pot", "tilt the pot"])
  /// Without subtasks, and with letters that are not ASCII.
  static let wipe = TaskDescription(
    name: "wipe", instruction: "wische den Tisch gründlich ab, bis er glänzt 🧽", maximumSteps: 20)

  static let transformer = TransformerSettings(
    width: 16, layers: 2, heads: 2, keyValueHeads: 1, headWidth: 8, feedForward: 32)

  static func policySettings(_ change: (inout PolicySettings) -> Void = { _ in }) -> PolicySettings
  {
    var settings = PolicySettings(
      backbone: transformer, expertWidth: 12, expertFeedForward: 24, chunkLength: 4,
      usesImages: false, usesEnvironmentState: true,
      actionTokens: ActionTokenSettings(scale: 2, vocabularyLimit: 64, slots: 10))
    change(&settings)
    return settings
  }

  static func training(steps: Int, batchSize: Int = 32, rate: Float = 3e-3) -> TrainingSettings {
    TrainingSettings(
      steps: steps, batchSize: batchSize, learningRate: rate, warmupSteps: 5, averageDecay: 0.9)
  }

  /// Statistics of mean 0 and deviation 1, so that normalised numbers are the numbers.
  static func unit(_ embodiment: Embodiment) -> Normalization {
    func feature(_ width: Int) -> Normalization.Feature {
      let zeros = [Float](repeating: 0, count: width)
      let ones = [Float](repeating: 1, count: width)
      return .init(mean: zeros, std: ones, q01: ones.map { -$0 }, q99: ones)
    }
    return Normalization(
      state: feature(embodiment.proprioceptionWidth),
      environmentState: feature(embodiment.environmentStateWidth),
      actions: feature(embodiment.actionWidth))
  }

  /// - Parameter tokenizer: nil for one trained on the tasks' prompts, which makes each a single
  ///   token.
  static func policy(
    _ settings: PolicySettings = policySettings(), embodiment: Embodiment = embodiment,
    tasks: [TaskDescription] = [pour, wipe], tokenizer: BytePairTokenizer? = nil, seed: UInt64 = 1
  ) throws -> Policy {
    try Policy(
      settings: settings, embodiment: embodiment,
      prompts: Prompts(tasks: tasks, tokenizer: tokenizer), normalization: unit(embodiment),
      actionTokenizer: actionTokenizer(settings, embodiment), seed: seed)
  }

  /// Fitted on random chunks.
  static func actionTokenizer(
    _ settings: PolicySettings, _ embodiment: Embodiment
  ) throws -> FASTTokenizer {
    var random = RandomSource(seed: 1, stream: "chunks")
    let size = settings.chunkLength * embodiment.actionWidth
    return try .fitted(
      on: (0..<200).map { _ in random.normals(size)[...] }, chunkLength: settings.chunkLength,
      actionWidth: embodiment.actionWidth, scale: settings.actionTokens.scale,
      vocabularyLimit: settings.actionTokens.vocabularyLimit)
  }

  /// A policy whose every weight is random: fresh ones have zero gates and heads, which would hide
  /// mistakes.
  static func scrambled(
    _ settings: PolicySettings = policySettings(), embodiment: Embodiment = embodiment,
    tasks: [TaskDescription] = [pour, wipe], tokenizer: BytePairTokenizer? = nil
  ) throws -> Policy {
    let policy = try policy(settings, embodiment: embodiment, tasks: tasks, tokenizer: tokenizer)
    scramble(policy.store)
    return policy
  }

  static func scramble(_ store: ParameterStore) {
    for name in store.names {
      guard let parameter = store.parameter(named: name) else { continue }
      var random = RandomSource(seed: 5, stream: name)
      store.setValues(
        of: parameter, to: store.values(of: parameter).map { $0 + 0.3 * random.normal() })
    }
  }

  static func observation(_ seed: UInt64, _ embodiment: Embodiment = embodiment) -> Observation {
    var random = RandomSource(seed: seed)
    return Observation(
      proprioception: random.normals(embodiment.proprioceptionWidth),
      environmentState: random.normals(embodiment.environmentStateWidth),
      images: embodiment.cameras.map { camera in
        (0..<camera.byteCount).map { _ in UInt8(random.integer(below: 256)) }
      })
  }

  static func request(
    _ seed: UInt64, task: TaskDescription = pour, indicator: AdvantageIndicator = .positive,
    guidance: Float = 1, embodiment: Embodiment = embodiment
  ) -> PolicyRequest {
    PolicyRequest(
      observation: observation(seed, embodiment), task: task, indicator: indicator,
      guidance: guidance, seed: seed)
  }

  /// An episode whose steps are given one by one.
  static func episode(
    _ name: String = "toy", task: TaskDescription = pour, embodiment: Embodiment = embodiment,
    outcome: Outcome = .success, steps: Int,
    step: (Int) -> (Observation, action: [Float], subtask: Int?)
  ) throws -> Episode {
    var episode = Episode(
      metadata: EpisodeMetadata(
        id: name, job: "job", index: 0, task: task, embodiment: embodiment, robot: "robot",
        source: .demonstration, seed: 0, outcome: outcome,
        recordsImages: !embodiment.cameras.isEmpty, recordsEnvironmentState: true))
    for index in 0..<steps {
      let (observation, action, subtask) = step(index)
      try episode.append(observation, action: action[...], intervention: false, subtask: subtask)
    }
    return episode
  }

  /// Random observations, actions and subtasks.
  static func noiseEpisode(
    _ seed: UInt64, task: TaskDescription = pour, embodiment: Embodiment = embodiment, steps: Int
  ) throws -> Episode {
    var random = RandomSource(seed: seed, stream: "actions")
    return try episode("noise \(seed)", task: task, embodiment: embodiment, steps: steps) { index in
      (
        observation(seed * 1000 + UInt64(index), embodiment),
        random.normals(embodiment.actionWidth),
        task.subtasks.isEmpty ? nil : random.integer(below: task.subtasks.count)
      )
    }
  }
}

extension Policy {
  /// The actions alone.
  func chunks(for requests: [PolicyRequest]) throws -> [ActionChunk] {
    try answers(to: requests).map(\.chunk)
  }

  /// The subtasks alone.
  func subtasks(for requests: [PolicyRequest]) throws -> [String?] {
    try answers(to: requests).map(\.subtask)
  }
}

/// Whether two rows of numbers agree to a tolerance.
func isClose(_ a: [Float], _ b: [Float], within tolerance: Float = 1e-4) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance }
}
