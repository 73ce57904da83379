import Configuration
import CoordinatorRole
import EpisodeStorage
import Foundation
import RecapAlgorithm
import Testing

/// Labelling that several processes share.
@Suite(.timeLimit(.minutes(5)))
struct ShardedLabellingTests {
  /// One robot, since an episode's file names the robot that recorded it, and a value function large enough that
  /// reading a shard takes longer than killing who reads it.
  private static let settings = [
    "--seed", "7", "--quiet", "--set", "robots.cell.count=1", "--set",
    "taskDefaults.demonstrations=8",
    "--set", "taskDefaults.evaluationEpisodes=1", "--set", "runtime.leaseSeconds=2",
    "--set",
    "models.value.network={width: 128, layers: 4, heads: 4, keyValueHeads: 4, headWidth: 32, feedForward: 512}",
    "--set", "training.valuePretrain.steps=2", "--set", "training.value.steps=2",
  ]

  private struct NotInTime: Error {}

  /// Waits for something to be there.
  private func waiting<T>(_ look: () async throws -> T?) async throws -> T {
    let deadline = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < deadline {
      if let found = try await look() { return found }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw NotInTime()
  }

  private func plan(of run: String) async throws -> Plan {
    let archive = try ArchiveReader(directory: run)
    let configuration = try RunConfiguration(resolvedJSON: try await archive.run().configuration)
    return try await Plan(of: configuration, in: archive)
  }

  private func labelSets(of run: String) async throws -> [String: String] {
    let sets = try await ArchiveReader(directory: run).labelSets()
    return Dictionary(uniqueKeysWithValues: sets.map { ($0.metadata.job, $0.digest.rawValue) })
  }

  @Test("three labellers, one killed over its shard, make the label sets that one makes alone")
  func sharedAndKilled() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let alone = folder.appending(path: "alone").path
    let result = try await RecapProcess.run(
      ["run", "Configs/smoke.yaml", "--dir", alone] + Self.settings)
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      try await plan(of: alone).jobs.allSatisfy {
        $0.role != .advantageLabeller || $0.stage == $0.id
      })

    let shared = folder.appending(path: "shared").path
    let endpoint = folder.appending(path: "endpoint").path
    var processes: [String: Process] = [:]
    defer { for process in processes.values where process.isRunning { process.terminate() } }
    func start(_ name: String, _ arguments: [String]) throws {
      processes[name] = try RecapProcess.start(
        arguments, output: .nullDevice, errors: .nullDevice)
    }
    try start(
      "coordinator",
      [
        "coordinator", "Configs/smoke.yaml", "--dir", shared, "--listen", "tcp://127.0.0.1:*",
        "--publish", endpoint, "--set", "schedule.episodesPerLabelJob=4",
      ] + Self.settings)
    let workers = [
      ("collector", "cell-1"), ("value-learner", "value-learner"), ("labeller", "labeller-1"),
      ("labeller", "labeller-2"), ("labeller", "labeller-3"), ("policy-learner", "policy-learner"),
    ]
    for (role, name) in workers {
      let place = folder.appending(path: name).path
      let own =
        role == "collector" ? ["--spool", place] : role == "labeller" ? [] : ["--states", place]
      try start(name, [role, "--connect", "file:\(endpoint)", "--name", name] + own)
    }

    let victim = "labeller-2"
    let lease = try await waiting { () -> String? in
      guard FileManager.default.fileExists(atPath: "\(shared)/catalogue.sqlite") else { return nil }
      let leases = (try? await plan(of: shared).liveLeases) ?? []
      return leases.first { $0.worker == victim && $0.job.hasPrefix("pretrain/labels/") }?.lease
    }
    kill(try #require(processes[victim]).processIdentifier, SIGKILL)
    let coordinator = try #require(processes["coordinator"])
    await coordinator.ended()
    #expect(coordinator.terminationStatus == 0)

    // 8 + 8 demonstrations, then 8 + 2 + 2 of each task, in collect jobs of 2.
    let finishedPlan = try await plan(of: shared)
    let stages = finishedPlan.stages.filter { $0.role == .advantageLabeller }
    #expect(stages.map(\.jobs) == [5, 4, 4] && stages.map(\.episodesDone) == [16, 12, 12])
    // What the victim had begun, another has done.
    let events = try await ArchiveReader(directory: shared).events().map(\.event)
    let finished = events.filter { $0.contains("jobFinished") }
    #expect(!finished.contains { $0.contains("\"\(lease)\"") })
    #expect(finished.count { $0.contains("\"\(lease.dropLast())2\"") } == 1)
    let readers = ["labeller-1", "labeller-3"].filter { name in
      finished.contains { $0.contains("\"\(name)\"") && $0.contains("pretrain/labels/") }
    }
    #expect(readers.count == 2, "one of the others did it all")

    let sets = try await labelSets(of: alone)
    #expect(Set(sets.keys) == ["pretrain/labels", "tshirt/1/labels", "espresso/1/labels"])
    #expect(try await labelSets(of: shared) == sets)
    let verified = try await RecapProcess.run("episodes", "verify", shared)
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
  }
}
