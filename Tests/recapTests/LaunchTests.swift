import EpisodeStorage
import Foundation
import Launching
import Testing

/// `recap launch` on this machine, with processes that are killed.
@Suite(.serialized)
struct LaunchTests {
  private struct Status: Decodable {
    struct Launcher: Decodable { var pid: Int32 }
    struct Process: Decodable {
      var name: String
      var state: String
      var pid: Int32?
    }
    var state: String
    var jobsDone: Int
    var launcher: Launcher?
    var processes: [Process]

    func pid(_ name: String) -> Int32? { processes.first { $0.name == name }?.pid }
  }

  private func status(_ run: String) async throws -> Status? {
    let result = try await RecapProcess.run("launch", "status", run, "--json")
    return try? JSONDecoder().decode(Status.self, from: Data(result.output.utf8))
  }

  /// The status, once it is as wanted.
  private func status(
    _ run: String, within seconds: Double = 60, where isRight: (Status) -> Bool
  ) async throws -> Status {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
      if let status = try await status(run), isRight(status) { return status }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw TooLate()
  }

  private struct TooLate: Error {}

  private func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

  @Test("killed processes start again, a killed launcher takes all along, and the run goes on")
  func launchThroughKills() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let names = [
      "coordinator", "value-learner", "labeller", "policy-learner-1", "policy-learner-2",
      "collector-cell-1", "collector-cell-2",
    ]

    let launcher = try RecapProcess.start(
      ["launch", "--cluster", "Cluster/local.yaml", "Configs/smoke.yaml", "--dir", run],
      output: .nullDevice, errors: .nullDevice)
    defer { kill(launcher.processIdentifier, SIGKILL) }
    let begun = try await status(run) { status in
      names.allSatisfy { status.pid($0) != nil } && status.jobsDone >= 1
    }
    #expect(begun.launcher?.pid == launcher.processIdentifier)

    let second = try await RecapProcess.run("launch", "--resume", run)
    #expect(second.status != 0)
    #expect(second.errors.contains("process \(launcher.processIdentifier) ("), "\(second.errors)")

