import Foundation
import RecapAlgorithm
import Testing

@testable import Configuration

@Suite struct LoadingTests {
  @Test func theSmallestFileMeansTheDefaults() throws {
    let run = try configuration()
    #expect(run.name == "small")
    #expect(run.seed == 1)
    #expect(run.schedule == RunConfiguration.defaults.schedule)
    #expect(run.method == RunConfiguration.defaults.method)
    #expect(run.training == RunConfiguration.defaults.training)
    #expect(run.runtime == RunConfiguration.defaults.runtime)
    #expect(run.tasks.map(\.name) == ["espresso"])
    #expect(run.tasks[0].evaluationEpisodes == 100)
    #expect(run.robots[0].observation.cameras == .off)
  }

  @Test func aFileChangesOnlyWhatItNames() throws {
    let run = try configuration(
      smallest + """

        training:
          policy: {steps: 7}
        method: {failureCost: 250, guidance: 1.5}
        """)
    var expected = RunConfiguration.defaults.training
    expected.policy.steps = 7
    #expect(run.training == expected)
    #expect(run.method.failureCost == 250)
    #expect(run.method.guidance == 1.5)
    #expect(run.method.positiveShare == RunConfiguration.defaults.method.positiveShare)
  }

  @Test func taskDefaultsHoldForTasksThatDoNotSayOtherwise() throws {
    let run = try configuration(
      """
      name: two
      taskDefaults: {demonstrations: 12, positiveShare: 0.2}
      tasks:
        - {name: espresso, demonstrations: 34}
        - {name: tshirt, positiveShare: null}
      robots: [{name: cell, kind: workcell}]
      """)
    #expect(run.tasks.map(\.demonstrations) == [34, 12])
    #expect(run.tasks.map(\.positiveShare) == [0.2, nil])
    #expect(run.tasks.map(\.autonomousEpisodes) == [100, 100])
  }

  @Test func aCountStandsForThatManyRobots() throws {
    let run = try configuration(
      """
      name: many
      tasks: [{name: espresso}]
      robots: [{name: cell, kind: workcell, count: 3}]
      """)
    #expect(run.robots.map(\.name) == ["cell-1", "cell-2", "cell-3"])
  }

  @Test(arguments: [
    ("off", true, CameraSize.off), ("32", false, .pixels(32)), ("\"off\"", true, .off),
  ])
  func networksUseWhatRobotsReport(cameras: String, state: Bool, expected: CameraSize) throws {
    let run = try configuration(
      """
      name: seeing
      tasks: [{name: espresso}]
      robots:
        - name: cell
          kind: workcell
          observation: {cameras: \(cameras), environmentState: \(state)}
      """)
    #expect(run.robots[0].observation.cameras == expected)
    #expect(run.models.policy.usesImages == (expected != .off))
    #expect(run.models.value.usesImages == (expected != .off))
    #expect(run.models.policy.usesEnvironmentState == state)
    #expect(run.models.value.usesEnvironmentState == state)
  }

  @Test func aNetworkMayUseLessThanRobotsReport() throws {
    let run = try configuration(
      smallest + "\nmodels: {policy: {usesEnvironmentState: false}}")
    #expect(!run.models.policy.usesEnvironmentState)
    #expect(run.models.value.usesEnvironmentState)
  }

  @Test func resolvedJSONReadsBackAsTheSameConfiguration() throws {
    let run = try configuration(
      overrides: [
        "training.policy.learningRate=0.0003", "method.failureCost=120.5",
        "robots.cell.observation.cameras=32", "runtime.listen=[tcp://127.0.0.1:7700]",
      ])
    let json = try run.resolvedJSON
    #expect(try RunConfiguration(resolvedJSON: json) == run)
    #expect(try RunConfiguration(resolvedJSON: json).resolvedJSON == json)
    // JSON is YAML: what a run stored can be run again.
    #expect(try configuration(json) == run)
  }

  @Test func whatAStoredConfigurationOfAnEarlierVersionLacksHasItsDefault() throws {
    let run = try configuration()
    let earlier = try run.resolvedJSON
      .replacing("\"extraction\" : \"recap\",", with: "")
      .replacing(/"pretraining" : true,/, with: "")
    #expect(!earlier.contains("extraction") && !earlier.contains("pretraining"))
    #expect(try RunConfiguration(resolvedJSON: earlier) == run)
  }

  /// Shards decide the jobs of a run, and one of an earlier version had none.
  @Test func aStoredConfigurationOfAnEarlierVersionHasNoShards() throws {
    var run = try configuration()
    #expect(run.schedule.episodesPerLabelJob == 500)
    let earlier = try run.resolvedJSON.replacing(/,\s*"episodesPerLabelJob" : 500/, with: "")
      .replacing(/"episodesPerLabelJob" : 500,/, with: "")
    #expect(!earlier.contains("episodesPerLabelJob"))
    run.schedule.episodesPerLabelJob = nil
    #expect(try RunConfiguration(resolvedJSON: earlier) == run)
    #expect(try RunConfiguration(resolvedJSON: run.resolvedJSON) == run)
    #expect(try configuration(overrides: ["schedule.episodesPerLabelJob=null"]) == run)
  }

