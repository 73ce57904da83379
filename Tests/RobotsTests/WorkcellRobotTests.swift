import Episodes
import Testing

@testable import Robots

@Suite("Workcell robot")
struct WorkcellRobotTests {
  /// Runs one episode with a policy that answers from the last observation.
  private func episode(
    _ robot: WorkcellRobot, task: String, seed: UInt64, supervision: Supervision,
    policy: (Observation) -> ActionChunk = { _ in
      ActionChunk(values: [Float](repeating: 0, count: 64), width: 8)
    }
  ) async throws -> (steps: [RobotStep], outcome: Outcome?, reason: String?, handovers: Int) {
    var turn = try await robot.begin(task: task, seed: seed, supervision: supervision)
    var steps: [RobotStep] = []
    var handovers = 0
    while turn.outcome == nil {
      let wasInControl = turn.personInControl
      turn = try await robot.execute(wasInControl ? nil : policy(turn.observation), steps: 8)
      #expect(!turn.steps.isEmpty && turn.steps.count <= 8)
      steps += turn.steps
      if wasInControl && !turn.personInControl { handovers += 1 }
    }
    return (steps, turn.outcome, turn.reason, handovers)
  }

  @Test("a demonstration needs no chunk, and every step is the person's")
  func demonstration() async throws {
    let robot = try WorkcellRobot(name: "cell", flaws: .flawless)
    let result = try await episode(
      robot, task: "tshirt-collar-up", seed: 1, supervision: .demonstration)
    #expect(result.outcome == .success)
    #expect(result.steps.allSatisfy { $0.intervention && $0.action.count == 8 })
    #expect(result.steps.allSatisfy { $0.subtask.map((0..<4).contains) == true })
    #expect(result.steps.allSatisfy { $0.action.allSatisfy { abs($0) <= 1 } })
    #expect(result.reason == nil)
  }

  @Test("equal seeds give equal demonstrations")
  func determinism() async throws {
    var results: [[[Float]]] = []
    for _ in 0..<2 {
      let robot = try WorkcellRobot(name: "cell")
      let result = try await episode(
        robot, task: "espresso", seed: 11, supervision: .demonstration)
      results.append(result.steps.map { $0.observation.environmentState + $0.action })
    }
    #expect(results[0] == results[1])
  }

  @Test("alone, a policy that does nothing fails at the time limit without a person")
  func unsupervised() async throws {
    let robot = try WorkcellRobot(name: "cell")
    let result = try await episode(robot, task: "tshirt", seed: 1, supervision: .none)
    #expect(result.outcome == .failure)
    #expect(result.reason == "time limit")
    #expect(result.steps.count == robot.tasks[0].maximumSteps)
    #expect(result.steps.allSatisfy { !$0.intervention })
  }

  @Test("a person takes over from a policy that stalls, and hands back after each milestone")
  func stallIsCorrected() async throws {
    let robot = try WorkcellRobot(name: "cell")
    let result = try await episode(robot, task: "tshirt", seed: 1, supervision: .corrections)
    let corrected = result.steps.count { $0.intervention }
    #expect(corrected > 0 && corrected < result.steps.count)
    #expect(result.handovers >= 2)
    #expect(!result.steps.prefix(Supervisor.patience).contains { $0.intervention })
  }

  @Test("a person stops a policy that folds the wrong way, and the shirt ends with its collar up")
  func wrongChoiceIsCorrected() async throws {
    let task = GarmentTask.tshirtCollarUp
    for seed in 0..<10 as Range<UInt64> {
      var cell = Workcell(task, seed: seed)
      var policy = Coach(
        flaws: CoachFlaws(mistakeScale: 1),
        mistakes: [Mistake(kind: .foldWrongWay, probability: 1)], seed: seed)
      var person = Coach(flaws: .flawless, mistakes: task.mistakes, seed: seed)
      var supervisor = Supervisor(seed: seed)
      var corrected = 0
      while cell.ending == nil {
        corrected += supervisor.isInControl ? 1 : 0
        let action =
          supervisor.isInControl ? person.action(for: cell) : policy.action(for: cell)
        cell.step(action[...])
        supervisor.watch(cell)
      }
      #expect(cell.ending == .success)
      #expect((5...40).contains(corrected), "corrected \(corrected) of \(cell.stepCount) steps")
    }
  }

  /// An episode in which a policy acts that always makes this mistake, under a watching person.
  private func supervised(
    _ task: any WorkcellTask, _ kind: MistakeSet, seed: UInt64
  ) -> (cell: Workcell, corrected: Int) {
    var cell = Workcell(task, seed: seed)
    var policy = Coach(
      flaws: CoachFlaws(mistakeScale: 1), mistakes: [Mistake(kind: kind, probability: 1)],
      seed: seed)
    var person = Coach(flaws: .flawless, mistakes: task.mistakes, seed: seed)
    var supervisor = Supervisor(seed: seed)
    var corrected = 0
    while cell.ending == nil {
      corrected += supervisor.isInControl ? 1 : 0
      let action = supervisor.isInControl ? person.action(for: cell) : policy.action(for: cell)
      cell.step(action[...])
      supervisor.watch(cell)
    }
    return (cell, corrected)
  }

