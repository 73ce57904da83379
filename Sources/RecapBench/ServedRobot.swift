import Configuration
import Episodes
import Policies
import PolicyServing
import RecapAlgorithm
import Tensors

/// A made-up robot with a model that answers it, and one observation of it.
struct ServedRobot {
  private enum Model {
    case policy(CheckpointFiles)
    case reference
  }

  private let model: Model
  private let embodiment: Embodiment
  private static let task = TaskDescription(
    name: "bench", instruction: "put every cup from the table into the sink", maximumSteps: 100)
  private let observation: Observation

  /// - Parameter file: Nil for a run's default policy and a robot with 16 joints.
  init(modelFile file: String?) throws {
    var robot = ReferenceRobot(cameras: 0)
    var settings = RunConfiguration.defaults.models.policy
    if let file {
      let models = try ModelFile.load(file: file)
      (robot, settings) = (models.reference, models.policy)
    }
    let embodiment = Self.embodiment(robot)
    self.init(.policy(try Self.checkpoint(settings, of: embodiment)), embodiment)
  }

  /// The robot of the reference model vla-tiny, which Benchmarks/reference has in JAX.
  static func reference() -> ServedRobot {
    typealias Batch = ReferenceBatch
    return ServedRobot(
      .reference,
      embodiment(
        ReferenceRobot(
          cameras: Batch.cameras, pixels: Batch.imageSize, proprioception: Batch.stateWidth,
          action: Batch.actionWidth)))
  }

  private init(_ model: Model, _ embodiment: Embodiment) {
    self.model = model
    self.embodiment = embodiment
    observation = Self.observation(of: embodiment, seed: 1)
  }

  private static func embodiment(_ robot: ReferenceRobot) -> Embodiment {
    Embodiment(
      name: "bench", proprioceptionWidth: robot.proprioception,
      environmentStateWidth: robot.environmentState,
      cameras: (0..<robot.cameras).map {
        Camera(name: "camera\($0)", width: robot.pixels, height: robot.pixels)
      }, actionWidth: robot.action, controlRate: 10)
  }

  private static func observation(of embodiment: Embodiment, seed: UInt64) -> Observation {
    var random = RandomSource(seed: seed)
    return Observation(
      proprioception: random.normals(embodiment.proprioceptionWidth),
      environmentState: random.normals(embodiment.environmentStateWidth),
      images: embodiment.cameras.map { camera in
        (0..<camera.byteCount).map { _ in UInt8(random.integer(below: 256)) }
      })
  }

  /// A policy with random weights: what it costs does not depend on them.
  private static func checkpoint(
    _ settings: PolicySettings, of embodiment: Embodiment
  ) throws -> CheckpointFiles {
    var random = RandomSource(seed: 2)
    var episode = Episode(
      metadata: EpisodeMetadata(
        id: "bench", job: "bench", index: 0, task: task, embodiment: embodiment, robot: "bench",
        source: .demonstration, seed: 0, outcome: .success,
        recordsImages: !embodiment.cameras.isEmpty,
        recordsEnvironmentState: embodiment.environmentStateWidth > 0))
    for step in 0..<40 {
      try episode.append(
        Self.observation(of: embodiment, seed: UInt64(step)),
        action: random.normals(embodiment.actionWidth)[...], intervention: false, subtask: nil)
    }
    return try Policy(settings: settings, learningFrom: [episode], seed: 3).checkpoint()
  }

  /// The model without a server.
  func alone() throws -> any RequestAnswering {
    switch model {
    case .policy(let checkpoint): try Policy(checkpoint: checkpoint)
    case .reference: ReferenceAnswering()
    }
  }

  /// The model, loaded and ready to be served.
  func served(_ options: ServingOptions) async throws -> ServedPolicy {
    if case .policy(let checkpoint) = model { return try await .load(checkpoint, options) }
    let service = PolicyService(
      lanes: options.lanes, batchLimit: options.batchLimit, patience: options.patience
    ) { ReferenceAnswering() }
    try await service.load()
    return ServedPolicy(
      name: options.name, embodiment: embodiment, chunkLength: ReferenceBatch.chunkLength,
      guidance: options.guidance,
      interpreter: try ServingInterpreter(
        mapping: ObservationMapping(embodiment, readsImages: true, readsEnvironmentState: false),
        tasks: [Self.task], defaultTask: nil, indicator: .positive),
      service: service)
  }

  func request(_ guidance: Float) -> PolicyRequest {
    PolicyRequest(observation: observation, task: Self.task, guidance: guidance, seed: 1)
  }

  /// The observation as `openpi-client` sends it.
  var message: [UInt8] {
    ServingMessages.observation(observation, of: embodiment, prompt: Self.task.instruction)
  }
}
