import Episodes
import Messaging

@testable import Robots

/// A driver in this process: a point that moves by its action, from 0 to success at 1. Where
/// corrections are allowed a person takes over below −0.5 and hands back above 0.
actor FakeDriver {
  static let description = DriverDescription(
    embodiment: Embodiment(
      name: "line", proprioceptionWidth: 1, environmentStateWidth: 2,
      cameras: [Camera(name: "eye", width: 2, height: 1)], actionWidth: 1, controlRate: 10),
    tasks: [
      TaskDescription(
        name: "reach", instruction: "go to the end", maximumSteps: 20, subtasks: ["far", "near"])
    ], holds: true)

  private(set) var moves = 0
  private(set) var resets = 0
  private(set) var holds = 0
  private let description: DriverDescription
  /// Spoils a reply on its way out.
  private let spoil: @Sendable (inout Envelope<DriverTurn>) -> Void
  private var x: Float = 0
  private var episode = ""
  private var turn = 0
  private var supervision = Supervision.none
  private var personInControl = false
  private var last: Envelope<DriverTurn>?

  init(
    describing description: DriverDescription = FakeDriver.description,
    spoiling spoil: @escaping @Sendable (inout Envelope<DriverTurn>) -> Void = { _ in }
  ) {
    self.description = description
    self.spoil = spoil
  }

  nonisolated var router: RequestRouter {
    var router = RequestRouter()
    router.answer(DriverDescribe.self) { _ in self.description }
    router.on(DriverBegin.self) { try await self.begin($0.body) }
    router.on(DriverExecute.self) { try await self.execute($0) }
    router.on(DriverHold.self) { try await self.hold($0.body) }
    return router
  }

  private func begin(_ request: DriverBegin) throws -> Envelope<DriverTurn> {
    if request.episode == episode { return try again(0) }
    resets += 1
    episode = request.episode
    turn = 0
    x = 0
    supervision = request.supervision
    personInControl = supervision == .demonstration
    return answer([], outcome: nil)
  }

  private func execute(_ request: Envelope<DriverExecute>) throws -> Envelope<DriverTurn> {
    let body = request.body
    guard body.episode == episode else { throw RequestError.malformed("another episode runs") }
    if body.turn != turn + 1 { return try again(body.turn) }
    turn = body.turn
    let chunk = request.frames.isEmpty ? nil : try request.frame("action").floats()
    let count = personInControl ? body.steps : min(body.steps, chunk?.count ?? 0)
    var steps: [Step] = []
    for index in 0..<count {
      let byPerson = personInControl
      let action = byPerson ? 0.2 : (chunk?[index] ?? 0)
      steps.append(Step(x: x, action: action, byPerson: byPerson))
      x += action
      moves += 1
      if x >= 1 { return answer(steps, outcome: .success) }
      guard supervision == .corrections else { continue }
      personInControl = byPerson ? x <= 0 : x < -0.5
      if byPerson && !personInControl { break }
    }
    return answer(steps, outcome: nil)
  }

  private func hold(_ request: DriverHold) throws -> Envelope<DriverTurn> {
    guard request.episode == episode else { throw RequestError.malformed("another episode runs") }
    if request.turn != turn + 1 { return try again(request.turn) }
    turn = request.turn
    holds += 1
    return answer([], outcome: nil)
  }

  private func again(_ asked: Int) throws -> Envelope<DriverTurn> {
    guard asked == turn, let last else { throw RequestError.malformed("turn \(asked)") }
    return last
  }

  private struct Step {
    var x: Float
    var action: Float
    var byPerson: Bool
  }

  private func answer(_ steps: [Step], outcome: Outcome?) -> Envelope<DriverTurn> {
    let n = steps.count
    var frames = sensed("next.", [x], [])
    if n > 0 {
      frames += sensed("", steps.map(\.x), [n])
      frames += [
        Frame(name: "action", shape: [n, 1], floats: steps.map(\.action)),
        Frame(name: "intervention", shape: [n], bools: steps.map(\.byPerson)),
        Frame(name: "subtask_index", shape: [n], int32s: steps.map { $0.x < 0.5 ? 0 : 1 }),
      ]
    }
    var reply = Envelope(
      DriverTurn(steps: n, outcome: outcome, personInControl: personInControl), frames: frames)
    spoil(&reply)
    last = reply
    return reply
  }

  private func sensed(_ prefix: String, _ xs: [Float], _ leading: [Int]) -> [Frame] {
    [
      Frame(name: "\(prefix)observation.state", shape: leading + [1], floats: xs),
      Frame(
        name: "\(prefix)observation.environment_state", shape: leading + [2],
        floats: xs.flatMap { [1, 1 - $0] }),
      Frame(
        name: "\(prefix)observation.images.eye", shape: leading + [1, 2, 3],
        bytes: xs.flatMap { x in (0..<6).map { UInt8($0) + UInt8(max(0, x * 10)) } }),
    ]
  }
}

/// Runs `body` with a connection to a driver that serves meanwhile.
func withDriver(
  _ driver: FakeDriver, faults: FaultPlan? = nil,
  _ body: @Sendable (any RequestClient) async throws -> Void
) async throws {
  let transport = InProcessTransport(faults: faults)
  let serving = Task { try await transport.server.serve(driver.router) }
  defer { serving.cancel() }
  try await body(transport.connect())
}
