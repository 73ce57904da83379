import Episodes
import Foundation
import Robots

/// The built-in workcell with a person at the keyboard: who demonstrates, or corrects a policy.
actor PlayedWorkcell: Robot {
  nonisolated let name: String
  nonisolated let embodiment: Embodiment
  nonisolated let tasks: [TaskDescription]
  private let cameras: Int?
  private let terminal: any PlayTerminal
  private let colours: PlayScreen.Colours
  private let clock: any Clock<Duration>
  /// Of one control step.
  private let pace: Duration
  private var attempt: Attempt?
  private var decoder = KeyDecoder()

  /// One episode in progress.
  private struct Attempt {
    var cell: Workcell
    var hands = Teleoperation()
    let supervision: Supervision
    var isPerson: Bool
  }

  /// - Parameters:
  ///   - model: The workcell whose tasks and senses these are.
  ///   - cameras: The side of its recorded images; nil for none.
  ///   - speed: 1 is the workcell's own ten steps a second.
  ///   - clock: Keeps the time.
  init(
    like model: WorkcellRobot, cameras: Int?, terminal: any PlayTerminal,
    colours: PlayScreen.Colours, speed: Double = 1, clock: any Clock<Duration> = ContinuousClock()
  ) {
    name = model.name
    embodiment = model.embodiment
    tasks = model.tasks
    self.cameras = cameras
    self.terminal = terminal
    self.colours = colours
    self.clock = clock
    pace = .seconds(1 / (Workcell.controlRate * speed))
  }

  func begin(task: String, seed: UInt64, supervision: Supervision) async throws -> RobotTurn {
    let isPerson = supervision == .demonstration
    var attempt = Attempt(
      cell: try Workcell(task: task, seed: seed), supervision: supervision, isPerson: isPerson)
    attempt.hands.begin(apertures: Self.apertures(attempt.cell))
    draw(attempt, outcome: "any key begins, q ends")
    try await waitForKey()
    self.attempt = attempt
    return RobotTurn(observation: observe(attempt.cell), personInControl: isPerson)
  }

  func execute(_ chunk: ActionChunk?, steps: Int) async throws -> RobotTurn {
    guard var attempt else { throw WorkcellError.notBegun }
    guard attempt.cell.ending == nil else { throw WorkcellError.episodeOver }
    let count = attempt.isPerson ? steps : min(chunk?.count ?? 0, steps)
    guard count > 0 else { throw WorkcellError.chunkMissing }
    let policyBegan = !attempt.isPerson
    var turn = RobotTurn(observation: observe(attempt.cell), personInControl: attempt.isPerson)
    for index in 0..<count {
      try await clock.sleep(for: pace)
      try await heed(&attempt)
      // Handed back: what is left of an older chunk was meant for another state.
      if !policyBegan, !attempt.isPerson { break }
      let byPerson = attempt.isPerson
      let action =
        byPerson
        ? attempt.hands.nextAction()
        : Array(chunk?[index] ?? []).map { max(-1, min($0, 1)) }
      turn.steps.append(
        RobotStep(
          observation: turn.observation, action: action, intervention: byPerson,
          subtask: attempt.cell.subtask))
      attempt.cell.step(action[...])
      turn.observation = observe(attempt.cell)
      draw(attempt)
      if attempt.cell.ending != nil { break }
    }
    turn.conclude(attempt.cell)
    if let ending = attempt.cell.ending {
      let words = ending.outcome.words + (ending.reason.map { ": \($0)" } ?? "")
      draw(attempt, outcome: "\(words) after \(attempt.cell.stepCount) steps; any key goes on")
      self.attempt = attempt
      try await waitForKey()
    }
    turn.personInControl = attempt.isPerson
    self.attempt = attempt
    return turn
  }

  // MARK: - The person

  /// Takes in what was typed since the last step.
  private func heed(_ attempt: inout Attempt) async throws {
    for key in decoder.keys(terminal.typed()) {
      switch attempt.hands.press(key) {
      case .quit: throw PlayEnded()
      case .pause:
        draw(attempt, isPaused: true)
        try await waitForKey()
      case .changeHands where attempt.supervision == .corrections:
        attempt.isPerson.toggle()
        if attempt.isPerson { attempt.hands.begin(apertures: Self.apertures(attempt.cell)) }
      case .changeHands, nil: break
      }
    }
  }

  private func waitForKey() async throws {
    while true {
      let keys = decoder.keys(terminal.typed())
      if keys.contains(where: { [.character("q"), .escape, .interrupt].contains($0) }) {
        // An episode that is over is kept; the next one does not begin.
        if let attempt, attempt.cell.ending != nil {
          isLeaving = true
          return
        }
        throw PlayEnded()
      }
      if !keys.isEmpty { return }
      try await clock.sleep(for: .milliseconds(30))
    }
  }

  /// Whether the person wants no further episode.
  private(set) var isLeaving = false

  private static func apertures(_ cell: Workcell) -> [Float] {
    let state = cell.proprioception
    return [state[3], state[8]]
  }

  // MARK: - What is seen

  private func observe(_ cell: Workcell) -> Observation {
    cell.observation(
      environmentState: embodiment.environmentStateWidth > 0, imageSide: cameras)
  }

  private func draw(_ attempt: Attempt, outcome: String? = nil, isPaused: Bool = false) {
    let size = terminal.size
    let screen = PlayScreen(colours: colours, columns: size.columns, rows: size.rows)
    let moment = PlayMoment(
      task: attempt.cell.task, controlRate: Workcell.controlRate, step: attempt.cell.stepCount,
      subtask: attempt.cell.subtask, stages: attempt.cell.stages, hands: attempt.hands,
      isCorrecting: attempt.supervision == .corrections, isPerson: attempt.isPerson,
      isPaused: isPaused, outcome: outcome)
    let side = screen.side
    let picture = screen.picture(attempt.cell.image(.base, side: side), side: side)
    terminal.show(screen.text(picture, moment))
  }
}

/// The person has had enough; the episode under way is not kept.
struct PlayEnded: Error {}
