import Testing

@testable import Configuration

/// Every way to get a configuration wrong, with the words that a person reads.
@Suite struct ErrorTests {
  @Test func anUnknownKeyIsNamedWithItsNearestNeighbour() throws {
    let found = try problems(
      smallest + """

        training:
          policy:
            batchsize: 64
        """)
    #expect(found.map(\.kind) == [.unknownKey])
    #expect(found[0].keyPath == "training.policy.batchsize")
    #expect(found[0].origin == .line(9))
    #expect(
      found[0].description.hasPrefix(
        "training.policy.batchsize (line 9): unknown key; did you mean 'batchSize'? (valid: "))
  }

  @Test func anUnknownKeyUnlikeAnyOtherListsWhatIsValid() throws {
    #expect(
      try messages(smallest + "\nschedule: {xyzzy: 1}") == [
        "schedule.xyzzy (line 7): unknown key; "
          + "valid: episodesPerJob, episodesPerLabelJob, iterations, judging, pretraining, "
          + "restartFromPretrained"
      ])
  }

  @Test func missingKeysAreNamed() throws {
    let found = try problems("seed: 2")
    #expect(found.map(\.kind) == [.missingKey, .missingKey, .missingKey])
    #expect(found.map(\.keyPath) == ["name", "robots", "tasks"])
    #expect(try problems("").map(\.keyPath) == ["name", "robots", "tasks"])
    let nested = try messages(
      """
      name: x
      tasks: [{name: espresso}]
      robots: [{name: cell}]
      """)
    #expect(
      nested == [
        "robots.cell.kind (line 3): missing, but required: give one of workcell, driver"
      ])
  }

  @Test(arguments: [
    ("seed=red", "seed", "got the text 'red'; expected an integer, at least 0"),
    ("seed=1.5", "seed", "got 1.5; expected an integer, at least 0"),
    ("seed=", "seed", "got nothing; expected an integer, at least 0"),
    (
      "schedule=4", "schedule",
      "got 4; expected a mapping with episodesPerJob, episodesPerLabelJob, "
    ),
    ("runtime.listen=tcp://*:1", "runtime.listen", "got the text 'tcp://*:1'; expected a list"),
    (
      "schedule.restartFromPretrained=2", "schedule.restartFromPretrained",
      "got 2; expected true or false"
    ),
    ("tasks=[]", "tasks", "got an empty list; expected a list of at least 1 of mappings with "),
    ("models.policy=[1, 2]", "models.policy", "got a list of 2; expected a mapping with "),
  ])
  func aWrongTypeIsShownBesideTheRightOne(
    override: String, keyPath: String, message: String
  ) throws {
    let found = try problems(overrides: [override])
    #expect(found.map(\.keyPath) == [keyPath])
    #expect(found[0].message.hasPrefix(message))
    #expect(found[0].origin == .override)
  }

  @Test(arguments: [
    ("training.policy.batchSize=0", "got 0; expected an integer, at least 1 and at most 65536"),
    ("training.value.learningRate=0", "got 0; expected a number, more than 0 and at most 1"),
    ("training.value.averageDecay=1", "got 1; expected a number, at least 0 and less than 1"),
    ("method.positiveShare=1", "got 1; expected a number, more than 0 and less than 1"),
    ("method.failureCost=.inf", "got inf; expected a number, more than 0"),
    ("seed=-1", "got -1; expected an integer, at least 0"),
    ("name=a/b", "got the text 'a/b'; expected a name of letters, digits, '-' and '_'"),
    ("runtime.listen=[here]", "got the text 'here'; expected an endpoint such as tcp://127"),
    (
      "robots.cell.observation.cameras=4",
      "got 4; expected off, or a number of pixels, at least 8 and at most 512"
    ),
    ("robots.cell.kind=driven", "got 'driven'; did you mean 'driver'? (valid: driver, workcell)"),
  ])
  func aValueOutOfRangeIsShownBesideTheRange(override: String, message: String) throws {
    let found = try problems(overrides: [override])
    #expect(found.map(\.kind) == [.outOfRange])
    #expect(found[0].message.hasPrefix(message))
  }

  @Test func namesMustDiffer() throws {
    let found = try messages(
      """
      name: x
      tasks:
        - name: espresso
        - name: espresso
      robots:
        - {name: cell, kind: workcell}
        - {name: cell, kind: workcell}
      """)
    #expect(
      found == [
        "tasks (line 4): 'espresso' is given twice; names must differ",
        "robots (line 7): 'cell' is given twice; names must differ",
      ])
    let counted = try problems(
      """
      name: x
      tasks: [{name: espresso}]
      robots: [{name: cell, kind: workcell, count: 2}, {name: cell-2, kind: workcell}]
      """)
    #expect(counted.map(\.kind) == [.duplicate])
    #expect(counted[0].keyPath == "robots.cell-2")
  }

  @Test func aDriverServesOneRobot() throws {
    func arms(_ robots: String) throws -> [String] {
      try messages("name: x\ntasks: [{name: push-v3}]\nrobots:\n\(robots)")
    }
    let counted = try arms(
      "  - {name: arm, kind: driver, count: 2, driver: {endpoint: 'ipc:///tmp/arm'}}")
    #expect(counted.count == 1)
    #expect(
      counted.first?.hasPrefix(
        "robots.arm-2.driver.endpoint: 'ipc:///tmp/arm' is that of arm-1 too") == true)
    #expect(counted.first?.contains("{endpoint}") == true)
    #expect(
      try arms(
        """
          - {name: a, kind: driver, driver: {endpoint: 'ipc:///tmp/a'}}
          - {name: b, kind: driver, driver: {endpoint: 'ipc:///tmp/b'}}
        """
      ).isEmpty)
    #expect(
      try arms(
        "  - {name: arm, kind: driver, count: 2, driver: {command: [drive, '{endpoint}']}}"
      ).isEmpty)
  }

  @Test func aTaskThatNoRobotOffersStopsTheRun() throws {
    let found = try problems(
      smallest.replacing("name: espresso", with: "name: expresso"))
    #expect(found.map(\.kind) == [.notOffered])
    #expect(
      found[0].description == "tasks.expresso: no robot offers 'expresso'; did you mean "
        + "'espresso'? (valid: box, espresso, laundry, tshirt, tshirt-collar-up, "
        + "tshirts-and-shorts)")
    let busy = try problems(
      """
      name: x
      tasks: [{name: espresso}, {name: tshirt}]
      robots: [{name: cell, kind: workcell, tasks: [tshirt]}]
      """)
    #expect(busy.map(\.keyPath) == ["tasks.espresso"])
  }

  @Test func aRobotsTaskMustBeOneOfTheRuns() throws {
    #expect(
      try messages(overrides: ["robots.cell.tasks=[espresso, tshirt]"]) == [
        "robots.cell.tasks: 'tshirt' is not a task of this run; valid: espresso"
      ])
  }

  @Test(arguments: [
    ("driver: null", [ConfigurationError.Kind.missingKey], "robots.arm.driver"),
    ("driver: {}", [.missingKey], "robots.arm.driver"),
    ("driver: {command: [drive]}", [.inconsistent], "robots.arm.driver.command"),
    (
      "driver: {command: [drive, \"{endpoint}\", \"{task}\"]}", [.outOfRange],
      "robots.arm.driver.command"
    ),
    ("driver: {endpoint: \"tcp://127.0.0.1:7801\", command: [drive]}", [], ""),
    ("driver: {endpoint: \"tcp://127.0.0.1:7801\"}", [], ""),
  ])
  func aDriverMustBeReachable(
    driver: String, kinds: [ConfigurationError.Kind], keyPath: String
  ) throws {
    let found = try problems(
      """
      name: x
      tasks: [{name: push-v3}]
      robots:
        - name: arm
          kind: driver
          \(driver)
      """)
    #expect(found.map(\.kind) == kinds)
    #expect(found.allSatisfy { $0.keyPath == keyPath })
  }

  @Test(arguments: [
    ("models.policy.backbone.keyValueHeads=3", "models.policy.backbone.keyValueHeads"),
    ("models.value.network.headWidth=15", "models.value.network.headWidth"),
    ("models.policy.usesImages=true", "models.policy.usesImages"),
    ("runtime.leaseSeconds=3", "runtime.leaseSeconds"),
    (
      "tasks.espresso={name: espresso, autonomousEpisodes: 0, correctedEpisodes: 0}",
      "tasks.espresso.autonomousEpisodes"
    ),
    ("robots.cell.driver={endpoint: \"ipc:///x\"}", "robots.cell.driver"),
    ("method={indicatorDropout: 0, guidance: 2}", "method.indicatorDropout"),
    (
      "robots=[{name: a, kind: workcell}, {name: b, kind: driver, driver: {command: ['{endpoint}']}}]",
      "robots.b.kind"
    ),
  ])
  func settingsThatExcludeEachOtherAreRefused(override: String, keyPath: String) throws {
    let found = try problems(overrides: [override])
    #expect(found.map(\.kind) == [.inconsistent])
    #expect(found.map(\.keyPath) == [keyPath])
  }

  @Test func camerasMustHoldWholePatches() throws {
    let found = try messages(
      overrides: ["robots.cell.observation.cameras=36", "models.value.usesImages=false"])
    #expect(
      found == [
        "models.policy.patchSize: got 8; expected a divisor of the cameras' 36 pixels"
      ])
  }

  @Test func aBlindWorkcellIsRefused() throws {
    let found = try problems(
      overrides: ["robots.cell.observation.environmentState=false"])
    #expect(found.map(\.keyPath) == ["robots.cell.observation"])
  }

  @Test func allProblemsAreToldAtOnceInTheFilesOrder() throws {
    let found = try problems(
      """
      name: x
      sed: 4
      tasks: [{name: espresso, demonstrations: -1}]
      schedule: {iterations: many}
      """)
    #expect(
      found.map(\.keyPath)
        == ["robots", "sed", "tasks.espresso.demonstrations", "schedule.iterations"])
    #expect(found.map(\.kind) == [.missingKey, .unknownKey, .outOfRange, .wrongType])
  }

  @Test func brokenYAMLIsReportedWithItsLine() throws {
    let text = try messages("name: x\ntasks: [")
    #expect(text.count == 1)
    #expect(text[0].hasPrefix("not valid YAML:"))
    #expect(text[0].contains("3"))
    let twice = try messages("name: x\nseed: 1\nseed: 2")
    #expect(twice.count == 1)
    #expect(twice[0].contains("seed"))
  }
}

