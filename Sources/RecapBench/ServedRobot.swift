import Configuration
import Episodes
import Policies
import PolicyServing
import RecapAlgorithm
import Tensors

/// A made-up robot for the policy of a file of models, and one observation of it.
struct ServedRobot {
  private let settings: PolicySettings
  private let embodiment: Embodiment
  private let task = TaskDescription(
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
    self.settings = settings
    embodiment = Embodiment(
      name: "bench", proprioceptionWidth: robot.proprioception,
      environmentStateWidth: robot.environmentState,
      cameras: (0..<robot.cameras).map {
        Camera(name: "camera\($0)", width: robot.pixels, height: robot.pixels)
      }, actionWidth: robot.action, controlRate: 10)
    observation = Self.observation(of: embodiment, seed: 1)
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
  func checkpoint() throws -> CheckpointFiles {
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

  func request(_ guidance: Float) -> PolicyRequest {
    PolicyRequest(observation: observation, task: task, guidance: guidance, seed: 1)
  }

  /// The observation as `openpi-client` sends it.
  var message: [UInt8] {
    ServingMessages.observation(observation, of: embodiment, prompt: task.instruction)
  }
}
