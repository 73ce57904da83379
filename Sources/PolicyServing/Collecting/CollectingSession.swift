import HTTPService

/// One client's conversation while it practises: metadata first, then an answer to each of its messages.
struct CollectingSession {
  let robot: OpenPIRobot
  let client: OpenPIRobot.ClientID
  let server: String

  /// Answers until the client leaves.
  ///
  /// - Throws: When it leaves in the middle of something, and `CancellationError`.
  func run(on socket: WebSocket) async throws {
    let clock = ContinuousClock()
    var hasComplained = false
    try await socket.send(.binary(metadata.message))
    while let message = try await socket.receive() {
      let start = clock.now
      guard case .binary(let bytes) = message else {
        try await socket.send(.text("expected a binary message with MessagePack, came text"))
        continue
      }
      do {
        let message = try robot.interpreter.message(bytes)
        let reply = try await robot.answer(message, from: client)
        try await socket.send(reply.message(after: clock.now - start))
      } catch let error as ServingError {
        // The first is what a person has to mend; a thousand more are no news.
        if !hasComplained { robot.notify("a robot's program was refused: \(error)") }
        hasComplained = true
        try await socket.send(.text(error.description))
      }
    }
  }

  private var metadata: MessagePackValue {
    .record([
      "server": .string(server),
      "collects": .bool(true),
      "embodiment": .string(robot.embodiment.name),
      "control_rate": .double(robot.embodiment.controlRate),
      "action_horizon": .integer(1),
      "action_dim": .integer(Int64(robot.embodiment.actionWidth)),
      "executed_actions": .integer(1),
      "observation": robot.interpreter.serving.mapping.expected,
      "tasks": robot.interpreter.serving.knownTasks,
    ])
  }
}

extension OpenPIRobot.Reply {
  /// As the client reads it. Arrays have an entry for each step, here one.
  fileprivate func message(after time: Duration) -> WebSocketMessage {
    switch self {
    case .refusal(let text): return .text(text)
    case .status(let text):
      return .binary(MessagePackValue.record(["status": .string(text)]).message)
    case .action(let action, let step, let task):
      return .binary(
        MessagePackValue.record([
          "actions": .numpy(NumPyArray(action, shape: [1, action.count])),
          "prompt": .string(task.instruction),
          "episode": .record([
            "step": .integer(Int64(step)), "maximum_steps": .integer(Int64(task.maximumSteps)),
          ]),
          "server_timing": .record(["infer_ms": .double(time / .milliseconds(1))]),
        ]).message)
    }
  }
}
