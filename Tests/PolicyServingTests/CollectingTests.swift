import CollectorRole
import Episodes
import Executors
import Foundation
import HTTPService
import Policies
import RecapAlgorithm
import Robots
import Tensors
import Testing

@testable import PolicyServing

/// Robots' programs that practise for a collector.
@Suite(.timeLimit(.minutes(2))) struct CollectingTests {
  /// Runs a port for a robot around `body`.
  private func withRobot(
    _ settings: OpenPIRobot.Settings = .init(), key: String? = nil,
    notify: @escaping @Sendable (String) -> Void = { _ in },
    _ body: @Sendable (OpenPIRobot, Int) async throws -> Void
  ) async throws {
    let robot = try OpenPIRobot(
      embodiment: Toy.embodiment, tasks: [Toy.pour, Toy.wipe],
      mapping: ObservationMapping(
        Toy.embodiment, readsImages: true, readsEnvironmentState: true),
      settings: settings, notify: notify)
    let arrival = Arrival<OpenPIRobot>()
    await arrival.settle(.success(robot))
    let server = try await PolicyServer.bind(
      host: "127.0.0.1", port: 0, settings: .init(apiKey: key, server: "test"))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run(practising: arrival) }
      defer { group.cancelAll() }
      try await body(robot, server.port)
    }
  }

  /// What a collector gets: actions count up, two at a time, until the episode ends.
  private func attempt(_ robot: OpenPIRobot) async throws -> (steps: [RobotStep], end: RobotTurn) {
    var turn = try await robot.begin(task: "pour", seed: 0, supervision: .none)
    var steps: [RobotStep] = []
    while turn.outcome == nil, steps.count < Toy.pour.maximumSteps {
      let next = Float(steps.count)
      turn = try await robot.execute(
        ActionChunk(values: [next, 0, next + 1, 0, next + 2, 0], width: 2), steps: 2)
      steps += turn.steps
    }
    return (steps, turn)
  }

  private func connect(_ port: Int) async throws -> WebSocket {
    let socket = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/")
    _ = try await socket.map()
    return socket
  }

  private func message(_ seed: UInt64, _ more: (String, MessagePackValue)...) -> [UInt8] {
    Toy.message(Toy.observation(seed), more: more)
  }

  private func reset(_ more: (String, MessagePackValue)...) -> [UInt8] {
    MessagePackValue.map(
      ([("endpoint", .string("reset"))] + more).map { .init(key: .string($0.0), value: $0.1) }
    ).message
  }

  private func action(_ reply: [String: MessagePackValue]) -> [Float] {
    guard case .numpy(let array)? = reply["actions"], array.shape == [1, 2] else { return [] }
    return array.floats
  }

  /// Has a client execute steps of an episode, from the observation with this seed on.
  private func steps(_ range: Range<Int>, on socket: WebSocket) async throws {
    for step in range {
      #expect(action(try await socket.ask(message(UInt64(step)))) == [Float(step), 0])
    }
  }

  @Test("each step is an observation and the action served for it; the program's word ends it")
  func episode() async throws {
    try await withRobot { robot, port in
      let attempted = Task { try await attempt(robot) }
      let socket = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/")
      let metadata = try await socket.map()
      #expect(metadata["collects"] == .bool(true))
      #expect(metadata["action_horizon"] == .integer(1))
      #expect(metadata["executed_actions"] == .integer(1))
      // "Not yet" ends nothing.
      for step in 0..<5 {
        let reply = try await socket.ask(message(UInt64(step), ("success", .bool(false))))
        #expect(action(reply) == [Float(step), 0])
        #expect(reply["prompt"] == .string("pour a cup of tea"))
        #expect(
          reply["episode"]
            == .record(["step": .integer(Int64(step)), "maximum_steps": .integer(12)]))
      }
      let end = try await socket.ask(message(5, ("success", .bool(true))))
      #expect(end["status"] == .string("the episode is over"))
      let (steps, turn) = try await attempted.value
      #expect(turn.outcome == .success)
      #expect(steps.map(\.action) == (0..<5).map { [Float($0), 0] })
      for (step, executed) in steps.enumerated() {
        let sent = Toy.observation(UInt64(step))
        #expect(executed.observation.proprioception == sent.proprioception)
        #expect(executed.observation.environmentState == sent.environmentState)
        #expect(executed.observation.images == sent.images)
        #expect(!executed.intervention)
      }
      #expect(turn.observation.proprioception == Toy.observation(5).proprioception)

      // The next observation begins the next episode, with or without a reset before it.
      let second = Task { try await attempt(robot) }
      try await self.steps(0..<3, on: socket)
      let status = try await socket.ask(reset(("success", .bool(false))))
      #expect(status["status"] == .string("reset successful"))
      let failed = try await second.value
      #expect(failed.end.outcome == .failure && failed.steps.count == 3)
      await socket.close()
    }
  }

  @Test("a collector's attempt records it as an episode of the ordered policy")
  func recorded() async throws {
    let checkpoint = try Toy.checkpoint()
    let work = CollectWork(
      source: .autonomous, policy: nil, guidance: 1.5, firstEpisode: 0, episodeCount: 1,
      stage: "pour/1/autonomous")
    let attempt = Attempt(
      job: Job(id: "job", task: "pour", iteration: 1, seed: 3, work: .collect(work)), work: work,
      index: 0, task: Toy.pour, policyDigest: ContentDigest(hashing: [1]), robotName: "arm")
    try await withRobot { robot, port in
      let client = Task {
        let socket = try await connect(port)
        var served: [Float] = []
        for step in 0..<7 { served += action(try await socket.ask(message(UInt64(step)))) }
        _ = try await socket.ask(reset(("success", .bool(true))))
        await socket.close()
        return served
      }
      let policy = try ActingPolicy(checkpoint: checkpoint)
      let episode = try await attempt.episode(by: robot, policy: policy)
      #expect(episode.count == 7)
      #expect(try await client.value == episode.actions)
      #expect(episode.metadata.outcome == .success && episode.metadata.guidance == 1.5)
      #expect(episode.metadata.recordsImages && episode.metadata.recordsEnvironmentState)
      #expect(
        episode.observation(at: 6).proprioception == Toy.observation(6).proprioception)
    }
  }

  @Test("past the time limit there are no actions until the program begins the next episode")
  func timeLimit() async throws {
    try await withRobot { robot, port in
      let attempted = Task { try await attempt(robot) }
      let socket = try await connect(port)
      try await steps(0..<12, on: socket)
      let refusal = try await socket.complaint(about: .binary(message(12)))
      #expect(refusal.contains("its time limit is 12 steps"), "\(refusal)")
      let (executed, turn) = try await attempted.value
      #expect(executed.count == 12 && turn.outcome == nil)
      #expect(try await socket.complaint(about: .binary(message(13))).contains(#""reset": true"#))

      let next = Task { try await attempt(robot) }
      let reply = try await socket.ask(message(0, ("reset", .bool(true))))
      #expect(action(reply) == [0, 0])
      // At the limit silence and farewells change nothing: it has failed by the time.
      try await steps(1..<12, on: socket)
      await socket.close()
      let last = try await next.value
      #expect(last.steps.count == 12 && last.end.outcome == nil)
    }
  }

  @Test(
    "an episode of which nobody says how it ended is not judged, or dropped, or failed")
  func withoutVerdict() async throws {
    let said = Locked<[String]>([])
    try await withRobot(
      .init(withoutVerdict: .discard), notify: { text in said.withLock { $0.append(text) } }
    ) { robot, port in
      let attempted = Task { try await attempt(robot) }
      let socket = try await connect(port)
      try await steps(0..<3, on: socket)
      _ = try await socket.ask(reset())
      await #expect(throws: RobotAbsence.self) { try await attempted.value }
      // Likewise where the next one begins in the same breath.
      let second = Task { try await attempt(robot) }
      try await steps(0..<2, on: socket)
      let first = Task { try await socket.ask(message(0, ("reset", .integer(1)))) }
      await #expect(throws: RobotAbsence.self) { try await second.value }
      let third = Task { try await attempt(robot) }
      #expect(action(try await first.value) == [0, 0])
      _ = try await socket.ask(reset(("failure", .bool(true))))
      #expect(try await third.value.end.outcome == .failure)
      await socket.close()
    }
    #expect(said.withLock { $0.count { $0.contains("did not say how it ended") } } == 2)

    for (setting, outcome) in [
      (OpenPIRobot.Settings(), Outcome.unjudged), (.init(withoutVerdict: .failure), .failure),
    ] {
      try await withRobot(setting) { robot, port in
        let attempted = Task { try await attempt(robot) }
        let socket = try await connect(port)
        try await steps(0..<3, on: socket)
        _ = try await socket.ask(reset())
        let (executed, turn) = try await attempted.value
        #expect(executed.count == 3 && turn.outcome == outcome && turn.reason == "no verdict")
        await socket.close()
      }
    }
  }

  @Test("a program that leaves in the middle costs its episode, and another goes on")
  func disconnect() async throws {
    try await withRobot { robot, port in
      let attempted = Task { try await attempt(robot) }
      let socket = try await connect(port)
      try await steps(0..<3, on: socket)
      await socket.close()
      var absence: RobotAbsence?
      do { _ = try await attempted.value } catch { absence = error as? RobotAbsence }
      #expect(absence == .abandoned("the robot's program left after 3 steps of pour"))

      let again = Task { try await attempt(robot) }
      let other = try await connect(port)
      try await steps(0..<4, on: other)
      _ = try await other.ask(reset(("success", .bool(true))))
      #expect(try await again.value.steps.count == 4)
      await other.close()
    }
  }

  @Test("a program that comes while another's episode goes on has its turn afterwards")
  func turns() async throws {
    try await withRobot { robot, port in
      let first = Task { try await attempt(robot) }
      let (one, two) = (try await connect(port), try await connect(port))
      try await steps(0..<2, on: one)
      let waiting = Task { try await two.ask(message(0)) }
      try await steps(2..<4, on: one)
      _ = try await one.ask(reset(("success", .bool(true))))
      #expect(try await first.value.steps.count == 4)
      let second = Task { try await attempt(robot) }
      #expect(action(try await waiting.value) == [0, 0])
      _ = try await two.ask(reset(("success", .bool(true))))
      #expect(try await second.value.steps.count == 1)
      for socket in [one, two] { await socket.close() }
    }
  }

  @Test("silence ends an episode, and without a program the collector is told so")
  func silence() async throws {
    let settings = OpenPIRobot.Settings(arrival: .milliseconds(50), silence: .milliseconds(200))
    try await withRobot(settings) { robot, port in
      await #expect(
        throws: RobotAbsence.nobodyCame(
          "no robot's program has begun an episode within 0.05 seconds")
      ) { try await attempt(robot) }
      let socket = try await connect(port)
      // It may come before it is wanted.
      let waiting = Task { try await socket.ask(message(0)) }
      try await Task.sleep(for: .milliseconds(100))
      await #expect(throws: RobotAbsence.self) { try await attempt(robot) }
      #expect(action(try await waiting.value) == [0, 0])
      let refusal = try await socket.complaint(about: .binary(message(1)))
      #expect(refusal.contains("silent for 0.2 seconds after 1 steps of pour"), "\(refusal)")
      await socket.close()
    }
  }

  @Test("what does not fit is answered with the difference, and the episode goes on")
  func mismatch() async throws {
    let said = Locked<[String]>([])
    try await withRobot(notify: { text in said.withLock { $0.append(text) } }) { robot, port in
      let attempted = Task { try await attempt(robot) }
      let socket = try await connect(port)
      for seed in 0..<2 {
        let refusal = try await socket.complaint(about: .binary(MessagePackTests.observation))
        #expect(refusal.contains("state: expected numbers [3], came float32 [2]"), "\(seed)")
        #expect(refusal.contains("images.base: expected uint8 [4, 8, 3], nothing came"))
      }
      try await steps(0..<2, on: socket)
      let other = Toy.message(Toy.observation(2), prompt: "wipe the table")
      #expect(
        try await socket.complaint(about: .binary(other)).contains(
          "the run asks for 'pour a cup of tea' (pour) now, came 'wipe the table'"))
      #expect(
        try await socket.complaint(
          about: .binary(message(2, ("success", .bool(true)), ("failure", .bool(true))))
        )
        .contains("both came as true"))
      #expect(
        try await socket.complaint(about: .binary(message(2, ("success", .string("yes")))))
          .contains("success: expected true or false, came text"))
      try await steps(2..<3, on: socket)
      _ = try await socket.ask(reset(("success", .bool(true))))
      #expect(try await attempted.value.steps.count == 3)
      await socket.close()
    }
    #expect(said.withLock { $0.count } == 1, "one complaint is enough for a person")
  }

  @Test("nobody demonstrates here, and a stop ends what waits")
  func refusalsAndStops() async throws {
    try await withRobot { robot, port in
      await #expect(throws: ServingError.self) {
        try await robot.begin(task: "pour", seed: 0, supervision: .demonstration)
      }
      await #expect(throws: ServingError.self) {
        try await robot.begin(task: "dance", seed: 0, supervision: .none)
      }
      let waiting = Task { try await attempt(robot) }
      try await Task.sleep(for: .milliseconds(20))
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }

      let socket = try await connect(port)
      let executing = Task { try await attempt(robot) }
      try await steps(0..<1, on: socket)
      executing.cancel()
      await #expect(throws: RobotAbsence.abandoned("the collector stops")) {
        try await executing.value
      }
      #expect(
        try await socket.complaint(about: .binary(message(1))).contains("the collector stops"))
      await socket.close()
    }
  }

  @Test("a key is asked for where there is one")
  func key() async throws {
    try await withRobot(key: "the right key 0123") { _, port in
      await #expect(throws: HTTPClientError.self) {
        try await WebSocketClient.connect("ws://127.0.0.1:\(port)/")
      }
    }
  }

  @Test("1,000 damaged messages are answered, and episodes go on")
  func damaged() async throws {
    try await withRobot { robot, port in
      let collector = Task {
        var ended = 0
        while !Task.isCancelled {
          do {
            _ = try await attempt(robot)
            ended += 1
          } catch is RobotAbsence { continue }
        }
        return ended
      }
      let socket = try await connect(port)
      var random = RandomSource(seed: 11)
      let whole = message(1, ("success", .bool(false)), ("reset", .bool(false)))
      var refused = 0
      for _ in 0..<1_000 {
        var damaged = whole
        for _ in 0...random.integer(below: 3) {
          // Heads of values are what a reader trips over: half of the damage is there.
          let place = random.integer(below: random.integer(below: 2) == 0 ? 200 : damaged.count)
          switch random.integer(below: 3) {
          case 0: damaged[place] = UInt8(random.integer(below: 256))
          case 1: damaged.insert(UInt8(random.integer(below: 256)), at: place)
          default: damaged.remove(at: place)
          }
        }
        try await socket.send(.binary(damaged))
        switch try await socket.receive() {
        case .text?: refused += 1
        case .binary?: break
        case nil: throw ServingError("the conversation ended")
        }
      }
      #expect(refused > 300, "\(refused)")
      _ = try await socket.ask(reset(("success", .bool(true))))
      for step in 0..<3 {
        #expect(action(try await socket.ask(message(9))) == [Float(step), 0])
      }
      _ = try await socket.ask(reset(("success", .bool(true))))
      await socket.close()
      collector.cancel()
      _ = try? await collector.value
    }
  }
}
