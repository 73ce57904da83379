import Episodes
import Networks
import Policies
import Tensors

/// Episodes of random numbers with their own ids.
struct BenchEpisode {
  struct File: Sendable {
    var id: String
    var bytes: [UInt8]
  }

  private let episode: Episode

  /// A policy that reads all of such an episode; how large it is does not matter to its data.
  static let policy = PolicySettings(
    backbone: TransformerSettings(
      width: 16, layers: 1, heads: 2, keyValueHeads: 1, headWidth: 8, feedForward: 32),
    expertWidth: 16, expertFeedForward: 32, chunkLength: 16, usesImages: true,
    usesEnvironmentState: false, patchSize: 16)

  /// - Parameters:
  ///   - cameras: Of 64 x 64 pixels.
  ///   - task: The name of the task that it is of.
  init(
    steps: Int = 200, cameras: Int = 2, robot: String = "cell-1", task: String = "bench"
  ) throws {
    var random = RandomSource(seed: 1, stream: "episode")
    let embodiment = Embodiment(
      name: "bench", proprioceptionWidth: 16, environmentStateWidth: 0,
      cameras: (0..<cameras).map { Camera(name: "camera-\($0)", width: 64, height: 64) },
      actionWidth: 8, controlRate: 20)
    var episode = Episode(
      metadata: EpisodeMetadata(
        id: "", job: "", index: 0,
        task: TaskDescription(name: task, instruction: "measure", maximumSteps: 2 * steps),
        embodiment: embodiment, robot: robot, source: .demonstration, seed: 0, outcome: .success,
        recordsImages: cameras > 0, recordsEnvironmentState: false))
    let pixels = (0..<64 * 64 * 3).map { _ in UInt8(random.integer(below: 256)) }
    for step in 0..<steps {
      var image = pixels
      image[step] &+= 1
      try episode.append(
        Observation(
          proprioception: random.normals(16), environmentState: [],
          images: Array(repeating: image, count: cameras)),
        action: random.normals(8)[...], intervention: true)
    }
    self.episode = episode
  }

  var embodiment: Embodiment { episode.metadata.embodiment }
  var task: TaskDescription { episode.metadata.task }

  /// The file of the episode of a job.
  func file(_ index: Int, job: String = "bench/demonstrations/0") throws -> File {
    var own = episode
    own.metadata.id = "\(job)#\(index)"
    own.metadata.job = job
    own.metadata.index = index
    return File(id: own.metadata.id, bytes: try EpisodeFile.serialize(own))
  }
}
