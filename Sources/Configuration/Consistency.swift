import Networks
import Policies

// Settings that are valid one by one and wrong together.

extension RunConfiguration {
  /// - Parameter workcellTasks: The tasks that the built-in simulator offers.
  func inconsistencies(workcellTasks: [String]) -> [ConfigurationError.Problem] {
    var notes = Notes()
    checkSchedule(&notes)
    checkCriteria(&notes)
    checkRobots(&notes)
    checkOffers(&notes, workcellTasks: workcellTasks)
    checkObservations(&notes)
    checkCoTraining(&notes)
    check(models.policy.backbone, at: "models.policy.backbone", &notes)
    check(models.value.network, at: "models.value.network", &notes)
    if let network = models.policy.vision?.network {
      check(network, at: "models.policy.vision.network", &notes)
    }
    if let network = models.value.vision?.network {
      check(network, at: "models.value.vision.network", &notes)
    }
    if models.policy.expertWidth % 2 != 0 {
      notes.add(
        .inconsistent, "models.policy.expertWidth",
        "got \(models.policy.expertWidth); expected an even number, half of it sines and half "
          + "cosines of the flow time")
    }
    if let executed = method.executedActions, executed > models.policy.chunkLength {
      notes.add(
        .inconsistent, "method.executedActions",
        "got \(executed), but a chunk has models.policy.chunkLength: "
          + "\(models.policy.chunkLength) actions")
    }
    if method.indicatorDropout == 0, method.guidance != 1 {
      notes.add(
        .inconsistent, "method.indicatorDropout",
        "got 0, but guidance \(method.guidance) needs the unconditional policy, which is learnt "
          + "only where the indicator is left out; expected more than 0, or method.guidance: 1")
    }
    if runtime.leaseSeconds < 2 * runtime.heartbeatSeconds {
      notes.add(
        .inconsistent, "runtime.leaseSeconds",
        "got \(runtime.leaseSeconds); expected at least twice runtime.heartbeatSeconds, which is "
          + "\(2 * runtime.heartbeatSeconds), so that one late heartbeat costs no job")
    }
    return notes.problems
  }

  /// Collects problems.
  struct Notes {
    var problems: [ConfigurationError.Problem] = []

    mutating func add(_ kind: ConfigurationError.Kind, _ keyPath: String, _ message: String) {
      problems.append(.init(kind: kind, keyPath: keyPath, message: message))
    }
  }

  /// What the schedule itself asks for, such as new episodes in each iteration.
  private func checkSchedule(_ notes: inout Notes) {
    for problem in scheduleSettings.problems {
      var key = problem.key
      for (index, task) in tasks.enumerated() {
        key = key.replacing("tasks[\(index)]", with: "tasks.\(task.name)")
      }
      notes.add(.inconsistent, key, problem.message)
    }
  }

