import Episodes
import Messaging
import RecapAlgorithm
import RoleRuntime

/// A connection to a fake coordinator or archive, on the fast clock, whose server can be stopped
/// and started.
final class TestLink: Sendable {
  let transport: InProcessTransport
  let client: any RequestClient
  private let router: RequestRouter

  init(_ router: RequestRouter, faults: FaultPlan? = nil) {
    transport = InProcessTransport(faults: faults, clock: FastClock())
    client = transport.connect()
    self.router = router
  }

  /// Serves until the task is cancelled.
  func serve() -> Task<Void, any Error> {
    Task { [transport, router] in try await transport.server.serve(router) }
  }
}

/// Long enough that a request times out only if nobody answers, however busy the machine.
let patience = Duration.seconds(3_000)
/// For tests in which requests are lost; any other may then time out as well, and be repeated.
let impatience = Duration.seconds(5)

func makeArchiveClient(
  _ link: TestLink, cacheBytes: Int = 1 << 20, timeout: Duration = patience
) -> ArchiveClient {
  ArchiveClient(
    client: link.client, cacheBytes: cacheBytes, requestTimeout: timeout, clock: FastClock())
}

func makeWorker(
  _ link: TestLink, timeout: Duration = patience, vitals: RobotVitals? = nil
) -> Worker {
  Worker(
    WorkerDescription(name: "w", incarnation: "1", role: .advantageLabeller),
    control: link.client, archive: makeArchiveClient(link), clock: FastClock(),
    timing: WorkerTiming(
      requestTimeout: timeout, longestJobWait: .seconds(5), farewellTimeout: timeout),
    vitals: { vitals })
}

/// Does jobs with a closure.
struct ClosureHandler: JobHandler {
  var body: @Sendable (JobOrder, JobContext) async throws -> JobResult
  func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
    try await body(order, context)
  }
}

let noEpisodes = JobResult.episodes([])

/// An episode of a robot with two joints and one motor.
func makeEpisode(id: String, steps: Int = 3) throws -> Episode {
  let task = TaskDescription(name: "t", instruction: "do it", maximumSteps: 10)
  let embodiment = Embodiment(
    name: "e", proprioceptionWidth: 2, environmentStateWidth: 0, cameras: [], actionWidth: 1,
    controlRate: 10)
  var episode = Episode(
    metadata: EpisodeMetadata(
      id: id, job: "j", index: 0, task: task, embodiment: embodiment, robot: "r",
      source: .demonstration, seed: 1, outcome: .success, recordsImages: false,
      recordsEnvironmentState: false))
  for step in 0..<steps {
    try episode.append(
      Observation(proprioception: [Float(step), 0.5]), action: [Float(-step)],
      intervention: step == 1)
  }
  return episode
}
