import EpisodeStorage
import Episodes
import Foundation
import Monitoring
import RecapAlgorithm
import Testing

/// The whole loop as a person runs it: one process, every role, ZeroMQ and SQLite in between.
@Suite(.serialized)
struct WholeRunTests {
  @Test("a run goes from demonstrations to a report, and everything stored is sound")
  func smokeRun() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path

    let result = try await RecapProcess.run("run", "Configs/smoke.yaml", "--dir", run)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("espresso"))
    #expect(result.errors.contains("espresso/1/policy"), "no line for a finished job")

    // A finished run is one catalogue file, which reading leaves alone.
    let json = try await RecapProcess.run("report", run, "--json")
    for suffix in ["-wal", "-shm"] {
      #expect(!FileManager.default.fileExists(atPath: "\(run)/catalogue.sqlite\(suffix)"))
    }
    let report = try JSONDecoder().decode(Report.self, from: Data(json.output.utf8))
    #expect(report.tasks.map(\.task) == ["espresso", "tshirt"])
    for task in report.tasks {
      #expect(task.iterations.map(\.k) == [0, 1])
      #expect(task.iterations.allSatisfy { $0.episodes == 2 && $0.successes <= 2 })
      #expect(task.iterations[0].interventionShare == 0)
    }

    // 2 tasks × (4 demonstrations + 1 × (2 autonomous + 2 corrected) + 2 × 2 evaluations)
    let archive = try ArchiveReader(directory: run)
    let episodes = try await archive.episodes()
    #expect(episodes.count == 24)
    #expect(Set(episodes.map(\.robot)) == ["cell-1", "cell-2"])

    // Every failure says why, in the catalogue, in the episode and on the command line.
    let failures = episodes.filter { $0.outcome == .failure }
    #expect(!failures.isEmpty)
    #expect(episodes.allSatisfy { ($0.reason != nil) == ($0.outcome == .failure) })
    for row in failures {
      #expect(try await archive.contents(of: row).metadata.reason == row.reason)
    }
    let listed = try await RecapProcess.run("episodes", "list", run, "--json")
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    let rows = try decoder.decode([EpisodeRow].self, from: Data(listed.output.utf8))
    #expect(rows.map(\.reason) == episodes.map(\.reason))
    #expect(rows.map(\.stage) == episodes.map(\.stage))
    #expect(listed.output.contains("\"seed\" : \"\(rows[0].seed)\""))
    let unknown = try await RecapProcess.run("episodes", "list", run, "--task", "foo")
    #expect(unknown.status != 0 && unknown.errors.contains("it has tshirt, espresso"))
    let failure = try #require(failures.first)
    let reason = try #require(failure.reason)
    let shown = try await RecapProcess.run("episodes", "show", run, failure.id)
    #expect(shown.output.contains(reason))
    let table = try await RecapProcess.run("episodes", "list", run, "--outcome", "failure")
    #expect(table.output.split(separator: "\n")[1].contains(reason))

    try await drawing(run, archive)
    try await previewing(run, archive)
    try await checkingTheValue(run, archive)
    try await evaluatingAgain(run, archive)

    let verified = try await RecapProcess.run("episodes", "verify", run)
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    let verification = try await RecapProcess.run("episodes", "verify", run, "--json")
    #expect(verification.output.contains("\"sound\" : true"))
  }

  /// Values of a labelled episode are the label set's; those of an evaluation episode are asked of
  /// the value function; and a figure of either is drawn.
  private func drawing(_ run: String, _ archive: ArchiveReader) async throws {
    struct Figure: Decodable {
      var steps: Int
      var valuesFrom: String
      var values: [Float]
    }
    let practice = try #require(
      try await archive.episodes(matching: EpisodeQuery(task: "espresso", sources: [.corrected]))
        .first)
    let stored = try await RecapProcess.run("plot", "value", run, practice.id, "--json")
    let figure = try JSONDecoder().decode(Figure.self, from: Data(stored.output.utf8))
    #expect(figure.valuesFrom == "label set espresso/1/labels")
    #expect(figure.values.count == practice.steps && figure.steps == practice.steps)
    let set = try #require(try await archive.labelSets().last { $0.task == "espresso" })
    let labels = try LabelSetFile.parse(try await archive.blob(set.digest))
    #expect(figure.values == labels.episodes[practice.digest]?.values)

    // The same values from the checkpoint that the labels were made with.
    let asked = try await RecapProcess.run(
      "plot", "value", run, practice.id, "--json", "--values", "espresso/1/value")
    let again = try JSONDecoder().decode(Figure.self, from: Data(asked.output.utf8))
    #expect(again.valuesFrom == "value checkpoint espresso/1/value")
    #expect(zip(again.values, figure.values).allSatisfy { abs($0 - $1) < 1e-5 })

    let file = "\(run)/figure.png"
    let drawn = try await RecapProcess.run(
      "plot", "value", run, "espresso/1/evaluate/0#0", "--output", file)
    #expect(drawn.status == 0, "\(drawn.errors)")
    #expect(drawn.output.contains("V from value checkpoint espresso/1/value"))
    #expect(try Data(contentsOf: URL(filePath: file)).starts(with: [0x89, 0x50, 0x4E, 0x47]))
    try FileManager.default.removeItem(atPath: file)

    let several = try await RecapProcess.run("plot", "value", run, "espresso/1", "--json")
    #expect(several.status != 0 && several.errors.contains("6 episodes' ids begin with"))
    let never = try await RecapProcess.run(
      "plot", "value", run, "espresso/1/evaluate/0#0", "--values", "1")
    #expect(never.status != 0 && never.errors.contains("--values"), "\(never.errors)")
  }

  /// The tasks' failures are all counted, those of which nobody knows the moment included.
  private func checkingTheValue(_ run: String, _ archive: ArchiveReader) async throws {
    struct Check: Decodable {
      var task: String
      var failures: Int
      var mistake: DropTiming?
      var decision: DropTiming?
    }
    let query = EpisodeQuery(sources: [.evaluation], outcome: .failure)
    let failures = Dictionary(grouping: try await archive.episodes(matching: query), by: \.task)
    let result = try await RecapProcess.run("value", "check", run, "--json")
    let checks = try JSONDecoder().decode([Check].self, from: Data(result.output.utf8))
    #expect(checks.map(\.task) == failures.keys.sorted())
    for check in checks {
      let known = (failures[check.task] ?? []).count { $0.decidedAtStep != nil }
      #expect(check.failures == failures[check.task]?.count)
      #expect((check.mistake?.episodes ?? 0) == known)
      #expect((check.decision?.episodes ?? 0) == known)
    }
  }

  /// With the run's own settings a policy does what it did in the run's evaluation.
  private func evaluatingAgain(_ run: String, _ archive: ArchiveReader) async throws {
    struct Trial: Decodable {
      var policy: String
      var guidance: Float
      var statistics: PracticeStatistics
    }
    let query = EpisodeQuery(task: "espresso", sources: [.evaluation], iteration: 1)
    let episodes = try await archive.episodes(matching: query)
    let own = try #require(episodes.first?.guidance)
    let result = try await RecapProcess.run(
      "evaluate", run, "--task", "espresso", "--guidance", "\(own)", "1", "--json")
    #expect(result.status == 0, "\(result.errors)")
    let trials = try JSONDecoder().decode([Trial].self, from: Data(result.output.utf8))
    #expect(trials.map(\.guidance) == [own, 1])
    #expect(trials.allSatisfy { $0.policy == "espresso/1/policy" && $0.statistics.episodes == 2 })
    let attempts = episodes.map {
      PracticeStatistics.Attempt(
        outcome: $0.outcome, steps: $0.steps, controlRate: $0.controlRate)
    }
    #expect(abs(trials[0].statistics.hours - (PracticeStatistics(attempts)?.hours ?? 0)) < 1e-9)
    let never = try await RecapProcess.run("evaluate", run, "--task", "tshirt", "--iteration", "3")
    #expect(never.status != 0 && never.errors.contains("iteration of tshirt"), "\(never.errors)")
  }

  /// A preview with a label set's own settings is that label set.
  private func previewing(_ run: String, _ archive: ArchiveReader) async throws {
    for set in try await archive.labelSets() {
      for (task, summary) in set.metadata.tasks {
        let result = try await RecapProcess.run(
          "label", "preview", run, "--task", task, "--iteration", "\(set.iteration ?? 0)", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let preview = try JSONDecoder().decode(LabelPreview.self, from: Data(result.output.utf8))
        #expect(preview.summary == summary)
      }
    }
    let other = try await RecapProcess.run(
      "label", "preview", run, "--task", "espresso", "--lookahead", "5", "--positive-share", "0.1")
    #expect(other.output.contains("lookahead 5 steps, share p = 10.0 %"))
    let unknown = try await RecapProcess.run("label", "preview", run, "--task", "foo")
    #expect(unknown.status != 0 && unknown.errors.contains("it has espresso, tshirt"))
  }

  @Test("the same seed gives the same episodes and checkpoints, whoever did what")
  func repeatability() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var digests: [[String: String]] = []
    for policyLearners in [1, 2] {
      let run = folder.appending(path: "\(policyLearners)").path
      let result = try await RecapProcess.run(
        "run", "Configs/smoke.yaml", "--dir", run, "--seed", "7", "--quiet",
        "--set", "runtime.policyLearners=\(policyLearners)")
      #expect(result.status == 0, "\(result.errors)")
      let checkpoints = try await ArchiveReader(directory: run).checkpoints()
      digests.append(
        Dictionary(uniqueKeysWithValues: checkpoints.map { ($0.job, $0.digest.rawValue) }))
    }
    #expect(digests[0].count == 8)
    #expect(digests[0] == digests[1])
  }

  @Test("kill -9 in the middle, then --resume: nothing acknowledged is lost or done twice")
  func killAndResume() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    var before: (episodes: [EpisodeRow], events: Int) = ([], 0)

    // Twice: while demonstrations are recorded, and after the first network was trained.
    for landmark in ["demonstrations/1", "pretrain/value"] {
      let errors = Pipe()
      let arguments =
        FileManager.default.fileExists(atPath: "\(run)/catalogue.sqlite")
        ? ["run", "--resume", run] : ["run", "Configs/smoke.yaml", "--dir", run]
      let process = try RecapProcess.start(
        arguments, output: FileHandle.nullDevice, errors: errors.fileHandleForWriting)
      try errors.fileHandleForWriting.close()
      for await line in errors.fileHandleForReading.lines
      where line.contains(landmark) && line.contains("✓") { break }
      kill(process.processIdentifier, SIGKILL)
      await process.ended()

      let archive = try ArchiveReader(directory: run)
      let episodes = try await archive.episodes()
      let events = try await archive.events().count
      #expect(Set(before.episodes.map(\.digest)).isSubset(of: episodes.map(\.digest)))
      #expect(events > before.events)
      before = (episodes, events)
    }

    let finished = try await RecapProcess.run("run", "--resume", run)
    #expect(finished.status == 0, "\(finished.errors)")
    let archive = try ArchiveReader(directory: run)
    let episodes = try await archive.episodes()
    #expect(episodes.count == 24)
    #expect(Set(episodes.map(\.id)).count == 24)
    #expect(Set(before.episodes.map(\.digest)).isSubset(of: episodes.map(\.digest)))
    let verified = try await RecapProcess.run("episodes", "verify", run)
    #expect(verified.status == 0, "\(verified.output)")

    // What came out is what an undisturbed run gives.
    let calm = folder.appending(path: "calm").path
    #expect(try await RecapProcess.run("run", "Configs/smoke.yaml", "--dir", calm).status == 0)
    let disturbed = try await archive.checkpoints().map { "\($0.job) \($0.digest)" }.sorted()
    let undisturbed = try await ArchiveReader(directory: calm).checkpoints()
      .map { "\($0.job) \($0.digest)" }.sorted()
    #expect(disturbed == undisturbed)
  }

  @Test("Ctrl-C stops cleanly and says how to go on")
  func interruption() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let errors = Pipe()
    let process = try RecapProcess.start(
      ["run", "Configs/smoke.yaml", "--dir", run], output: FileHandle.nullDevice,
      errors: errors.fileHandleForWriting)
    try errors.fileHandleForWriting.close()
    var text = ""
    var isAsked = false
    for await line in errors.fileHandleForReading.lines {
      text += line + "\n"
      if line.contains("demonstrations/0"), !isAsked {
        isAsked = true
        kill(process.processIdentifier, SIGINT)
      }
    }
    await process.ended()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 130)
    #expect(text.contains("recap run --resume \(run)"))
    // The directory is free again.
    let archive = try await Archive.open(at: run)
    try await archive.close()
  }

  @Test("the roles run as processes of their own over TCP as they do in one")
  func separateProcesses() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let endpoint = "ipc://\(folder.path)/c.sock"
    let spool = folder.appending(path: "spool").path
    var workers: [Process] = []
    let commands = [
      ["collector", "--connect", endpoint, "--name", "cell-1", "--spool", spool],
      ["collector", "--connect", endpoint, "--name", "cell-2"],
      ["value-learner", "--connect", endpoint], ["labeller", "--connect", endpoint],
      ["policy-learner", "--connect", endpoint],
    ]
    for command in commands {
      workers.append(
        try RecapProcess.start(
          command, output: FileHandle.nullDevice, errors: FileHandle.nullDevice))
    }
    let result = try await RecapProcess.run(
      "coordinator", "Configs/smoke.yaml", "--dir", run, "--listen", endpoint)
    #expect(result.status == 0, "\(result.errors)")
    for worker in workers {
      await worker.ended()
      #expect(worker.terminationStatus == 0)
    }
    let archive = try ArchiveReader(directory: run)
    #expect(try await archive.episodes().count == 24)
    // What another run had left in the spool would not have been touched.
    let spooled = try FileManager.default.contentsOfDirectory(atPath: spool)
    #expect(spooled == [try await archive.run().id])
  }

  /// The report's JSON, as the documentation gives it.
  private struct Report: Decodable {
    var run: String
    var tasks: [Task]
    struct Task: Decodable {
      var task: String
      var iterations: [Iteration]
    }
    struct Iteration: Decodable {
      var k, episodes, successes: Int
      var successRate, throughputPerHour, interventionShare: Double
    }
  }
}
