import CollectorRole
import Configuration
import EpisodeStorage
import Episodes
import Foundation
import Logging
import Messaging
import RecapAlgorithm
import Robots
import RoleRuntime
import Testing
import ZeroMQTransport

@testable import CoordinatorRole

/// Robots that share a task's quota of episodes: collectors as they are in a run, and a coordinator with an archive,
/// over tcp.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct SharedQuotaTests {
  @Test("two robots that run in real time record a quota at least 1.8 times as fast as one")
  func twoAreFaster() async throws {
    var seconds: [Double] = []
    for robots in [["left"], ["left", "right"]] {
      let quota = try await Quota(episodes: 16)
      seconds.append(
        try await quota.collecting { group, begin in
          for robot in robots { quota.add(robot, to: &group) }
          try await quota.isDone()
          return (ContinuousClock.now - begin) / .seconds(1)
        })
    }
    let ratio = seconds[0] / seconds[1]
    print(
      String(
        format: "16 episodes: one robot %.2f s, two %.2f s, ratio %.2f", seconds[0], seconds[1],
        ratio))
    #expect(seconds[0] >= 16 * PacedRobot.episodeSeconds, "a step was shorter than it is")
    #expect(ratio >= 1.8)
  }

  @Test("robots come and go, and what is left of the quota moves to those who are here")
  func theQuotaMoves() async throws {
    let quota = try await Quota(episodes: 12)
    let robots = try await quota.collecting { group, _ in
      let first = quota.start("first")
      while try await quota.recorded().count < 3 { try await Task.sleep(for: .milliseconds(20)) }
      quota.add("second", to: &group)
      while Set(try await quota.recorded().map(\.robot)).count < 2 {
        try await Task.sleep(for: .milliseconds(20))
      }
      // In the middle of an episode, which another does from its start.
      first.cancel()
      _ = await first.result
      try await quota.isDone()
      return try await quota.recorded().map(\.robot)
    }
    // The plan accepts a job only with each of its episodes once.
    #expect(robots.count == 12)
    #expect(robots.count { $0 == "first" } < robots.count { $0 == "second" })
  }
}

/// A run of which only the demonstrations of one task are recorded.
private struct Quota {
  let folder: URL
  let archive: Archive
  let coordinator: Coordinator
  let server: ZeroMQServer

  init(episodes: Int) async throws {
    folder = try RecapProcess.temporaryFolder()
    let configuration = try RunConfiguration(
      yaml: """
        name: quota
        tasks: [{name: fold, demonstrations: \(episodes)}]
        schedule: {iterations: 1, episodesPerJob: 1}
        robots:
          - name: left
            kind: driver
            observation: {cameras: off, environmentState: false}
            driver: {endpoint: "ipc:///tmp/nowhere"}
        """, workcellTasks: [])
    archive = try await Archive.create(
      at: folder.appending(path: "run").path,
      run: RunDescription(
        name: configuration.name, configuration: configuration.resolvedJSON, version: "test"))
    server = try ZeroMQServer(endpoints: ["tcp://127.0.0.1:*"])
    coordinator = try await Coordinator(
      archive: archive, configuration: configuration, server: server, log: Logger(label: "test"),
      notify: { _ in })
  }

  /// Runs the coordinator around `body`, and stops it and all robots afterwards.
  func collecting<T: Sendable>(
    _ body: (inout ThrowingTaskGroup<Void, any Error>, ContinuousClock.Instant) async throws -> T
  ) async throws -> T {
    defer { try? FileManager.default.removeItem(at: folder) }
    let coordinator = coordinator
    let result = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do { try await coordinator.run() } catch is CancellationError {}
      }
      defer { group.cancelAll() }
      return try await body(&group, .now)
    }
    await server.close()
    try await archive.close()
    return result
  }

  func add(_ name: String, to group: inout ThrowingTaskGroup<Void, any Error>) {
    group.addTask { try await collect(name) }
  }

  func start(_ name: String) -> Task<Void, any Error> { Task { try await collect(name) } }

  private func collect(_ name: String) async throws {
    func client() throws -> ZeroMQClient {
      try ZeroMQClient(endpoint: server.boundEndpoints[0])
    }
    let robot = PacedRobot()
    let worker = Worker(
      WorkerDescription(
        name: name, incarnation: UUID().uuidString, role: .collector,
        embodiment: robot.embodiment, tasks: robot.tasks),
      control: try client(), archive: ArchiveClient(client: try client()))
    let spool = try EpisodeSpool(directory: folder.appending(path: "spool-\(name)").path)
    try await Collector(robot: robot, worker: worker, spool: spool).run()
  }

  func recorded() async throws -> [EpisodeRow] { try await archive.episodes() }

  /// Returns when every demonstration's job is done.
  func isDone() async throws {
    while true {
      let stage = await coordinator.plan.stages[0]
      if stage.jobsDone == stage.jobs { return }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

/// A robot that only takes its time: every step ends when its turn in real time is over, so that the processor is idle
/// for almost all of an episode.
private actor PacedRobot: Robot {
  static let rate = 20.0
  static let steps = 10
  static var episodeSeconds: Double { Double(steps) / rate }

  nonisolated let embodiment = Embodiment(
    name: "arm", proprioceptionWidth: 1, environmentStateWidth: 0, cameras: [], actionWidth: 1,
    controlRate: rate)
  nonisolated let tasks = [
    TaskDescription(name: "fold", instruction: "fold", maximumSteps: 2 * steps)
  ]
  private var done = 0
  private var start = ContinuousClock.now

  func begin(task: String, seed: UInt64, supervision: Supervision) -> RobotTurn {
    done = 0
    start = .now
    return RobotTurn(observation: Observation(proprioception: [0]), personInControl: true)
  }

  func execute(_ chunk: ActionChunk?, steps: Int) async throws -> RobotTurn {
    var executed: [RobotStep] = []
    while executed.count < steps, done < Self.steps {
      done += 1
      try await Task.sleep(until: start + .seconds(Double(done) / Self.rate))
      executed.append(
        RobotStep(
          observation: Observation(proprioception: [Float(done)]), action: [0], intervention: true))
    }
    return RobotTurn(
      steps: executed, observation: Observation(proprioception: [Float(done)]),
      outcome: done == Self.steps ? .success : nil, personInControl: true)
  }
}
