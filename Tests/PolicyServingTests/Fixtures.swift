import Episodes
import Networks
import Policies
import RecapAlgorithm
import Tensors

@testable import PolicyServing

/// A small robot, its tasks, and policies for them.
enum Toy {
  static let embodiment = Embodiment(
    name: "toy", proprioceptionWidth: 3, environmentStateWidth: 2,
    cameras: [Camera(name: "base", width: 8, height: 4)], actionWidth: 2, controlRate: 10)
  static let pour = TaskDescription(
    name: "pour", instruction: "pour a cup of tea", maximumSteps: 12,
    subtasks: ["reach for the pot", "tilt the pot"])
  static let wipe = TaskDescription(name: "wipe", instruction: "wipe the table", maximumSteps: 20)
  static let chunkLength = 4

  static func observation(_ seed: UInt64) -> Observation {
    var random = RandomSource(seed: seed)
    return Observation(
      proprioception: random.normals(3), environmentState: random.normals(2),
      images: [(0..<embodiment.cameras[0].byteCount).map { _ in UInt8(random.integer(below: 256)) }]
    )
  }

  /// A policy with random weights that reads all three kinds of columns.
  static func checkpoint() throws -> CheckpointFiles {
    var random = RandomSource(seed: 1, stream: "episodes")
    let episodes = try [pour, wipe].map { task in
      var episode = Episode(
        metadata: EpisodeMetadata(
          id: task.name, job: "job", index: 0, task: task, embodiment: embodiment, robot: "robot",
          source: .demonstration, seed: 0, outcome: .success, recordsImages: true,
          recordsEnvironmentState: true))
      for step in 0..<20 {
        try episode.append(
          observation(UInt64(step)), action: random.normals(2)[...], intervention: false,
          subtask: task.subtasks.isEmpty ? nil : step / 10)
      }
      return episode
    }
    let settings = PolicySettings(
      backbone: TransformerSettings(
        width: 16, layers: 1, heads: 2, keyValueHeads: 1, headWidth: 8, feedForward: 32),
      expertWidth: 12, expertFeedForward: 24, chunkLength: chunkLength, eulerSteps: 2,
      usesImages: true, usesEnvironmentState: true, patchSize: 4,
      actionTokens: ActionTokenSettings(scale: 2, vocabularyLimit: 64, slots: 10))
    return try Policy(settings: settings, learningFrom: episodes, seed: 3).checkpoint()
  }

  /// As a client sends it.
  static func message(
    _ observation: Observation, prompt: String? = "pour a cup of tea",
    more: [(String, MessagePackValue)] = []
  ) -> [UInt8] {
    let camera = embodiment.cameras[0]
    var fields: [(String, MessagePackValue)] = [
      ("observation/state", .numpy(NumPyArray(observation.proprioception, shape: [3]))),
      (
        "observation/environment_state",
        .numpy(NumPyArray(observation.environmentState, shape: [2]))
      ),
      ("observation/images/base", picture(observation.images[0], camera.height, camera.width, 3)),
    ]
    if let prompt { fields.append(("prompt", .string(prompt))) }
    return MessagePackValue.map(
      (fields + more).map { .init(key: .string($0.0), value: $0.1) }
    ).message
  }

  static func picture(_ bytes: [UInt8], _ shape: Int...) -> MessagePackValue {
    .numpy(
      NumPyArray(type: NumPyArray.ElementType("|u1")!, shape: shape, bytes: bytes[...])!)
  }

  static func interpreter(
    rules: [ObservationMapping.Rule] = [], resizes: Bool = false, task: String? = nil,
    tasks: [TaskDescription] = [pour, wipe]
  ) throws -> ServingInterpreter {
    try ServingInterpreter(
      mapping: ObservationMapping(
        embodiment, readsImages: true, readsEnvironmentState: true, rules: rules,
        fillsCameras: resizes),
      tasks: tasks, defaultTask: task, indicator: .positive)
  }

  static func request(_ seed: UInt64) -> PolicyRequest {
    PolicyRequest(observation: observation(seed), task: pour, seed: seed)
  }
}

/// A model that answers with the request's seed and counts its calls.
struct StandIn: RequestAnswering {
  /// The seeds of each call. May block.
  var onCall: @Sendable ([UInt64]) throws -> Void = { _ in }
  /// Requests of this seed fail.
  var failing: UInt64?

  struct Failure: Error {}

  func answers(to requests: [PolicyRequest]) throws -> [PolicyAnswer] {
    try onCall(requests.map(\.seed))
    if requests.contains(where: { $0.seed == failing }) { throw Failure() }
    return requests.map {
      PolicyAnswer(chunk: ActionChunk(values: [Float($0.seed), 0], width: 2), subtask: nil)
    }
  }
}
