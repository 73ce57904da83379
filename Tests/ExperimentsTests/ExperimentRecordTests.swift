import Configuration
import Experiments
import Foundation
import Testing

@Suite struct ExperimentRecordTests {
  private func configuration(_ overrides: String...) throws -> RunConfiguration {
    try RunConfiguration(
      yaml: """
        name: x
        tasks: [{name: espresso}]
        robots: [{name: cell, kind: workcell}]
        """, overrides: overrides, workcellTasks: ["espresso"])
  }

  private func record(
    _ experiment: Experiment = experiment(), of configurations: [String: RunConfiguration]
  ) -> ExperimentRecord {
    ExperimentRecord(
      experiment: experiment, file: "small.yaml", text: "experiment: small", baseText: "name: x",
      version: "1", configurations: configurations)
  }

  @Test func aRecordIsReadBack() throws {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "recap-record-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    #expect(try ExperimentRecord.read(from: directory) == nil)
    let written = try record(of: ["a": configuration(), "b": configuration("method.guidance=2")])
    try written.write(to: directory)
    let read = try #require(try ExperimentRecord.read(from: directory))
    #expect(read.experiment == written.experiment)
    #expect(read.configurations == written.configurations)
    #expect(try read.differences(from: written).isEmpty)
    #expect(ExperimentRecord.seeds(in: directory) == [])
    for name in ["seed-12", "seed-3", "seed-x", "figures"] {
      try FileManager.default.createDirectory(
        atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
    }
    #expect(ExperimentRecord.seeds(in: directory) == [3, 12])

    try Data("{}".utf8).write(to: URL(filePath: "\(directory)/experiment.json"))
    let error = #expect(throws: ExperimentError.self) {
      try ExperimentRecord.read(from: directory)
    }
    #expect(error?.description.contains("another version of recap") == true)
  }

  @Test func aRecordOfAnEarlierVersionHasTheDefaultsOfWhatItLacks() throws {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "recap-record-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let written = try record(of: ["a": configuration("training.value.learningRate=0.003")])
    try written.write(to: directory)
    let file = URL(filePath: "\(directory)/experiment.json")
    var object = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    var configurations = try #require(object["configurations"] as? [String: [String: Any]])
    #expect(configurations["a"]?.removeValue(forKey: "monitoring") != nil)
    #expect(configurations["a"]?.removeValue(forKey: "method") != nil)
    object["configurations"] = configurations
    try JSONSerialization.data(withJSONObject: object).write(to: file)
    let read = try #require(try ExperimentRecord.read(from: directory))
    #expect(read.configurations == written.configurations)
  }

  @Test func whatChangesRunsIsNamed() throws {
    let base = try configuration()
    let before = record(of: ["a": base, "b": try configuration("method.guidance=2")])
    let changedArm = record(of: ["a": base, "b": try configuration("method.guidance=3")])
    #expect(try before.differences(from: changedArm) == ["arm b: method.guidance was 2, is 3"])

    let changedBase = record(of: [
      "a": try configuration("schedule.restartFromPretrained=false"),
      "b": try configuration(
        "method.guidance=2", "schedule.restartFromPretrained=false",
        "tasks.espresso.demonstrations=7"),
    ])
    #expect(
      try before.differences(from: changedBase) == [
        "every arm: schedule.restartFromPretrained was true, is false",
        "arm b: tasks.espresso.demonstrations was 100, is 7",
      ])

    var fewer = experiment()
    fewer.arms.removeLast()
    #expect(
      try before.differences(from: record(fewer, of: ["a": base])) == ["arm b: is no longer there"])
    var renamed = experiment()
    renamed.name = "large"
    #expect(
      try before.differences(from: record(renamed, of: ["a": base]))
        == ["experiment was small, is large"])
  }

  @Test func titlesFiguresAndFurtherArmsChangeNoRun() throws {
    let configurations = ["a": try configuration(), "b": try configuration()]
    let before = record(of: configurations)
    var more = experiment(figures: [
      Experiment.Figure(metric: .success, over: .arms)
    ])
    more.title = "Another title"
    more.arms.append(Experiment.Arm(name: "c", title: nil, settings: []))
    let after = record(more, of: configurations.merging(["c": try configuration()]) { $1 })
    #expect(try before.differences(from: after).isEmpty)
  }
}