    // Everybody is killed at once; all come back, and the run goes on.
    for name in names { kill(try #require(begun.pid(name)), SIGKILL) }
    let again = try await status(run) { status in
      names.allSatisfy { status.pid($0) != nil && status.pid($0) != begun.pid($0) }
        && status.jobsDone > begun.jobsDone
    }
    for name in names { #expect(!isAlive(try #require(begun.pid(name)))) }

    kill(launcher.processIdentifier, SIGKILL)
    await launcher.ended()
    let deadline = ContinuousClock.now + .seconds(15)
    while again.processes.contains(where: { $0.pid.map(isAlive) ?? false }) {
      if ContinuousClock.now > deadline { throw TooLate() }
      try await Task.sleep(for: .milliseconds(50))
    }

    let result = try await RecapProcess.run("launch", "--resume", run)
    #expect(result.status == 0, "\(result.errors)")
    // The table of 'recap report', and no colours where there is no terminal.
    let report = try await RecapProcess.run("report", run)
    #expect(result.output == report.output)
    #expect(result.errors.contains("coordinator      │ ") && !result.errors.contains("\u{1B}"))
    let verified = try await RecapProcess.run("episodes", "verify", run)
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    #expect(try await ArchiveReader(directory: run).episodes().count == 24)
    let log = try String(contentsOfFile: "\(run)/logs/coordinator.log", encoding: .utf8)
    #expect(log.components(separatedBy: "--- process").count == 4, "three lives")
    try await rollingBack(run)
  }

  /// What is current, before and after a rollback.
  private func rollingBack(_ run: String) async throws {
    struct Summary: Decodable {
      struct Task: Decodable {
        struct Iteration: Decodable {
          var k: Int
          var state: String
        }
        var task: String
        var current: Int?
        var iterations: [Iteration]
      }
      var state: String
      var tasks: [Task]
    }
    func summary() async throws -> Summary {
      let shown = try await RecapProcess.run("runs", "show", run, "--json")
      return try JSONDecoder().decode(Summary.self, from: Data(shown.output.utf8))
    }
    let before = try await summary()
    #expect(before.state == "finished")
    #expect(before.tasks.map(\.current) == [1, 1])
    let result = try await RecapProcess.run("rollback", run, "--task", "espresso", "--to", "0")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == "espresso: iteration 0 is current; withdrawn: 1\n")
    let after = try await summary()
    #expect(after.state == "finished")
    #expect(after.tasks.map(\.current) == [0, 1])
    #expect(after.tasks[0].iterations.map(\.state) == ["current", "withdrawn"])
    let refused = try await RecapProcess.run("rollback", run, "--task", "espresso", "--to", "2")
    #expect(refused.status != 0 && refused.errors.contains("it has 0, 1"), "\(refused.errors)")
    let list = try await RecapProcess.run(
      "runs", "list", URL(filePath: run).deletingLastPathComponent().path)
    #expect(list.output.contains("finished") && list.output.contains("24"), "\(list.output)")
  }

  @Test(
    "what is refused is refused in words, before anything is made",
    arguments: [
      (["launch", "Configs/smoke.yaml"], "Give --cluster"),
      (["launch", "--cluster", "Configs/smoke.yaml", "Configs/smoke.yaml"], "run's configuration"),
      (["launch", "--cluster", "nowhere.yaml", "Configs/smoke.yaml"], "there is no such file"),
      (["launch", "--resume", "nowhere"], "was never launched"),
      (["launch", "status", "nowhere"], "was never launched"),
      (["launch", "stop", "nowhere"], "was never launched"),
      (["launch", "keep", "--name", "x", "--logs", "/tmp"], "after --"),
      (["rollback", "nowhere", "--task", "x", "--to", "0"], "holds no run"),
      (["runs", "list", "nowhere"], "there is no directory nowhere"),
      (["probe", "--connect", "file:/nowhere"], "no coordinator has published"),
      (["coordinator", "Configs/smoke.yaml", "--or-resume"], "--dir"),
    ])
  func refusals(arguments: [String], expected: String) async throws {
    let result = try await RecapProcess.run(arguments)
    #expect(result.status != 0)
    #expect(result.errors.contains(expected), "\(result.errors)")
  }

  @Test("a dry run prints what would be done, and makes nothing")
  func dryRun() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    for (kind, expected) in [
      ("local", "coordinator --resume \(run) --listen ipc://\(run)/coordinator.sock\n"),
      ("slurm", "#SBATCH hetjob"), ("kubernetes", "kind: StatefulSet"), ("hosts", "ssh -T "),
    ] {
      let result = try await RecapProcess.run(
        "launch", "--cluster", "Cluster/\(kind).yaml", "Configs/smoke.yaml", "--dir", run,
        "--dry-run")
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains(expected), "\(kind): \(result.output)")
      #expect(!FileManager.default.fileExists(atPath: run))
    }
  }

  @Test("a command that is kept going starts again, up to its limit")
  func keeping() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let result = try await RecapProcess.run(
      "launch", "keep", "--name", "x", "--logs", folder.path, "--limit", "2", "--first-delay",
      "0.01", "--", "/bin/sh", "-c", "echo out; echo no good >&2; exit 7")
    #expect(result.status == ProcessSupervision.failedStatus)
    #expect(result.errors.contains("x ended with status 7 and was given up after 2 restarts"))
    let log = try String(contentsOf: folder.appending(path: "x.log"), encoding: .utf8)
    #expect(log.components(separatedBy: "no good").count == 4)
    #expect(log.components(separatedBy: "out").count == 4)
    let good = try await RecapProcess.run(
      "launch", "keep", "--name", "x", "--logs", folder.path, "--", "/bin/true")
    #expect(good.status == 0, "\(good.errors)")
  }
}

