import Episodes

/// The built-in workcell as a robot, with a coach who demonstrates and corrects.
public actor WorkcellRobot: Robot {
  /// The robot's name in recordings.
  public nonisolated let name: String
  public nonisolated let embodiment: Embodiment
  public nonisolated let tasks: [TaskDescription]
  private let imageSide: Int?
  private let flaws: CoachFlaws
  private var attempt: Attempt?

  /// One episode in progress.
  private struct Attempt {
    var cell: Workcell
    var coach: Coach
    var supervisor: Supervisor
    let supervision: Supervision

    var personInControl: Bool {
      switch supervision {
      case .demonstration: true
      case .corrections: supervisor.isInControl
      case .none: false
      }
    }
  }

  /// Sets up a workcell.
  ///
  /// - Parameters:
  ///   - name: The robot's name in recordings.
  ///   - tasks: What it offers, from `WorkcellTasks.names`; at least one.
  ///   - cameras: The side of the square images of its three cameras, 8 to 512 pixels; nil switches
  ///     them off.
  ///   - environmentState: Whether observations hold object positions and gauges.
  ///   - flaws: How demonstrations fall short of perfect.
  /// - Throws: `WorkcellError` for an unknown task, an image side out of range, flaws out of range,
  ///   or observations without cameras and environment state.
  public init(
    name: String, tasks: [String] = WorkcellTasks.names, cameras: Int? = nil,
    environmentState: Bool = true, flaws: CoachFlaws = .person
  ) throws {
    guard !tasks.isEmpty else { throw WorkcellError.noTasks(valid: WorkcellTasks.names) }
    if let cameras, !(8...512).contains(cameras) { throw WorkcellError.imageSide(cameras) }
    guard cameras != nil || environmentState else { throw WorkcellError.blind }
    try flaws.validate()
    self.name = name
    self.tasks = try tasks.map { try WorkcellTasks.named($0).description }
    self.flaws = flaws
    imageSide = cameras
    embodiment = Embodiment(
      name: "workcell", proprioceptionWidth: Workcell.proprioceptionWidth,
      environmentStateWidth: environmentState ? Workcell.environmentStateWidth : 0,
      cameras: cameras.map { side in
        WorkcellCamera.allCases.map { Camera(name: $0.rawValue, width: side, height: side) }
      } ?? [],
      actionWidth: Workcell.actionWidth, controlRate: Workcell.controlRate)
  }

  public func begin(task: String, seed: UInt64, supervision: Supervision) throws -> RobotTurn {
    guard tasks.contains(where: { $0.name == task }) else {
      throw WorkcellError.taskNotOffered(name: task, robot: name, offered: tasks.map(\.name))
    }
    let known = try WorkcellTasks.named(task)
    // A person who corrects is awake: only demonstrations are flawed.
    let attempt = Attempt(
      cell: Workcell(known, seed: seed),
      coach: Coach(
        flaws: supervision == .demonstration ? flaws : .flawless, mistakes: known.mistakes,
        seed: seed),
      supervisor: Supervisor(seed: seed), supervision: supervision)
    self.attempt = attempt
    return RobotTurn(
      observation: observe(attempt.cell), personInControl: attempt.personInControl)
  }

  public func execute(_ chunk: ActionChunk?, steps: Int) throws -> RobotTurn {
    guard var attempt else { throw WorkcellError.notBegun }
    guard attempt.cell.ending == nil else { throw WorkcellError.episodeOver }
    guard steps > 0 else { throw WorkcellError.stepCount(steps) }
    let policyBegan = !attempt.personInControl
    let count: Int
    if policyBegan {
      count = min(try check(chunk), steps)
    } else {
      count = steps
    }

    var turn = RobotTurn(observation: observe(attempt.cell), personInControl: false)
    for index in 0..<count {
      let byPerson = attempt.personInControl
      let action: [Float]
      if byPerson {
        action = attempt.coach.action(for: attempt.cell)
      } else {
        action = Array(chunk?[index] ?? []).map { $0.clamped(-1, 1) }
      }
      turn.steps.append(
        RobotStep(
          observation: turn.observation, action: action, intervention: byPerson,
          subtask: attempt.cell.subtask))
      attempt.cell.step(action[...])
      turn.observation = observe(attempt.cell)
      if attempt.cell.ending != nil { break }
      if attempt.supervision == .corrections { attempt.supervisor.watch(attempt.cell) }
      // Handed back: what is left of an older chunk was meant for another state.
      if byPerson && !attempt.personInControl { break }
    }
    turn.conclude(attempt.cell)
    turn.personInControl = attempt.personInControl
    self.attempt = attempt
    return turn
  }

  /// Always: its time stands still between two executions.
  public nonisolated var holds: Bool { true }

  public func hold() throws -> RobotTurn {
    guard let attempt else { throw WorkcellError.notBegun }
    guard attempt.cell.ending == nil else { throw WorkcellError.episodeOver }
    return RobotTurn(
      observation: observe(attempt.cell), personInControl: attempt.personInControl)
  }

  /// The number of actions in a chunk that can be executed.
  private func check(_ chunk: ActionChunk?) throws(WorkcellError) -> Int {
    guard let chunk, chunk.count > 0 else { throw .chunkMissing }
    guard chunk.width == Workcell.actionWidth else {
      throw .chunkWidth(expected: Workcell.actionWidth, actual: chunk.width)
    }
    if let bad = chunk.values.firstIndex(where: { !$0.isFinite }) {
      throw .chunkNotFinite(step: bad / chunk.width)
    }
    return chunk.count
  }

  private func observe(_ cell: Workcell) -> Observation {
    cell.observation(
      environmentState: embodiment.environmentStateWidth > 0, imageSide: imageSide)
  }
}
