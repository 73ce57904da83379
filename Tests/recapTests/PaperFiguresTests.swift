import Experiments
import Foundation
import Testing

/// The paper's comparisons, scaled down: the files of `Configs/experiments` as they are, but for the
/// sizes of networks, trainings and stages, which are the smoke run's. What they show at their own
/// size takes hours; that every arm of them runs to its end and is reported takes seconds.
@Suite(.serialized)
struct PaperFiguresTests {
  /// A folder with the workcell's configuration and an experiment, both scaled down.
  private func scaledDown(_ name: String) throws -> URL {
    let folder = try RecapProcess.temporaryFolder()
    let configs = RecapProcess.root.appending(path: "Configs")
    func text(_ path: String) throws -> String {
      try String(contentsOf: configs.appending(path: path), encoding: .utf8)
    }
    // Everything of the smoke run but its tasks, and the five tasks.
    let tasks = try #require(try text("workcell.yaml").firstMatch(of: /tasks:\n(?:  .*\n)+/))
    let smoke = try text("smoke.yaml").replacing(/tasks:\n(?:  .*\n)+/, with: tasks.output)
    func small(_ text: String) -> String {
      text.replacing(/demonstrations: \d+/, with: "demonstrations: 4")
        .replacing(/autonomousEpisodes: \d+/, with: "autonomousEpisodes: 2")
        .replacing(/steps: [1-9]\d+/, with: "steps: 10")
        .replacing("base: ../workcell.yaml", with: "base: base.yaml")
    }
    try small(smoke).write(
      to: folder.appending(path: "base.yaml"), atomically: true, encoding: .utf8)
    try small(try text("experiments/\(name).yaml")).write(
      to: folder.appending(path: "\(name).yaml"), atomically: true, encoding: .utf8)
    return folder
  }

  @Test(arguments: [
    ("figure7-8", ["imitation", "pretrained", "sft", "recap"], 5, 2),
    ("figure10", ["recap"], 2, 2),
    ("figure11", ["recap", "awr", "ppo", "imitation", "filtered"], 1, 1),
    ("figure12", ["recap"], 1, 2),
    ("pretraining", ["pretrained", "scratch"], 3, 1),
  ])
  func everyArmIsRunAndReported(
    name: String, arms: [String], tasks: Int, iterations: Int
  ) async throws {
    let folder = try scaledDown(name)
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = folder.path + "/out"
    let result = try await RecapProcess.run(
      "experiment", folder.appending(path: "\(name).yaml").path, "--dir", directory, "--quiet")
    #expect(result.status == 0, "\(result.errors)")

    let json = try await RecapProcess.run("report", directory, "--json")
    let report = try JSONDecoder().decode(ExperimentReport.self, from: Data(json.output.utf8))
    #expect(report.experiment == name)
    #expect(report.arms.map(\.name) == arms)
    for arm in report.arms {
      #expect(arm.seeds == [1] && arm.unfinishedSeeds.isEmpty)
      #expect(arm.tasks.count == tasks)
      // Arms without practice end with the policy of k = 0.
      let last = name == "figure7-8" && arm.name != "recap" ? 0 : iterations
      for task in arm.tasks {
        #expect(task.iterations.map(\.k) == Array(0...last))
        #expect(task.iterations.allSatisfy { $0.episodes == 2 })
      }
    }
    let figures = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/figures")
    #expect(figures.contains { $0.hasSuffix(".svg") } && figures.contains { $0.hasSuffix(".png") })
    let page = try String(contentsOfFile: "\(directory)/report.html", encoding: .utf8)
    #expect(page.contains("recap experiment"))
  }
}