/// How workers find a coordinator that publishes its address, and how one is watched over.
@Suite(.serialized)
struct PublishedCoordinatorTests {
  @Test("a worker waits for a published coordinator, and follows it to another port")
  func following() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (run, file) = (folder.appending(path: "run").path, folder.appending(path: "place").path)
    let errors = Pipe()
    let worker = try RecapProcess.start(
      ["labeller", "--connect", "file:\(file)"], output: .nullDevice,
      errors: errors.fileHandleForWriting)
    try errors.fileHandleForWriting.close()
    defer { kill(worker.processIdentifier, SIGKILL) }
    var lines = errors.fileHandleForReading.lines.makeAsyncIterator()
    func wait(for text: String) async {
      while let line = await lines.next() { if line.contains(text) { return } }
      Issue.record("the worker ended before it said '\(text)'")
    }
    func coordinator(_ arguments: String...) throws -> Process {
      try RecapProcess.start(
        ["coordinator"] + arguments
          + ["--listen", "tcp://127.0.0.1:*", "--publish", file, "--linger"],
        output: .nullDevice, errors: .nullDevice)
    }
    await wait(for: "waiting for a coordinator to write")
    let first = try coordinator("Configs/smoke.yaml", "--dir", run, "--or-resume")
    defer { kill(first.processIdentifier, SIGKILL) }
    await wait(for: "joined run smoke")
    let published = try String(contentsOfFile: file, encoding: .utf8)
    let probe = try await RecapProcess.run("probe", "--connect", "file:\(file)")
    #expect(probe.status == 0 && probe.output == "run smoke\n", "\(probe.errors)")

    kill(first.processIdentifier, SIGKILL)
    await first.ended()
    let silent = try await RecapProcess.run(
      "probe", "--connect", "file:\(file)", "--timeout", "0.2")
    #expect(silent.status != 0 && silent.errors.contains("no coordinator answered at tcp://"))

    let second = try coordinator("Configs/smoke.yaml", "--dir", run, "--or-resume")
    defer { kill(second.processIdentifier, SIGKILL) }
    await wait(for: "the coordinator is at another place now")
    await wait(for: "joined run smoke")
    #expect(try String(contentsOfFile: file, encoding: .utf8) != published)
    kill(second.processIdentifier, SIGTERM)
    await second.ended()
    #expect(second.terminationStatus == 130)
  }

  @Test("addresses of all networks are published by the machine's name")
  func addresses() {
    #expect(
      CoordinatorAddress.reachable("tcp://0.0.0.0:7700", host: "node1") == "tcp://node1:7700")
    #expect(
      CoordinatorAddress.reachable("tcp://127.0.0.1:7700", host: "n") == "tcp://127.0.0.1:7700")
  }

  @Test("at an address that other machines reach, a coordinator answers whoever has a key")
  func keys() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (run, file) = (folder.appending(path: "run").path, folder.appending(path: "endpoint").path)
    let coordinator = try RecapProcess.start(
      [
        "coordinator", "Configs/smoke.yaml", "--dir", run, "--listen", "tcp://0.0.0.0:*",
        "--publish", file, "--quiet",
      ], output: FileHandle.nullDevice, errors: FileHandle.nullDevice)
    var published = ""
    while published.isEmpty, coordinator.isRunning {
      try await Task.sleep(for: .milliseconds(20))
      published = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    }
    let port = published.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ":").last
    let question = ["probe", "--connect", "tcp://127.0.0.1:\(port ?? "")", "--timeout"]
    let stranger = try await RecapProcess.run(question + ["1"])
    #expect(stranger.status != 0 && stranger.errors.contains("no coordinator answered"))
    let friend = try await RecapProcess.run(question + ["30", "--keys", "\(run)/keys"])
    #expect(friend.output == "run smoke\n", "\(friend.errors)")
    coordinator.terminate()
    await coordinator.ended()
  }
}