@Suite struct OverrideTests {
  @Test func overridesReplaceAddAndReachIntoLists() throws {
    let run = try configuration(
      overrides: [
        "seed=7", "training.policy.steps=12", "tasks.espresso.demonstrations=5",
        "tasks.0.evaluationEpisodes=6", "models.policy={chunkLength: 4}",
      ])
    #expect(run.seed == 7)
    #expect(run.training.policy.steps == 12)
    #expect(run.tasks[0].demonstrations == 5)
    #expect(run.tasks[0].evaluationEpisodes == 6)
    #expect(run.models.policy.chunkLength == 4)
  }

  @Test func theLastOverrideWins() throws {
    #expect(try configuration(overrides: ["seed=7", "seed=8"]).seed == 8)
  }

  @Test(arguments: [
    (
      "seed", "seed (from the command line): expected key.path=value, such as schedule.iterations=3"
    ),
    ("=3", "=3 (from the command line): expected key.path=value, such as schedule.iterations=3"),
    (
      "tasks.expresso.demonstrations=1",
      "tasks.expresso.demonstrations (from the command line): there is no entry 'expresso'; "
        + "did you mean 'espresso'? (valid: espresso)"
    ),
    (
      "name.first=1",
      "name.first (from the command line): cannot set 'first' inside the text 'small'"
    ),
    ("seed=[1", "seed (from the command line): '[1' is not a YAML value"),
  ])
  func anOverrideThatCannotBeAppliedIsExplained(override: String, message: String) throws {
    #expect(try messages(overrides: [override]).contains(message))
  }
}
