import HTTPService
import Testing

@Suite(.timeLimit(.minutes(1))) struct WebSocketTests {
  /// Echoes at /echo, grants nothing elsewhere.
  private func withEcho(
    limits: HTTPLimits = HTTPLimits(), _ body: @Sendable (Int) async throws -> Void
  ) async throws {
    var routes = HTTPRoutes()
    routes.on("GET", "/page") { _ in .text("a page") }
    let server = try await HTTPServer.bind(
      host: "127.0.0.1", port: 0, limits: limits,
      webSockets: WebSocketSettings { $0.path == "/echo" })
    let answers = routes
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.run(answers) { socket, request in
          try await socket.send(.text("hello \(request.query["name"] ?? "")"))
          while let message = try await socket.receive() { try await socket.send(message) }
        }
      }
      defer { group.cancelAll() }
      try await body(server.port)
    }
  }

  @Test("messages of any size go both ways, in their order")
  func echo() async throws {
    try await withEcho { port in
      let socket = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/echo?name=you")
      #expect(try await socket.receive() == .text("hello you"))
      for size in [0, 1, 125, 126, 65_535, 65_536, 3_000_000] {
        let message = WebSocketMessage.binary((0..<size).map { UInt8(truncatingIfNeeded: $0) })
        try await socket.send(message)
        #expect(try await socket.receive() == message, "\(size) bytes")
      }
      for turn in 0..<50 { try await socket.send(.text("\(turn)")) }
      for turn in 0..<50 { #expect(try await socket.receive() == .text("\(turn)")) }
      await socket.close()
      #expect(try await socket.receive() == nil)
      await #expect(throws: (any Error).self) { try await socket.send(.text("late")) }
    }
  }

  @Test("a server that speaks first is heard by every one of many clients")
  func greetings() async throws {
    try await withEcho { port in
      for _ in 0..<20 {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for index in 0..<8 {
            group.addTask {
              let socket = try await WebSocketClient.connect(
                "ws://127.0.0.1:\(port)/echo?name=\(index)")
              #expect(try await socket.receive() == .text("hello \(index)"))
              await socket.close()
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }

  @Test("routes answer what is no WebSocket, and requests for one that are not granted")
  func routes() async throws {
    try await withEcho { port in
      let url = "http://127.0.0.1:\(port)"
      #expect(try await HTTPClient.get(url + "/page").body == Array("a page".utf8))
      #expect(try await HTTPClient.get(url + "/echo").status == 404)
      for upgrade in ["websocket", "h2c"] {
        let answer = try await HTTPClient.get(url + "/page", headers: ["Upgrade": upgrade])
        #expect(answer.status == 200, "\(upgrade)")
      }
      await #expect(throws: HTTPClientError.self) {
        try await WebSocketClient.connect("ws://127.0.0.1:\(port)/page")
      }
    }
  }

  @Test("beyond the limit of connections a WebSocket is closed at once")
  func full() async throws {
    try await withEcho(limits: HTTPLimits(connections: 1)) { port in
      let first = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/echo")
      #expect(try await first.receive() == .text("hello "))
      let second = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/echo")
      #expect(try await second.receive() == nil)
      try await first.send(.text("still here"))
      #expect(try await first.receive() == .text("still here"))
      await first.close()
    }
  }

  @Test("who is cancelled while receiving stops, and the connection ends")
  func cancellation() async throws {
    try await withEcho { port in
      let socket = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/echo")
      _ = try await socket.receive()
      let waiting = Task { try await socket.receive() }
      try await Task.sleep(for: .milliseconds(50))
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      #expect(try await socket.receive() == nil)
    }
  }
}
