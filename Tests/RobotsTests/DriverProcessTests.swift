import Episodes
import Foundation
import Messaging
import Testing
import ZeroMQTransport

@testable import Robots

@Suite("Drivers as processes")
struct DriverProcessTests {
  @Test("A driver that dies ends the wait with its last words")
  func lastWords() async throws {
    let process = try DriverProcess(
      command: ["sh", "-c", "echo the arm is off >&2; exit 3"], endpoint: "ipc:///nowhere")
    let error = await #expect(throws: DriverError.self) {
      try await DriverRobot.connect(client: InProcessTransport().connect(), process: process)
    }
    guard case .ended(_, "status 3", let log) = error else {
      Issue.record("expected status 3, got \(String(describing: error))")
      return
    }
    #expect(log == "the arm is off")
    await process.stop()
    #expect(!FileManager.default.fileExists(atPath: process.log.path))
  }

  @Test(
    "A driver that dies is started anew for the next episode, and only then",
    .timeLimit(.minutes(1)))
  func restart() async throws {
    let flag = FileManager.default.temporaryDirectory.appending(path: "recap-\(UUID().uuidString)")
    let (notices, notice) = AsyncStream.makeStream(of: String.self)
    let processes = Processes()
    // The protocol is spoken in this process; what dies is a shell that waits for the flag.
    let transport = InProcessTransport()
    let serving = Task { try await transport.server.serve(FakeDriver().router) }
    defer { serving.cancel() }
    let robot = try await StartedDriver(notify: { notice.yield($0) }) {
      let process = try DriverProcess(
        command: ["sh", "-c", "while ! rm \(flag.path) 2>&-; do sleep 0.01; done; exit 7"],
        endpoint: "ipc:///nowhere")
      await processes.append(process)
      return try await StartedDriver.Life(
        process: process, client: { transport.connect() }, called: "it")
    }
    _ = try await robot.begin(task: "reach", seed: 1, supervision: .none)
    _ = try await robot.begin(task: "reach", seed: 2, supervision: .none)
    #expect(await processes.all.count == 1)
    try Data().write(to: flag)
    _ = await processes.all[0].end()
    let chunk = ActionChunk(values: [0.1], width: 1)
    _ = try? await robot.execute(chunk, steps: 1)
    #expect(await processes.all.count == 1)
    _ = try await robot.begin(task: "reach", seed: 3, supervision: .none)
    #expect(try await robot.execute(chunk, steps: 1).steps.count == 1)
    #expect(await processes.all.count == 2)
    await robot.stop()
    #expect(await processes.all[1].end() is CancellationError)
    notice.finish()
    let words = await notices.reduce(into: []) { $0.append($1) }
    #expect(words.count == 1)
    #expect(words.first?.contains("ended with status 7") == true)
  }

  /// The processes that a test has started, in order.
  private actor Processes {
    private(set) var all: [DriverProcess] = []
    func append(_ process: DriverProcess) { all.append(process) }
  }

  @Test("A program that does not exist is named")
  func noProgram() async throws {
    let process = try DriverProcess(command: ["recap-no-such-driver"], endpoint: "ipc:///nowhere")
    let reason = String(describing: await process.end())
    #expect(reason.contains("recap-no-such-driver") && reason.contains("No such file"))
    await process.stop()
    #expect(throws: DriverError.notStarted(command: "", reason: "the command is empty")) {
      try DriverProcess(command: [], endpoint: "ipc:///nowhere")
    }
  }

  @Test("A driver that will not stop is ended, and one that was stopped is no error")
  func stubborn() async throws {
    let process = try DriverProcess(
      command: ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"],
      endpoint: "ipc:///nowhere")
    while try String(contentsOf: process.log, encoding: .utf8).isEmpty { await Task.yield() }
    let end = Task { await process.end() }
    await process.stop(grace: .milliseconds(100))
    #expect(await end.value is CancellationError)
  }

  @Test("A driver that heeds the request to end is given the time to", .timeLimit(.minutes(1)))
  func willing() async throws {
    let process = try DriverProcess(
      command: ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done"],
      endpoint: "ipc:///nowhere")
    while try String(contentsOf: process.log, encoding: .utf8).isEmpty { await Task.yield() }
    // Far beyond the test's time: only the driver's own end can be quick.
    await process.stop(grace: .seconds(3600))
  }

  @Test(
    "The Python driver, over a socket",
    .enabled(if: PythonDriver.isAvailable, "needs python3 with pyzmq and numpy"))
  func python() async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "recap-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let endpoint = "ipc://\(directory.path)/driver"
    let process = try DriverProcess(
      command: PythonDriver.command(endpoint: endpoint), endpoint: endpoint,
      log: directory.appendingPathComponent("log"))
    let client = try ZeroMQClient(endpoint: endpoint)
    do {
      let robot = try await DriverRobot.connect(client: client, process: process)
      try await practise(with: robot)
      await process.stop(grace: .seconds(3600))
      // Somebody else's end of the driver would be an error; ours is not.
      #expect(await process.end() is CancellationError)
    } catch {
      await process.stop()
      throw error
    }
    await client.close()
  }

  private func practise(with robot: DriverRobot) async throws {
    #expect(robot.embodiment.name == "toy")
    #expect(robot.tasks.map(\.name) == ["reach", "hold"])
    let left = ActionChunk(values: [-0.25, -0.25, -0.25, -0.25], width: 1)

    let first = try await robot.begin(task: "reach", seed: .max, supervision: .corrections)
    let again = try await robot.begin(task: "reach", seed: .max, supervision: .corrections)
    #expect(first.observation == again.observation)
    #expect(first.observation.images.map(\.count) == [3 * 4 * 3])

    let strayed = try await robot.execute(left, steps: 4)
    #expect(strayed.steps.map(\.intervention) == [false, false, false, true])
    #expect(strayed.steps.map(\.subtask) == [0, 0, 0, 0])
    #expect(strayed.personInControl)
    let mended = try await robot.execute(nil, steps: 10)
    #expect(!mended.personInControl && mended.outcome == nil)
    #expect(mended.steps.allSatisfy { $0.intervention && $0.action == [0.2] })
    let right = ActionChunk(values: Array(repeating: 0.5, count: 8), width: 1)
    let last = try await robot.execute(right, steps: 8)
    #expect(last.outcome == .success)
    // Recorded as executed: the robot clips at 0.25.
    #expect(last.steps.allSatisfy { !$0.intervention && $0.action == [0.25] })

    _ = try await robot.begin(task: "hold", seed: 1, supervision: .demonstration)
    let late = try await robot.execute(nil, steps: 8)
    #expect(late.steps.count == 5 && late.outcome == .failure)
    #expect(late.steps.allSatisfy { $0.subtask == nil })
  }
}

/// The toy robot of the Python package's own tests.
enum PythonDriver {
  private static let client = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Clients/Python")

  /// Found in PATH, or chosen by RECAP_PYTHON.
  private static let python = ProcessInfo.processInfo.environment["RECAP_PYTHON"] ?? "python3"

  static func command(endpoint: String) -> [String] {
    [
      "env", "PYTHONPATH=\(client.path)", python, "\(client.path)/tests/toy_driver.py",
      "--endpoint", endpoint,
    ]
  }

  /// Whether there is a Python with what the package needs.
  static let isAvailable: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "-c", "import zmq, numpy"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()
}
