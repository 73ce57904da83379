import EpisodeStorage
import Episodes
import Foundation
import Robots
import Testing

/// A run whose demonstrations nobody has judged, from the command line.
struct UnjudgedRunTests {
  @Test(
    "a run waits for the first judged demonstration of a task, and goes without the others",
    .timeLimit(.minutes(5)))
  func waiting() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (recorded, run) = (folder.appending(path: "recorded"), folder.appending(path: "run").path)
    try write(4, to: recorded)
    let imported = try await RecapProcess.run(
      "import", "episodes", recorded.path, "Configs/smoke.yaml", "--dir", run, "--set",
      "tasks.tshirt.criteria=[{name: fold, description: sleeves in}, {name: place}]")
    #expect(imported.status == 0, "\(imported.errors)")

    let errors = Pipe()
    let process = try RecapProcess.start(
      ["run", "--resume", run], output: .nullDevice, errors: errors.fileHandleForWriting)
    try errors.fileHandleForWriting.close()
    defer { if process.isRunning { process.terminate() } }
    var summaries: [String] = []
    for await line in errors.fileHandleForReading.lines {
      if line.contains("pretrain/value waits until 4 episodes are judged") {
        try await judge(run)
      }
      if line.contains("not judged and left out") { summaries.append(line) }
    }
    await process.ended()
    #expect(process.terminationStatus == 0)
    // It was given out as soon as one was judged; what came later knew of two.
    #expect(summaries.contains { $0.contains("pretrain/value") && $0.contains("3 episodes not") })
    #expect(summaries.contains { $0.contains("tshirt/1/policy") && $0.contains("2 episodes not") })

    let archive = try ArchiveReader(directory: run)
    let open = try await archive.episodes(matching: EpisodeQuery(outcome: .unjudged))
    #expect(open.count == 2)
    for set in try await archive.labelSets() {
      let labels = try LabelSetFile.parse(try await archive.blob(set.digest))
      #expect(open.allSatisfy { labels.episodes[$0.digest] == nil })
      #expect(!labels.episodes.isEmpty)
    }
    let list = try await RecapProcess.run("episodes", "list", run, "--outcome", "unjudged")
    #expect(list.output.contains("not judged") && list.output.contains("2 episodes"))
    let status = try await RecapProcess.run("status", run)
    #expect(
      status.output.contains("2 episodes are not judged, and neither learned from nor counted"))
    let verified = try await RecapProcess.run("episodes", "verify", run)
    #expect(verified.status == 0, "\(verified.errors)")
  }

  /// Two raters disagree on a criterion of one episode, and one of them fails another.
  private func judge(_ run: String) async throws {
    func label(_ episode: Int, _ by: String, _ more: [String]) async throws -> RecapProcess.Result {
      let id = "tshirt/demonstrations/\(episode / 2)#\(episode)"
      return try await RecapProcess.run(
        ["episodes", "label", run, "--by", by, "--episode", id] + more)
    }
    let incomplete = try await label(0, "anna", ["--criterion", "fold=pass"])
    #expect(incomplete.status != 0)
    #expect(incomplete.errors.contains("whether each criterion was passed: place"))
    let unknown = try await label(0, "anna", ["--as", "success", "--criterion", "flod=pass"])
    #expect(unknown.errors.contains("there is no criterion 'flod'; expected fold, place"))

    let passed = try await label(
      0, "anna", ["--criterion", "fold=pass", "--criterion", "place=pass"])
    #expect(passed.output == "tshirt/demonstrations/0#0: success by anna\n", "\(passed.errors)")
    let failed = try await label(3, "anna", ["--criterion", "fold=fail"])
    #expect(failed.output == "tshirt/demonstrations/1#3: failure by anna\n", "\(failed.errors)")
    // Standard input is empty: it tells of the episode, and stops at the question.
    let second = try await label(0, "ben", ["--as", "success", "--criterion", "place=fail"])
    #expect(second.status == 0, "\(second.errors)")
    let told = try await label(0, "cleo", [])
    #expect(told.output.contains("recorded as not judged"))
    #expect(told.output.contains("anna: success, fold ✓, place ✓"))
    #expect(told.output.contains("raters disagree on place"))
    #expect(told.output.contains("c criterion by criterion"))
    let shown = try await RecapProcess.run("episodes", "show", run, "tshirt/demonstrations/0#0")
    #expect(shown.output.contains("success (recorded as not judged)"))
    #expect(shown.output.contains(try Regex(#"criterion +fold: passed"#)))
    #expect(shown.output.contains(try Regex(#"judged +anna: success, fold ✓, place ✓"#)))
    #expect(shown.output.contains(try Regex(#"disagreed +place"#)))
  }

  /// Demonstrations of a workcell task of which the robot could not tell how they ended.
  private func write(_ count: Int, to folder: URL) throws {
    let robot = try WorkcellRobot(
      name: "cell", tasks: ["tshirt"], cameras: nil, environmentState: true)
    let embodiment = robot.embodiment
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for number in 0..<count {
      var episode = Episode(
        metadata: EpisodeMetadata(
          id: "recorded#\(number)", job: "recorded", index: number, task: robot.tasks[0],
          embodiment: embodiment, robot: "mine", source: .demonstration, seed: UInt64(number),
          outcome: .unjudged, recordsImages: false, recordsEnvironmentState: true))
      for step in 0..<12 {
        let value = Float(number) / 10 + Float(step) / 100
        try episode.append(
          Observation(
            proprioception: Array(repeating: value, count: embodiment.proprioceptionWidth),
            environmentState: Array(repeating: -value, count: embodiment.environmentStateWidth),
            images: []),
          action: Array(repeating: value / 10, count: embodiment.actionWidth)[...],
          intervention: true)
      }
      let name = String(format: "episode_%06d.safetensors", number)
      try Data(EpisodeFile.serialize(episode)).write(to: folder.appending(path: name))
    }
  }
}
