import Foundation
import Testing

@testable import Configuration

/// Experiments as files.
@Suite struct ExperimentTests {
  /// A folder with a base configuration.
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "recap-experiment-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder.appending(path: "experiments"), withIntermediateDirectories: true)
    try smallest.write(
      to: folder.appending(path: "base.yaml"), atomically: true, encoding: .utf8)
  }

  private func experiment(_ yaml: String) throws -> Experiment {
    defer { try? FileManager.default.removeItem(at: folder) }
    return try Experiment(
      yaml: yaml, source: "test.yaml", directory: folder.appending(path: "experiments").path,
      workcellTasks: workcellTasks)
  }

  /// What is wrong, one line each; empty where nothing is.
  private func messages(_ yaml: String) throws -> [String] {
    do {
      _ = try experiment(yaml)
      return []
    } catch let error as ConfigurationError {
      #expect(error.source == "test.yaml")
      return error.problems.map(\.description)
    }
  }

  @Test func aFileIsReadInTheOrderInWhichItIsWritten() throws {
    let experiment = try experiment(
      """
      experiment: guidance
      title: How much guidance?
      base: ../base.yaml
      set:
        schedule.iterations: 1
        training:
          policy: {steps: 7, learningRate: 1.0e-3}
      arms:
        - name: none
          set: {method.guidance: 0}
        - name: strong
          title: β = 2
          set:
            tasks.espresso.demonstrations: 5
            method.guidance: 2
            robots: [{name: "one", kind: workcell}]
        - name: base
      figures:
        - {metric: success, over: arms, iteration: 1, task: espresso}
        - {title: Over time, metric: throughput, over: iterations}
        - {metric: failure, over: arms, iteration: last}
      """)
    #expect(experiment.name == "guidance" && experiment.heading == "How much guidance?")
    #expect(
      experiment.settings == [
        "schedule.iterations=1", "training.policy.learningRate=0.001", "training.policy.steps=7",
      ])
    #expect(experiment.arms.map(\.label) == ["none", "β = 2", "base"])
    #expect(
      experiment.arms[1].settings == [
        "tasks.espresso.demonstrations=5", "method.guidance=2",
        #"robots=[{"kind":"workcell","name":"one"}]"#,
      ])
    #expect(experiment.arms[2].settings == [])
    #expect(experiment.figures.map(\.iteration) == [1, nil, nil])
    #expect(experiment.figures.map(\.metric) == [.success, .throughput, .failure])
    #expect(experiment.figures.map(\.over) == [.arms, .iterations, .arms])
  }

  @Test func anArmIsTheBaseWithItsSettings() throws {
    let text = """
      experiment: x
      base: ../base.yaml
      set: {method.guidance: 3, schedule.iterations: 1}
      arms: [{name: a, set: {method.guidance: 2}}, {name: b}]
      """
    let experiment = try Experiment(
      yaml: text, source: "test.yaml", directory: folder.appending(path: "experiments").path,
      workcellTasks: workcellTasks)
    defer { try? FileManager.default.removeItem(at: folder) }
    let configurations = try experiment.arms.map {
      try experiment.configuration(of: $0, seed: 7, workcellTasks: workcellTasks)
    }
    #expect(configurations.map(\.method.guidance) == [2, 3])
    #expect(configurations.map(\.schedule.iterations) == [1, 1])
    #expect(configurations.map(\.name) == ["x-a", "x-b"])
    #expect(configurations.map(\.seed) == [7, 7])
  }

  @Test(arguments: [
    ("", ["experiment: missing", "base: missing", "arms: missing"]),
    ("experiment: x\nbase: y\narms: []", ["arms (line 3): got an empty list; expected a list of"]),
    (
      "experiment: x\nbase: y\narm: [{name: a}]",
      ["arm (line 3): unknown key; did you mean 'arms'?"]
    ),
    (
      "name: x\ntasks: [{name: espresso}]\nrobots: [{name: cell, kind: workcell}]",
      ["is a run's configuration; expected an experiment. 'recap run' runs it"]
    ),
    (
      "experiment: x\n\nbase: other.yaml\narms: [{name: a}]",
      ["base (line 3): ", "other.yaml: there is no such file", "are beside its file"]
    ),
    (
      "experiment: x\nbase: y\narms:\n  - name: a\n    sett: {method.guidance: 1}",
      ["arms.a.sett (line 5): unknown key; did you mean 'set'? (valid: name, set, title)"]
    ),
    (
      "experiment: x\nbase: y\narms: [{name: a}, {name: a}]",
      ["arms (line 3): 'a' is given twice; names must differ"]
    ),
    ("experiment: x\nbase: y\narms: [{name: a b}]", ["got the text 'a b'; expected a name of"]),
    (
      "experiment: x\nbase: y\narms: [{name: a, set: 3}]",
      ["got 3; expected a mapping of settings, such as {method.guidance: 2}"]
    ),
    (
      "experiment: x\nbase: y\narms: [{name: a}]\nfigures: [{metric: sucess, over: arms}]",
      ["got 'sucess'; did you mean 'success'?"]
    ),
    (
      "experiment: x\nbase: y\narms: [{name: a}]\nfigures: [{metric: success, over: arms, iteration: first}]",
      ["got the text 'first'; expected last, or an integer, at least 0"]
    ),
    ("experiment: [", ["not valid YAML"]),
  ])
  func whatIsNotAnExperimentIsRefusedInWords(yaml: String, expected: [String]) throws {
    let found = try messages(yaml).joined(separator: "\n")
    for part in expected { #expect(found.contains(part), "\(found)") }
  }

  @Test func aKeyWrittenWronglyIsOneMistake() throws {
    #expect(try messages("experiment: x\nbase: y\narm: [{name: a}]").count == 1)
  }

  @Test func armsWithTheSameSettingsAreFound() throws {
    let experiment = try experiment(
      """
      experiment: x
      base: ../base.yaml
      set: {method.guidance: 2}
      arms:
        - {name: a}
        - {name: b, set: {method.guidance: 3}}
        - {name: c, set: {method.guidance: 2}}
      """)
    var configurations: [String: RunConfiguration] = [:]
    for (arm, guidance) in [("a", 2), ("b", 3), ("c", 2)] {
      configurations[arm] = try configuration(
        smallest, overrides: ["name=x-\(arm)", "method.guidance=\(guidance)"])
    }
    #expect(experiment.sameArms(configurations) == [["a", "c"]])
    configurations["c"]?.method.guidance = 4
    #expect(experiment.sameArms(configurations).isEmpty)
  }

  @Test func aWrongSettingIsToldWithItsLineInTheExperimentsFile() throws {
    let found = try messages(
      """
      experiment: x
      base: ../base.yaml
      set:
        schedule.iteration: 2
      arms:
        - name: a
        - name: b
          set:
            method.guidance: -1
            tasks.espreso.demonstrations: 3
      """)
    #expect(found.count == 3, "\(found)")
    #expect(
      found[0].hasPrefix(
        "set.schedule.iteration (line 4): unknown key; did you mean 'iterations'?"))
    #expect(
      found[1].hasPrefix(
        "arms.b.set.method.guidance (line 9): got -1; expected a number, at least 0"))
    #expect(found[2].contains("(line 10): there is no entry 'espreso'; did you mean 'espresso'?"))
  }

  @Test func whatIsWrongTogetherIsToldWithTheArm() throws {
    let found = try messages(
      """
      experiment: x
      base: ../base.yaml
      arms:
        - {name: a, set: {method.indicatorDropout: 0, method.guidance: 2}}
        - {name: b, set: {models.policy.chunkLength: 2, seed: 4}}
      """)
    #expect(
      found == [
        "arms.b.set.seed (line 5): not a setting of an arm; every arm is run with the same seeds: "
          + "give --seeds and --first-seed instead"
      ])
  }

  @Test func settingsThatExcludeEachOtherAreToldWithTheArm() throws {
    let found = try messages(
      """
      experiment: x
      base: ../base.yaml
      set: {method.guidance: 2}
      arms:
        - {name: a, set: {method.indicatorDropout: 0}}
      """)
    #expect(found.count == 1)
    #expect(
      found[0].hasPrefix("arms.a.set.method.indicatorDropout (line 5): got 0, but guidance 2.0"))
  }

  @Test func aFigureMustShowSomethingThatThereIs() throws {
    let found = try messages(
      """
      experiment: x
      base: ../base.yaml
      arms: [{name: a, set: {schedule.iterations: 1}}]
      figures:
        - {metric: success, over: arms, task: expresso}
        - {metric: success, over: arms, iteration: 2}
        - {metric: success, over: iterations, iteration: 1}
      """)
    #expect(found.count == 3, "\(found)")
    #expect(found[0].hasPrefix("figures.0.task (line 5): got 'expresso', which no arm practises"))
    #expect(
      found[1]
        == "figures.1.iteration (line 6): got 2, but no arm has more than 1 iterations")
    #expect(found[2].hasPrefix("figures.2.iteration (line 7): got 1, but over: iterations draws"))
  }

  @Test func anExperimentIsNoRun() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(
      try ConfigurationTests.messages("experiment: x\narms: [{name: a}]") == [
        "is an experiment; expected a run's configuration. 'recap experiment' runs it"
      ])
  }

  @Test func aMissingOrWrongBaseIsToldAsARunsIs() throws {
    let none = #expect(throws: ConfigurationError.self) {
      try experiment("experiment: x\nbase: ../nowhere.yaml\narms: [{name: a}]")
    }
    #expect(none?.description.contains("nowhere.yaml") == true)
    #expect(none?.description.contains("there is no such file") == true)
  }

  @Test(arguments: [
    "figure7-8", "figure10", "figure11", "figure12", "pretraining", "smoke", "guidance",
    "positive-share", "indicator-dropout", "lookahead",
    "restart", "corrections", "data",
  ])
  func theExamplesAreValid(name: String) throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let file = root.appending(path: "Configs/experiments/\(name).yaml").path
    let experiment = try Experiment.load(file: file, workcellTasks: workcellTasks)
    #expect(experiment.name == name)
    #expect(!experiment.figures.isEmpty)
  }
}