  @Test func aStoredConfigurationOfALaterVersionIsRefusedByKey() throws {
    let json = try configuration().resolvedJSON.replacing("\"seed\"", with: "\"sed\"")
    let error = try #require(throws: ConfigurationError.self) {
      try RunConfiguration(resolvedJSON: json)
    }
    #expect(error.problems.map(\.keyPath) == ["sed"])
    #expect(error.problems[0].kind == .unknownKey)
  }

  @Test func placeholdersOfADriverCommandAreFilledIn() {
    let driver = DriverSettings(
      endpoint: nil, command: ["drive", "--endpoint={endpoint}", "{tasks}", "{name}-{seed}"])
    #expect(
      driver.commandLine(
        endpoint: "ipc:///x", robot: "left", tasks: ["push-v3", "door-open-v3"], seed: 9)
        == ["drive", "--endpoint=ipc:///x", "push-v3,door-open-v3", "left-9"])
    #expect(
      DriverSettings(endpoint: "ipc:///x", command: nil)
        .commandLine(endpoint: "ipc:///x", robot: "left", tasks: [], seed: 9) == nil)
  }

  @Test func theScheduleIsGivenTheRunsNumbers() throws {
    let settings = try configuration(
      overrides: ["schedule.iterations=3", "seed=5", "tasks.espresso.positiveShare=0.1"]
    ).scheduleSettings
    #expect(settings.iterations == 3)
    #expect(settings.seed == 5)
    #expect(settings.tasks.map(\.name) == ["espresso"])
    #expect(settings.tasks.map(\.positiveShare) == [0.1])
  }
}

@Suite struct ConfigurationFileTests {
  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let directory = repository.appending(path: "Configs")

  static let files: [String] = {
    let names =
      (try? FileManager.default.contentsOfDirectory(atPath: directory.path(percentEncoded: false)))
      ?? []
    return names.filter { $0.hasSuffix(".yaml") }.sorted()
  }()

  @Test func theRepositoryHoldsConfigurations() {
    #expect(Self.files.contains("demo.yaml"))
  }

  @Test(arguments: files) func everyFileInConfigsLoads(file: String) throws {
    let run = try RunConfiguration.load(
      file: Self.directory.appending(path: file).path(percentEncoded: false),
      workcellTasks: workcellTasks)
    #expect(run.name == file.replacing(".yaml", with: ""))
  }

  @Test func theDemonstrationJudgesEachCellByAHundredEpisodes() throws {
    let run = try RunConfiguration.load(
      file: Self.directory.appending(path: "demo.yaml").path(percentEncoded: false),
      workcellTasks: workcellTasks)
    #expect(run.tasks.map(\.name) == ["tshirt-collar-up", "espresso"])
    #expect(run.tasks.allSatisfy { $0.evaluationEpisodes >= 100 })
    #expect(run.schedule.iterations == 2)
    #expect(run.robots.count == 2)
  }

  @Test func theExampleInTheReadmeLoads() throws {
    let readme = try String(
      contentsOf: Self.repository.appending(path: "README.md"), encoding: .utf8)
    let example = try #require(readme.firstMatch(of: /```yaml\n([^`]*)```/)).1
    let run = try configuration(String(example))
    #expect(run.robots.map(\.name) == ["cell-1", "cell-2"])
    #expect(run.tasks.map(\.positiveShare) == [nil, 0.1])
  }

  @Test func theRobotsOfTheDriversPageLoad() throws {
    let page = try String(
      contentsOf: Self.repository.appending(path: "Documentation/Drivers.md"), encoding: .utf8)
    let examples = page.matches(of: /```yaml\n([^`]*)```/).map { String($0.1) }
    #expect(examples.count == 3)
    let control = try configuration("name: x\ntasks: [{name: reach}]\n\(examples[2])")
    #expect(control.robots[0].control?.inference == .overlapped)
    #expect(control.robots[0].control?.actionMaximumChange?.count == 4)
    for example in examples.prefix(2) {
      let run = try configuration("name: x\ntasks: [{name: reach}]\n\(example)")
      #expect(run.robots.map(\.name) == ["point"])
      // The page's driver reports neither.
      #expect(run.robots[0].observation == .nothing)
      #expect(!run.models.policy.usesEnvironmentState && !run.models.value.usesImages)
    }
  }

  @Test func aMissingFileIsNamed() throws {
    let error = try #require(throws: ConfigurationError.self) {
      try RunConfiguration.load(file: "nowhere.yaml", workcellTasks: workcellTasks)
    }
    #expect(error.problems[0].kind == .unreadable)
    #expect(error.description.hasPrefix("nowhere.yaml: 1 problem\n  there is no such file"))
  }
}
