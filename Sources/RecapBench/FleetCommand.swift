import ArgumentParser
import Foundation

/// How many collectors a coordinator holds.
struct FleetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet",
    abstract: "A coordinator on one core, and many light collectors that are connected to it.",
    discussion: """
      Starts `recap coordinator` on one core and collectors in other processes: workers as they are \
      in a run, with two connections each, but robots that only sleep. Each sends a heartbeat every \
      2 s and an episode without images every 60 s. Tells how long requests took, as \
      the collectors saw it: while they join, 200 a second, while all work, and as all leave at \
      once. And the coordinator's memory and processor time while they work.

        recap-bench fleet
        recap-bench fleet --collectors 500 --seconds 30 --json
      """)

  @Option(help: "Collectors.")
  var collectors = 2000

  @Option(help: "Seconds to measure, after all have joined.")
  var seconds = 90.0

  @Option(help: "Seconds that an episode takes.")
  var episodeSeconds = 60.0

  @Option(help: "Control steps of an episode.")
  var steps = 1200

  @Option(help: "The processor core that the coordinator has for itself, from 0.")
  var core = 0

  @Option(help: "The recap program; default: the one beside this program.")
  var recap: String?

  @Flag(help: "One line of JSON.")
  var json = false

  @Option(help: .hidden)
  var generate: String?
  @Option(help: .hidden)
  var first = 0
  @Option(help: .hidden)
  var joining: Double?

  /// Collectors in one process of this program: each has some ten open files.
  private static let perProcess = 500
  /// Collectors that join in a second.
  static let joinsPerSecond = 200.0

  func validate() throws {
    guard collectors > 0, seconds > 0, episodeSeconds > 0, steps > 0, core >= 0 else {
      throw ValidationError(
        "collectors, seconds, episode-seconds and steps must be above 0, core at least 0; got "
          + "\(collectors), \(seconds), \(episodeSeconds), \(steps), \(core)")
    }
  }

  func run() async throws {
    if let generate {
      let fleet = FleetOfCollectors(
        endpoint: generate, names: (first..<first + collectors).map { "robot-\($0 + 1)" },
        episodeSeconds: episodeSeconds, steps: steps)
      return try printJSON(
        try await fleet.run(joining: joining ?? timeToJoin, working: seconds))
    }
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let program = recap ?? own.deletingLastPathComponent().appending(path: "recap").path
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw ValidationError("there is no program \(program): build it, or name it with --recap")
    }
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "recap-fleet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let coordinator = try startCoordinator(program, in: folder)
    defer {
      coordinator.terminate()
      coordinator.waitUntilExit()
    }
    let endpoint = try await published(in: folder, by: coordinator)
    let figures = try await measure(endpoint, own, coordinator: coordinator.processIdentifier)
    if json { try printJSON(figures) } else { print(figures) }
  }

  // MARK: - The coordinator

  private func startCoordinator(_ program: String, in folder: URL) throws -> Process {
    // Episodes for everybody until the end, and some over.
    let episodes = collectors * (Int((timeToJoin + seconds) / episodeSeconds) + 3)
    let text = """
      name: fleet
      tasks: [{name: fleet, demonstrations: \(episodes)}]
      schedule: {iterations: 1, episodesPerJob: 1}
      robots:
        - name: robot-1
          kind: driver
          observation: {cameras: off, environmentState: false}
          driver: {endpoint: "ipc:///tmp/nowhere"}
      runtime: {heartbeatSeconds: 2, leaseSeconds: 15}
      """
    let file = folder.appending(path: "fleet.yaml")
    try text.write(to: file, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/taskset")
    process.arguments = [
      "--cpu-list", "\(core)", program, "coordinator", file.path, "--dir",
      folder.appending(path: "run").path, "--listen", "tcp://127.0.0.1:*", "--publish",
      folder.appending(path: "endpoint").path, "--quiet",
    ]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }

  private func published(in folder: URL, by coordinator: Process) async throws -> String {
    for _ in 0..<600 {
      guard coordinator.isRunning else { break }
      if let text = try? String(
        contentsOf: folder.appending(path: "endpoint"), encoding: .utf8), !text.isEmpty
      {
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw ValidationError("the coordinator did not begin to listen")
  }

  /// Seconds until all have joined.
  private var timeToJoin: Double { Double(collectors) / Self.joinsPerSecond + 5 }

  // MARK: - The fleet

  private func measure(
    _ endpoint: String, _ own: URL, coordinator: Int32
  ) async throws -> FleetFigures {
    let pid = "\(coordinator)"
    let (collectors, seconds, joining) = (self.collectors, self.seconds, timeToJoin)
    let (episodeSeconds, steps) = (self.episodeSeconds, self.steps)
    let parts = stride(from: 0, to: collectors, by: Self.perProcess).map {
      FleetPart(first: $0, count: min(Self.perProcess, collectors - $0))
    }
    return try await withThrowingTaskGroup(of: FleetTimes.self) { group in
      for part in parts {
        // Those of later parts join later.
        let delay = Double(part.first) / Self.joinsPerSecond
        group.addTask {
          try await Task.sleep(for: .seconds(delay))
          return try await part.run(
            own, endpoint, joining: joining - delay, seconds: seconds,
            episodeSeconds: episodeSeconds, steps: steps)
        }
      }
      try await Task.sleep(for: .seconds(joining))
      var memory: [Int] = []
      let (begin, used) = (ContinuousClock.now, try ProcessFigures.processorSeconds(of: pid))
      while ContinuousClock.now - begin < .seconds(seconds) {
        memory.append(try ProcessFigures.residentBytes(of: pid))
        try await Task.sleep(for: .seconds(min(1, seconds / 10)))
      }
      let share =
        (try ProcessFigures.processorSeconds(of: pid) - used)
        / ((ContinuousClock.now - begin) / .seconds(1))
      var times = FleetTimes()
      for try await part in group { times.add(part) }
      return FleetFigures(
        collectors: collectors, seconds: seconds, times: times, memory: memory,
        processorShare: share)
    }
  }
}

/// Some of the collectors, in a process of their own.
private struct FleetPart: Sendable {
  var first: Int
  var count: Int

  func run(
    _ program: URL, _ endpoint: String, joining: Double, seconds: Double,
    episodeSeconds: Double, steps: Int
  ) async throws -> FleetTimes {
    let process = Process()
    let output = Pipe()
    process.executableURL = program
    process.arguments = [
      "fleet", "--generate", endpoint, "--first", "\(first)", "--collectors", "\(count)",
      "--joining", "\(joining)", "--seconds", "\(seconds)", "--episode-seconds",
      "\(episodeSeconds)", "--steps", "\(steps)",
    ]
    process.standardOutput = output
    try process.run()
    let data = await Task.detached { output.fileHandleForReading.readDataToEndOfFile() }.value
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ValidationError("collectors ended with status \(process.terminationStatus)")
    }
    return try JSONDecoder().decode(FleetTimes.self, from: data)
  }
}