  @Test("a person takes over in time, whatever the policy does wrong, and most episodes succeed")
  func everyMistakeIsCorrected() {
    // Espresso is left out: whoever insists on a mistake there repeats it as soon as the controls are
    // handed back, which no policy does that learns from corrections.
    for task in WorkcellTasks.all where !(task is EspressoTask) {
      for mistake in task.mistakes {
        var corrections = CoachTrials()
        var corrected = 0
        for seed in 0..<40 as Range<UInt64> {
          let result = supervised(task, mistake.kind, seed: seed)
          corrections.add(result.cell)
          corrected += result.corrected
        }
        let what = "\(task.description.name), mistake \(mistake.kind.rawValue)"
        print("\(what): \(corrections.successes) of 40, \(corrected) steps by the person")
        #expect(corrections.successShare >= 0.8, "\(what): \(corrections.failures)")
        #expect(corrected < corrections.steps / 2, "\(what)")
      }
    }
  }

  @Test("a failure tells where it was decided, and a box which stages were done")
  func verdict() async throws {
    let robot = try WorkcellRobot(name: "cell")
    var decided = 0
    for seed in 0..<12 as Range<UInt64> {
      for task in ["tshirt-collar-up", "box"] {
        var turn = try await robot.begin(task: task, seed: seed, supervision: .demonstration)
        var steps = 0
        while turn.outcome == nil {
          #expect(turn.decidedAtStep == nil && turn.stages == nil)
          turn = try await robot.execute(nil, steps: 8)
          steps += turn.steps.count
        }
        #expect((turn.stages != nil) == (task == "box"))
        if turn.outcome == .success {
          #expect(turn.decidedAtStep == nil)
          #expect(turn.stages?.allSatisfy(\.isDone) ?? true)
        } else if turn.reason == "collar down" {
          #expect((0..<steps - 10).contains(try #require(turn.decidedAtStep)))
          decided += 1
        }
      }
    }
    #expect(decided > 0)
  }

  @Test("a person does not disturb a policy that works well")
  func goodPolicyIsLeftAlone() async throws {
    var corrected = 0
    for task in WorkcellTasks.all {
      for seed in 0..<20 as Range<UInt64> {
        var cell = Workcell(task, seed: seed)
        var policy = Coach(flaws: .flawless, mistakes: task.mistakes, seed: seed)
        var supervisor = Supervisor(seed: seed)
        while cell.ending == nil {
          cell.step(policy.action(for: cell)[...])
          supervisor.watch(cell)
          corrected += supervisor.isInControl ? 1 : 0
        }
      }
    }
    #expect(corrected < 100, "\(corrected) of about 11,000 steps")
  }

  @Test("what the robot reports fits its embodiment, with and without cameras and poses")
  func embodiment() async throws {
    for (cameras, poses) in [(nil, true), (32, true), (32, false)] as [(Int?, Bool)] {
      let robot = try WorkcellRobot(name: "cell", cameras: cameras, environmentState: poses)
      let turn = try await robot.begin(task: "espresso", seed: 0, supervision: .none)
      let embodiment = robot.embodiment
      #expect(turn.observation.proprioception.count == embodiment.proprioceptionWidth)
      #expect(turn.observation.environmentState.count == embodiment.environmentStateWidth)
      #expect(turn.observation.images.map(\.count) == embodiment.cameras.map(\.byteCount))
      #expect(embodiment.actionWidth == 8 && embodiment.controlRate == 10)
    }
  }

  @Test("what cannot be done is refused in words")
  func refusals() async throws {
    #expect(throws: WorkcellError.blind) {
      try WorkcellRobot(name: "cell", cameras: nil, environmentState: false)
    }
    #expect(throws: WorkcellError.imageSide(4)) { try WorkcellRobot(name: "cell", cameras: 4) }
    #expect(throws: WorkcellError.noTasks(valid: WorkcellTasks.names)) {
      try WorkcellRobot(name: "cell", tasks: [])
    }
    #expect(throws: WorkcellError.unknownTask(name: "x", valid: WorkcellTasks.names)) {
      try WorkcellRobot(name: "cell", tasks: ["x"])
    }
    let robot = try WorkcellRobot(name: "cell", tasks: ["tshirt"])
    let chunk = ActionChunk(values: [Float](repeating: 0, count: 8), width: 8)
    await #expect(throws: WorkcellError.notBegun) { try await robot.execute(chunk, steps: 1) }
    await #expect(
      throws: WorkcellError.taskNotOffered(name: "espresso", robot: "cell", offered: ["tshirt"])
    ) { try await robot.begin(task: "espresso", seed: 0, supervision: .none) }
    _ = try await robot.begin(task: "tshirt", seed: 0, supervision: .none)
    await #expect(throws: WorkcellError.chunkMissing) { try await robot.execute(nil, steps: 1) }
    await #expect(throws: WorkcellError.stepCount(0)) { try await robot.execute(chunk, steps: 0) }
    await #expect(throws: WorkcellError.chunkWidth(expected: 8, actual: 4)) {
      try await robot.execute(ActionChunk(values: [0, 0, 0, 0], width: 4), steps: 1)
    }
    var broken = [Float](repeating: 0, count: 16)
    broken[9] = .nan
    await #expect(throws: WorkcellError.chunkNotFinite(step: 1)) {
      try await robot.execute(ActionChunk(values: broken, width: 8), steps: 1)
    }
  }
}
