import Configuration
import CoordinatorRole
import EpisodeStorage
import Experiments
import Foundation
import RecapAlgorithm
import Testing

/// Experiments as a person runs them.
@Suite(.serialized)
struct ExperimentRunTests {
  /// A copy of the smoke run as the base of two arms that differ in one late setting.
  private func folder(_ arms: String) throws -> URL {
    let folder = try RecapProcess.temporaryFolder()
    try FileManager.default.copyItem(
      at: RecapProcess.root.appending(path: "Configs/smoke.yaml"),
      to: folder.appending(path: "base.yaml"))
    try """
    experiment: late
    base: base.yaml
    set: {tasks: [{name: tshirt}]}
    arms:
    \(arms)
    figures:
      - {metric: throughput, over: arms}
      - {metric: success, over: iterations}
    """.write(to: folder.appending(path: "late.yaml"), atomically: true, encoding: .utf8)
    return folder
  }

  private static let twoArms = """
      - {name: first}
      - {name: second, title: p = 5 %, set: {method.positiveShare: 0.05}}
    """

  private func plan(_ directory: String) async throws -> (plan: Plan, archive: ArchiveReader) {
    let archive = try ArchiveReader(directory: directory)
    let configuration = try RunConfiguration(resolvedJSON: try await archive.run().configuration)
    return (try await Plan(of: configuration, in: archive), archive)
  }