  private func checkCriteria(_ notes: inout Notes) {
    for task in tasks {
      let names = task.criteria.map(\.name)
      if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
        notes.add(
          .inconsistent, "tasks.\(task.name).criteria",
          "'\(twice)' is named twice; expected every criterion once")
      }
    }
  }

  private func checkRobots(_ notes: inout Notes) {
    var names: Set<String> = []
    var endpoints: [String: String] = [:]
    for robot in robots {
      let path = "robots.\(robot.name)"
      if !names.insert(robot.name).inserted {
        notes.add(
          .duplicate, path, "'\(robot.name)' is given twice, once by a count; names must differ")
      }
      robot.checkControl(at: "\(path).control", &notes)
      switch (robot.kind, robot.driver) {
      case (.workcell, .some):
        notes.add(
          .inconsistent, "\(path).driver", "a workcell has no driver; did you mean kind: driver?")
      case (.driver, nil):
        notes.add(
          .missingKey, "\(path).driver",
          "missing, but required for kind: driver: give its endpoint, the command that starts it, "
            + "or both"
        )
      case (.driver, let driver?):
        check(driver, at: "\(path).driver", &notes)
        guard let endpoint = driver.endpoint else { break }
        if let other = endpoints[endpoint] {
          notes.add(
            .duplicate, "\(path).driver.endpoint",
            "'\(endpoint)' is that of \(other) too, and a driver serves one robot: with two they would end each "
              + "other's episodes; leave it out and give a command with {endpoint}, which recap fills in anew "
              + "for each robot, or name separate robots, each with an endpoint of its own, instead of a count"
          )
        }
        endpoints[endpoint] = robot.name
      case (.workcell, nil): break
      }
    }
  }

  private func check(_ driver: DriverSettings, at path: String, _ notes: inout Notes) {
    guard let command = driver.command else {
      if driver.endpoint == nil {
        notes.add(
          .missingKey, path,
          "gives neither endpoint nor command; without one nobody finds the driver")
      }
      return
    }
    for word in command {
      for match in word.matches(of: /\{([A-Za-z]+)\}/) {
        let name = String(match.1)
        if !DriverSettings.placeholders.contains(name) {
          notes.add(
            .outOfRange, "\(path).command",
            "got '\(word)'; unknown placeholder {\(name)}; "
              + NearestName.advice(for: name, among: DriverSettings.placeholders))
        }
      }
    }
    if driver.endpoint == nil, !command.contains(where: { $0.contains("{endpoint}") }) {
      notes.add(
        .inconsistent, "\(path).command",
        "no word holds {endpoint}, so the driver cannot know where to listen; add it, or give "
          + "driver.endpoint"
      )
    }
  }

  /// Every task needs a robot, and every robot's task must be one of the run's.
  private func checkOffers(_ notes: inout Notes, workcellTasks: [String]) {
    let names = tasks.map(\.name)
    for robot in robots {
      for task in robot.tasks ?? [] where !names.contains(task) {
        notes.add(
          .outOfRange, "robots.\(robot.name).tasks",
          "'\(task)' is not a task of this run; \(NearestName.advice(for: task, among: names))")
      }
    }
    for name in names
    where !robots.contains(where: { $0.offers(name, workcellTasks: workcellTasks) }) {
      let offered = Set(robots.flatMap { $0.tasks ?? ($0.kind == .workcell ? workcellTasks : []) })
      notes.add(
        .notOffered, "tasks.\(name)",
        "no robot offers '\(name)'; \(NearestName.advice(for: name, among: offered))")
    }
  }

  private func checkObservations(_ notes: inout Notes) {
    guard let first = robots.first else { return }
    for robot in robots where robot.kind == .workcell && robot.observation == .nothing {
      notes.add(
        .inconsistent, "robots.\(robot.name).observation",
        "cameras are off and environmentState is false: the robot would be blind; turn one on")
    }
    for robot in robots.dropFirst() {
      if robot.kind != first.kind {
        notes.add(
          .inconsistent, "robots.\(robot.name).kind",
          "got \(robot.kind.rawValue), but \(first.name) is a \(first.kind.rawValue): one network "
            + "serves one embodiment, so all robots of a run must be of one kind")
      }
      if robot.observation != first.observation {
        notes.add(
          .inconsistent, "robots.\(robot.name).observation",
          "differs from that of \(first.name); all robots of a run must report the same")
      }
    }
    for (path, images, state, patch, vision) in [
      (
        "models.policy", models.policy.usesImages, models.policy.usesEnvironmentState,
        models.policy.patchSize, models.policy.vision
      ),
      (
        "models.value", models.value.usesImages, models.value.usesEnvironmentState,
        models.value.patchSize, models.value.vision
      ),
    ] {
      if images, first.observation.cameras == .off {
        notes.add(
          .inconsistent, "\(path).usesImages",
          "got true, but the robots' observation.cameras is off; expected false, or a number of "
            + "pixels there"
        )
      }
      if images, let side = first.observation.cameras.pixels, side % patch != 0 {
        notes.add(
          .inconsistent, "\(path).patchSize",
          "got \(patch); expected a divisor of the cameras' \(side) pixels")
      }
      if images, let vision, let side = first.observation.cameras.pixels, side % patch == 0,
        side % (patch * vision.merge) != 0
      {
        notes.add(
          .inconsistent, "\(path).vision.merge",
          "got \(vision.merge); patches of \(patch) pixels make blocks of "
            + "\(patch * vision.merge), which must divide the cameras' \(side) pixels")
      }
      if state, !first.observation.environmentState {
        notes.add(
          .inconsistent, "\(path).usesEnvironmentState",
          "got true, but the robots' observation.environmentState is false")
      }
    }
  }

  private func check(_ network: TransformerSettings, at path: String, _ notes: inout Notes) {
    if network.heads % network.keyValueHeads != 0 {
      notes.add(
        .inconsistent, "\(path).keyValueHeads",
        "got \(network.keyValueHeads); expected a divisor of heads, which is \(network.heads)")
    }
    if network.headWidth % 2 != 0 {
      notes.add(
        .inconsistent, "\(path).headWidth",
        "got \(network.headWidth); expected an even number, since rotary positions turn pairs")
    }
  }
}

extension RobotSettings {
  /// Whether this robot is for `task`, as far as can be known before it is connected: a driver
  /// without `tasks` is taken at its word when it joins.
  func offers(_ task: String, workcellTasks: [String]) -> Bool {
    if let tasks, !tasks.contains(task) { return false }
    return kind == .driver || workcellTasks.contains(task)
  }
}
