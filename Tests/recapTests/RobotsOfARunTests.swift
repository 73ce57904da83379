import EpisodeStorage
import Foundation
import RecapAlgorithm
import Testing

/// Robots that are invited to, held back in and removed from a run that goes on, as a person does it.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct RobotsOfARunTests {
  /// A coordinator of its own, which other machines reach.
  private struct Running {
    let folder: URL
    let coordinator: Process
    /// Where it listens for robots with keys.
    let endpoint: String
    var run: String { folder.appending(path: "run").path }

    init() async throws {
      folder = try RecapProcess.temporaryFolder()
      let run = folder.appending(path: "run").path
      let errors = folder.appending(path: "errors")
      try Data().write(to: errors)
      coordinator = try RecapProcess.start(
        [
          "coordinator", "Configs/smoke.yaml", "--dir", run, "--listen", "tcp://0.0.0.0:*",
          "--set", "taskDefaults.demonstrations=400", "--quiet",
        ], output: FileHandle.nullDevice, errors: FileHandle(forWritingTo: errors))
      let places = URL(filePath: "\(run)/coordinator.json")
      var listening: String?
      while listening == nil, coordinator.isRunning {
        try await Task.sleep(for: .milliseconds(50))
        let json = (try? Data(contentsOf: places)).flatMap {
          try? JSONSerialization.jsonObject(with: $0) as? [String: Any]
        }
        listening = (json?["protected"] as? [String])?.first
      }
      let said = try String(contentsOf: errors, encoding: .utf8)
      let port = try #require(listening?.split(separator: ":").last, "\(said)")
      endpoint = "tcp://127.0.0.1:\(port)"
    }

    func stop() async {
      coordinator.terminate()
      await coordinator.ended()
      try? FileManager.default.removeItem(at: folder)
    }

    func robots(_ words: String...) async throws -> RecapProcess.Result {
      try await RecapProcess.run(["robots"] + words)
    }

    /// The invitation of a robot.
    func invite(_ name: String, _ options: String...) async throws -> String {
      let result = try await RecapProcess.run(
        ["robots", "invite", run, name, "--endpoint", endpoint, "--ticket-only"] + options)
      #expect(result.status == 0, "\(result.errors)")
      return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Starts a collector with an invitation; its errors go to a file.
    func collector(_ ticket: String, _ name: String) throws -> (process: Process, errors: URL) {
      let errors = folder.appending(path: "\(name).errors")
      try Data().write(to: errors)
      let file = folder.appending(path: "\(name).ticket")
      try Data(ticket.utf8).write(to: file)
      let process = try RecapProcess.start(
        ["collector", "--join", file.path, "--spool", folder.appending(path: name).path],
        output: FileHandle.nullDevice, errors: FileHandle(forWritingTo: errors))
      return (process, errors)
    }

    /// What `recap robots list` says of a robot, once it satisfies `condition`.
    func record(
      of name: String, until condition: (RobotRecord) -> Bool
    ) async throws -> RobotRecord {
      while true {
        let result = try await robots("list", run, "--json")
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        let all = try decoder.decode([RobotRecord].self, from: Data(result.output.utf8))
        if let record = all.first(where: { $0.view.name == name }), condition(record) {
          return record
        }
        try Task.checkCancellation()
      }
    }
  }

  private struct RobotRecord: Decodable {
    var view: View
    var access: String
    var invitedFor: [String]
    struct View: Decodable {
      var name, state: String
      var isPaused: Bool
      var episodes: Int
      var job: String?
    }
  }

  @Test("a robot is invited, practises, is paused, goes on, is removed and comes back")
  func life() async throws {
    let it = try await Running()
    do {
      try await live(it)
    } catch {
      Issue.record(error)
    }
    await it.stop()
  }

  private func live(_ it: Running) async throws {
    let ticket = try await it.invite("cell-1", "--tasks", "tshirt")
    let twice = try await it.robots("invite", it.run, "cell-1", "--endpoint", it.endpoint)
    #expect(twice.status != 0 && twice.errors.contains("--again"), "\(twice.errors)")
    let keys = try FileManager.default.attributesOfItem(atPath: "\(it.run)/keys/coordinator.key")
    #expect((keys[.posixPermissions] as? Int) == 0o600)

    let (first, said) = try it.collector(ticket, "cell-1")
    let other = try it.collector(try await it.invite("cell-2"), "cell-2")
    let working = try await it.record(of: "cell-1") { $0.view.episodes >= 3 }
    #expect(working.access == "key" && working.invitedFor == ["tshirt"])
    let greeting = try String(contentsOf: said, encoding: .utf8)
    #expect(greeting.contains("cell-1 takes part in run smoke"), "\(greeting)")
    #expect(greeting.contains("task tshirt: 400 demonstrations"))
    #expect(!greeting.contains("task espresso"))

    // Paused it ends its episode, gives its job back, and others go on.
    #expect(try await it.robots("pause", it.run, "cell-1").status == 0)
    let paused = try await it.record(of: "cell-1") { $0.view.state == "paused" }
    let others = try await it.record(of: "cell-2") { _ in true }
    _ = try await it.record(of: "cell-2") { $0.view.episodes > others.view.episodes + 4 }
    let still = try await it.record(of: "cell-1") { _ in true }
    #expect(still.view.episodes == paused.view.episodes && still.view.job == nil)
    #expect(try await it.robots("resume", it.run, "cell-1").status == 0)
    _ = try await it.record(of: "cell-1") { $0.view.episodes > paused.view.episodes }

    // It falls silent and comes back as itself.
    kill(first.processIdentifier, SIGKILL)
    await first.ended()
    let (second, saidLater) = try it.collector(ticket, "cell-1")
    let before = try await it.record(of: "cell-1") { _ in true }
    _ = try await it.record(of: "cell-1") { $0.view.episodes > before.view.episodes + 2 }

    // Removed it is refused at once, and so is its key.
    #expect(try await it.robots("remove", it.run, "cell-1").status == 0)
    await second.ended()
    #expect(second.terminationStatus != 0)
    let farewell = try String(contentsOf: saidLater, encoding: .utf8)
    #expect(farewell.contains("not let in any more"), "\(farewell)")
    let (third, refused) = try it.collector(ticket, "cell-1")
    await third.ended()
    #expect(
      try String(contentsOf: refused, encoding: .utf8).contains("does not accept this key"))
    let removed = try await it.record(of: "cell-1") { _ in true }
    #expect(removed.access == "removed")
    let show = try await it.robots("show", it.run, "cell-1")
    #expect(show.output.contains("cell-1 removed by "), "\(show.output)\(show.errors)")

    let (fourth, _) = try it.collector(try await it.invite("cell-1"), "cell-1")
    _ = try await it.record(of: "cell-1") { $0.view.episodes > removed.view.episodes }
    for process in [fourth, other.process] {
      process.terminate()
      await process.ended()
    }
    // No episode is there twice.
    let ids = try await ArchiveReader(directory: it.run).episodes().map(\.id)
    #expect(Set(ids).count == ids.count)
    let unknown = try await it.robots("pause", it.run, "cell-7")
    #expect(unknown.errors.contains("there is no worker 'cell-7' here"), "\(unknown.errors)")
  }

  @Test("a stopped run's robots are invited, paused and removed too, and the record is kept")
  func stopped() async throws {
    let it = try await Running()
    defer { try? FileManager.default.removeItem(at: it.folder) }
    it.coordinator.terminate()
    await it.coordinator.ended()
    let first = try await it.invite("arm", "--tasks", "espresso")
    // The new key is for the same tasks.
    let second = try await it.invite("arm", "--again")
    let again = try await it.record(of: "arm") { _ in true }
    #expect(first != second && again.invitedFor == ["espresso"])
    for words in [
      ["pause", it.run, "arm"], ["pause", it.run, "cell-2"], ["remove", it.run, "arm"],
    ] {
      let result = try await RecapProcess.run(["robots"] + words)
      #expect(result.status == 0, "\(result.errors)")
    }
    let record = try await it.record(of: "arm") { _ in true }
    #expect(record.access == "removed" && record.view.isPaused)
    let events = try await ArchiveReader(directory: it.run).events().map(\.event)
    #expect(events.count { $0.contains("workerPaused") } == 2)
    #expect(events.count { $0.contains("workerInvited") } == 2)
    #expect(events.count { $0.contains("workerRemoved") } == 2)
  }

  @Test("what is no invitation is told apart from one that was cut off")
  func badTickets() async throws {
    for (ticket, reason) in [
      ("hello", "does not begin with 'recap-join-1.'"),
      ("recap-join-1.eyJydW4i", "paste the whole line"),
    ] {
      let result = try await RecapProcess.run("collector", "--join", ticket)
      #expect(result.status != 0 && result.errors.contains(reason), "\(result.errors)")
    }
  }
}