  private func checkpoints(_ archive: ArchiveReader) async throws -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: try await archive.checkpoints().map { ($0.job, $0.digest.rawValue) })
  }

  @Test("what two arms would compute alike is computed once, and nothing else changes")
  func sharing() async throws {
    let folder = try folder(Self.twoArms)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (file, directory) = (folder.appending(path: "late.yaml").path, folder.path + "/out")
    let command = ["experiment", file, "--dir", directory]
    let result = try await RecapProcess.run(command)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("[1/2] seed 1, arm first: begins, end unknown yet"))
    #expect(result.errors.contains("[2/2] seed 1, arm second: begins, about 0:"))
    #expect(result.output.contains("second: "))

    // Everything up to the labels of the first iteration is the first arm's; what follows is not.
    let second = "\(directory)/seed-1/second"
    let (plan, archive) = try await plan(second)
    let own = Set(plan.jobs.map(\.id).filter { plan.origin(of: $0) == nil })
    #expect(own == ["tshirt/1/labels", "tshirt/1/policy", "tshirt/1/evaluate/0"])
    #expect(plan.jobs.allSatisfy { own.contains($0.id) || plan.origin(of: $0.id) == "late-first" })
    // And was given to nobody: each job's episodes and metrics came with its result.
    let events = try await archive.events().map(\.event)
    #expect(events.count { $0.contains("jobFinished") } == own.count)
    #expect(events.count { $0.contains("resultAdopted") } == plan.jobs.count - own.count)
    let first = try ArchiveReader(directory: "\(directory)/seed-1/first")
    let shared = try await archive.episodes().filter { $0.job != "tshirt/1/evaluate/0" }
    let theirs = try await first.episodes().filter { $0.job != "tshirt/1/evaluate/0" }
    #expect(shared.map(\.digest) == theirs.map(\.digest) && shared.count == 10)
    for run in ["first", "second"] {
      let verified = try await RecapProcess.run(
        "episodes", "verify", "\(directory)/seed-1/\(run)")
      #expect(verified.status == 0, "\(verified.output)")
    }

    // The results are those of a run that shares nothing.
    let alone = folder.path + "/alone"
    let run = try await RecapProcess.run(
      "run", folder.path + "/base.yaml", "--dir", alone, "--seed", "1", "--quiet", "--set",
      "tasks=[{name: tshirt}]", "--set", "method.positiveShare=0.05")
    #expect(run.status == 0, "\(run.errors)")
    let reader = try ArchiveReader(directory: alone)
    #expect(try await checkpoints(archive) == checkpoints(reader))
    let outcomes = try await archive.episodes().map { "\($0.id) \($0.outcome) \($0.steps)" }
    #expect(try await reader.episodes().map { "\($0.id) \($0.outcome) \($0.steps)" } == outcomes)

    try await checkReport(directory, file: file)
    try await checkRefusal(file, directory)
    try await checkReuse(of: directory, base: folder.path + "/base.yaml")
  }

  /// A run that names the experiment with --reuse computes nothing that is there.
  private func checkReuse(of directory: String, base: String) async throws {
    let command = [
      "run", base, "--seed", "1", "--quiet", "--set", "tasks=[{name: tshirt}]", "--set",
      "method.positiveShare=0.05", "--dir", "\(directory)-again",
    ]
    let run = try await RecapProcess.run(command + ["--reuse", directory])
    #expect(run.status == 0, "\(run.errors)")
    let plan = try await plan("\(directory)-again").plan
    #expect(plan.isFinished && plan.jobs.allSatisfy { plan.origin(of: $0.id) != nil })
    let refused = try await RecapProcess.run(command + ["--reuse", base])
    #expect(refused.status != 0)
    #expect(refused.errors.contains("base.yaml holds no run; expected the directory of a run"))
  }

  private func checkReport(_ directory: String, file: String) async throws {
    let json = try await RecapProcess.run("report", directory, "--json")
    #expect(json.status == 0, "\(json.errors)")
    let report = try JSONDecoder().decode(ExperimentReport.self, from: Data(json.output.utf8))
    #expect(report.experiment == "late" && report.arms.map(\.name) == ["first", "second"])
    #expect(report.arms[1].work.jobs == 13 && report.arms[1].adopted.jobs == 10)
    #expect(report.arms[0].adopted.jobs == 0)
    #expect(report.arms.allSatisfy { $0.tasks.map(\.task) == ["tshirt"] && $0.seeds == [1] })
    #expect(report.arms[1].tasks[0].iterations.map(\.k) == [0, 1])
    let table = try await RecapProcess.run("report", directory)
    #expect(table.output.contains("second: 10 of 13 jobs were shared with other runs"))

    let html = try String(contentsOfFile: "\(directory)/report.html", encoding: .utf8)
    #expect(html.contains("<svg") && html.contains("p = 5 %"))
    for name in ["1-throughput-tshirt", "2-success-tshirt"] {
      #expect(FileManager.default.fileExists(atPath: "\(directory)/figures/\(name).svg"))
      let png = FileManager.default.contents(atPath: "\(directory)/figures/\(name).png")
      #expect(png?.prefix(4) == Data([0x89, 0x50, 0x4E, 0x47]))
    }
  }

  /// The same command finds nothing to do; a changed file is refused with what changed.
  private func checkRefusal(_ file: String, _ directory: String) async throws {
    let again = try await RecapProcess.run("experiment", file, "--dir", directory)
    #expect(again.status == 0 && again.errors.contains("[2/2] seed 1, arm second: finished before"))

    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.replacing("0.05", with: "0.2").write(
      toFile: file, atomically: true, encoding: .utf8)
    let refused = try await RecapProcess.run("experiment", file, "--dir", directory)
    #expect(refused.status != 0)
    #expect(refused.errors.contains("arm second: method.positiveShare was 0.05, is 0.2"))
  }

  @Test("kill -9 and Ctrl-C in an experiment: the same command goes on")
  func interruptions() async throws {
    let folder = try folder(Self.twoArms)
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = folder.path + "/out"
    let command = ["experiment", folder.path + "/late.yaml", "--dir", directory]

    // In the middle of the first arm, and once the second has something of its own.
    for (number, landmark) in [(SIGKILL, "pretrain/value"), (SIGINT, "tshirt/1/labels")] {
      let errors = Pipe()
      let process = try RecapProcess.start(
        command, output: FileHandle.nullDevice, errors: errors.fileHandleForWriting)
      try errors.fileHandleForWriting.close()
      var text = ""
      var isAsked = false
      for await line in errors.fileHandleForReading.lines {
        text += line + "\n"
        let isThere = number == SIGKILL || text.contains("arm second")
        if isThere, line.contains(landmark), line.contains("✓"), !isAsked {
          isAsked = true
          kill(process.processIdentifier, number)
        }
      }
      await process.ended()
      #expect(isAsked)
      if number == SIGINT {
        #expect(process.terminationReason == .exit && process.terminationStatus == 130)
        #expect(text.contains("To go on: recap experiment \(folder.path)/late.yaml --seeds 1"))
        #expect(!text.contains("recap run --resume"))
      }
    }

    let result = try await RecapProcess.run(command)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("[1/2] seed 1, arm first: finished before"))
    #expect(result.errors.contains("[2/2] seed 1, arm second: goes on"))
    let (plan, archive) = try await plan("\(directory)/seed-1/second")
    #expect(plan.isFinished && plan.adoptedWork.jobs == 10)
    #expect(try await archive.episodes().count == 12)
    #expect(try await archive.verify().isSound)
  }

  @Test("a run that cannot begin, or is damaged, takes no other with it")
  func obstacles() async throws {
    let folder = try folder(
      """
        - {name: blocked}
        - {name: pretrained, set: {training.policySFT.steps: 0}}
        - {name: same, set: {training.policySFT.steps: 0}}
      """)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "late.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    try text.replacing("set: {tasks", with: "set: {schedule.iterations: 0, tasks").write(
      to: file, atomically: true, encoding: .utf8)
    let directory = folder.path + "/out"
    let seed = "\(directory)/seed-1"
    try FileManager.default.createDirectory(atPath: seed, withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(filePath: "\(seed)/blocked"))
    let command = ["experiment", file.path, "--dir", directory]
    let result = try await RecapProcess.run(command)
    #expect(result.status == 1)
    #expect(result.errors.contains("1 of 3 runs failed:\n  seed 1, arm blocked: "))
    #expect(result.errors.contains("arms pretrained and same have the same settings"))

    // Labels of what the policy was trained with, though not in its own job.
    let shown = try await RecapProcess.run("runs", "show", "\(seed)/pretrained", "--json")
    let labels = try await ArchiveReader(directory: "\(seed)/pretrained").labelSets()
    #expect(labels.map(\.metadata.job) == ["pretrain/labels"])
    #expect(shown.output.contains("\"labels\" : \"\(labels[0].digest.rawValue)\""))
    let json = try await RecapProcess.run("report", directory, "--json")
    let report = try JSONDecoder().decode(ExperimentReport.self, from: Data(json.output.utf8))
    let share = labels[0].metadata.tasks["tshirt"]?.positiveShare
    #expect(report.arms[1].tasks.first?.iterations.first?.positiveShare == share)
    #expect(share != 1 && report.began != nil)

    try await checkHints(file.path, directory)

    try Data(repeating: 0x5a, count: 20000).write(
      to: URL(filePath: "\(seed)/pretrained/catalogue.sqlite"))
    let table = try await RecapProcess.run("report", directory)
    #expect(table.status == 0, "\(table.errors)")
    #expect(
      table.output.contains(
        "pretrained: seed 1 is not counted: \(seed)/pretrained/catalogue.sqlite cannot be read: SQLite"
      ))
    #expect(table.output.contains("jobs were shared with other runs"), "\(table.output)")
    #expect(table.output.contains("blocked: seed 1 has not been run"))
  }

  /// What is said to whoever takes a run for an experiment or the other way round.
  private func checkHints(_ file: String, _ directory: String) async throws {
    let status = try await RecapProcess.run("status", directory)
    #expect(status.status != 0)
    #expect(status.errors.contains("is an experiment, and this is for one run; its runs: "))
    #expect(status.errors.contains("\(directory)/seed-1/same"))
    let refused = try await RecapProcess.run(
      "experiment", file, "--dir", "\(directory)/seed-1/same")
    #expect(refused.errors.contains("same holds a run; expected a directory of the experiment's"))
    let values = try await RecapProcess.run(
      "plot", "value", "\(directory)/seed-1/same", "tshirt/demonstrations/0#0", "--values", "0",
      "--json")
    #expect(values.status == 0 && values.output.contains("label set pretrain/labels"))
    let alone = try await RecapProcess.run(
      "run", "\((file as NSString).deletingLastPathComponent)/base.yaml", "--seed", "2", "--set",
      "tasks=[{name: tshirt, demonstrations: 2, evaluationEpisodes: 1}]", "--set",
      "schedule.iterations=0", "--dir", "\(directory)-alone", "--reuse", directory)
    #expect(alone.status == 0)
    #expect(
      alone.errors.contains(
        "nothing is shared with \(directory); the first job is tshirt/demonstrations/0, which run "
          + "late-pretrained did with seed 1"), "\(alone.errors)")
  }

  @Test("a failed arm is told at the end and does not stop the others")
  func failedArm() async throws {
    let folder = try folder(
      """
        - name: broken
          set:
            robots: [{name: none, kind: driver, driver: {command: ["false", "{endpoint}"]}}]
        - {name: sound, set: {schedule.iterations: 0}}
      """)
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = folder.path + "/out"
    let result = try await RecapProcess.run(
      "experiment", folder.path + "/late.yaml", "--dir", directory, "--first-seed", "4")
    #expect(result.status == 1, "\(result.errors)")
    #expect(result.errors.contains("1 of 2 runs failed:\n  seed 4, arm broken: "))
    #expect(result.output.contains("broken: seed 4 is not finished and not counted"))
    let report = try await RecapProcess.run("report", "\(directory)/seed-4/sound")
    #expect(report.status == 0 && report.output.contains("tshirt"))
  }
}
