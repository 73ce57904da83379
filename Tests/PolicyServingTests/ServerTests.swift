import Executors
import Foundation
import HTTPService
import Policies
import Tensors
import Testing

@testable import PolicyServing

/// Runs a server of a policy around `body` and stops it afterwards.
func withServer(
  _ settings: PolicyServer.Settings = .init(server: "test"), arrival: PolicyArrival,
  _ body: @Sendable (Int) async throws -> Void
) async throws {
  let server = try await PolicyServer.bind(host: "127.0.0.1", port: 0, settings: settings)
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await server.run(arrival) }
    defer { group.cancelAll() }
    try await body(server.port)
  }
}

/// A stand-in's policy, or a real one's, ready to be served.
func served(_ load: @escaping PolicyService.ModelLoader) throws -> ServedPolicy {
  ServedPolicy(
    name: "toy", embodiment: Toy.embodiment, chunkLength: 1, guidance: 1,
    interpreter: try Toy.interpreter(), service: PolicyService(load))
}

extension PolicyArrival {
  static func of(_ policy: ServedPolicy) async -> PolicyArrival {
    let arrival = PolicyArrival()
    await arrival.settle(.success(policy))
    return arrival
  }
}

extension WebSocket {
  /// What the server says next, as a map; fails where it is text.
  func map() async throws -> [String: MessagePackValue] {
    switch try await receive() {
    case .binary(let bytes)?:
      guard case .map(let entries) = try MessagePackValue(parsing: bytes) else {
        throw ServingError("expected a map")
      }
      return Dictionary(uniqueKeysWithValues: entries.map { ($0.key.text, $0.value) })
    case let other: throw ServingError("expected a map, came \(other as Any)")
    }
  }

  func ask(_ message: [UInt8]) async throws -> [String: MessagePackValue] {
    try await send(.binary(message))
    return try await map()
  }

  /// The server's complaint.
  func complaint(about message: WebSocketMessage) async throws -> String {
    try await send(message)
    guard case .text(let text)? = try await receive() else { return "" }
    return text
  }
}

extension MessagePackValue {
  fileprivate var text: String { if case .string(let text) = self { text } else { "" } }
  fileprivate var array: NumPyArray? { if case .numpy(let array) = self { array } else { nil } }
}

@Suite(.timeLimit(.minutes(1))) struct ServerTests {
  private func connect(_ port: Int, key: String? = nil) async throws -> WebSocket {
    try await WebSocketClient.connect(
      "ws://127.0.0.1:\(port)/", headers: key.map { ["Authorization": "Api-Key \($0)"] } ?? [:])
  }

  @Test("a client hears the metadata first, then gets what the policy itself answers")
  func answers() async throws {
    let checkpoint = try Toy.checkpoint()
    let policy = try await ServedPolicy.load(
      checkpoint, ServingOptions(name: "pour/2/policy", task: "pour", guidance: 2))
    try await withServer(
      .init(seed: 9, server: "recap test"), arrival: .of(policy)
    ) { port in
      let socket = try await connect(port)
      let metadata = try await socket.map()
      #expect(metadata["server"]?.text == "recap test")
      #expect(metadata["policy"]?.text == "pour/2/policy")
      #expect(metadata["action_horizon"] == .integer(4))
      #expect(metadata["action_dim"] == .integer(2))
      #expect(metadata["indicator"]?.text == "positive")
      #expect(metadata["guidance"] == .double(2))

      var seeds = RandomSource(seed: 9, stream: "client 1")
      let own = try Policy(checkpoint: checkpoint)
      for turn in 0..<3 {
        let observation = Toy.observation(UInt64(turn))
        let reply = try await socket.ask(Toy.message(observation))
        let expected = try own.answers(
          to: [
            PolicyRequest(
              observation: observation, task: Toy.pour, guidance: 2, seed: seeds.next())
          ])[0]
        let actions = try #require(reply["actions"]?.array)
        #expect(actions.kind == "float32 [4, 2]")
        #expect(zip(actions.floats, expected.chunk.values).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(reply["subtask"]?.text == expected.subtask)
        // Every array of a reply has an entry for each step.
        #expect(reply.values.compactMap(\.array).allSatisfy { $0.shape.first == 4 })
        guard case .map(let timing)? = reply["server_timing"] else {
          return #expect(Bool(false), "no server_timing")
        }
        #expect(
          timing.map(\.key.text)
            == ["infer_ms", "queue_ms", "batch"] + (turn > 0 ? ["prev_total_ms"] : []))
      }
      await socket.close()
    }
  }

  @Test("bad messages are answered with text, and the conversation goes on")
  func badMessages() async throws {
    try await withServer(arrival: .of(try served { StandIn() })) { port in
      let socket = try await connect(port)
      _ = try await socket.map()
      #expect(try await socket.complaint(about: .text("hello")).contains("came text"))
      #expect(try await socket.complaint(about: .binary([])).contains("ends early"))
      #expect(try await socket.complaint(about: .binary([0xc1])).contains("no MessagePack"))
      #expect(
        try await socket.complaint(about: .binary(MessagePackTests.observation)).contains(
          "state: expected numbers [3], came float32 [2]"))
      let reply = try await socket.ask(Toy.message(Toy.observation(1)))
      #expect(reply["actions"]?.array?.shape == [1, 2])
      let reset = try await socket.ask(
        MessagePackValue.record(["endpoint": .string("reset")]).message)
      #expect(reset["status"]?.text == "reset successful")
      await socket.close()
    }
  }

  @Test("a failing model is the error of who asked")
  func failingModel() async throws {
    struct Broken: Error {}
    try await withServer(
      arrival: .of(try served { StandIn(onCall: { _ in throw Broken() }) })
    ) { port in
      let socket = try await connect(port)
      _ = try await socket.map()
      let text = try await socket.complaint(about: .binary(Toy.message(Toy.observation(1))))
      #expect(text.contains("Broken"))
      await socket.close()
    }
  }

  @Test("eight clients are answered by few calls, and one that leaves in between is no harm")
  func manyClients() async throws {
    let gate = Gate()
    let policy = try served { StandIn(onCall: gate.pass) }
    try await withServer(arrival: .of(policy)) { port in
      let first = try await connect(port)
      _ = try await first.map()
      try await first.send(.binary(Toy.message(Toy.observation(0))))
      try await gate.reached(1)
      var sockets: [WebSocket] = []
      for index in 1...8 {
        let socket = try await connect(port)
        _ = try await socket.map()
        try await socket.send(.binary(Toy.message(Toy.observation(UInt64(index)))))
        sockets.append(socket)
      }
      while await policy.service.waiting < 8 { try await Task.sleep(for: .milliseconds(2)) }
      await sockets.removeLast().close()
      gate.open()
      #expect(try await first.map()["actions"]?.array != nil)
      for socket in sockets {
        #expect(try await socket.map()["actions"]?.array != nil)
        await socket.close()
      }
      await first.close()
      #expect(gate.calls.count == 2)
    }
  }

  @Test("pings are answered while the policy is loaded and while it computes")
  func pings() async throws {
    let (arrival, gate) = (PolicyArrival(), Gate())
    try await withServer(arrival: arrival) { port in
      let raw = try RawSocket(port: port)
      defer { raw.close() }
      try await raw.upgrade()
      try await raw.send(RawSocket.frame(opcode: 9, Array("one".utf8)))
      #expect(try await raw.frame() == .init(opcode: 10, payload: Array("one".utf8)))
      let ready = try await HTTPClient.get("http://127.0.0.1:\(port)/readyz")
      #expect(ready.status == 503)
      await arrival.settle(.success(try served { StandIn(onCall: gate.pass) }))
      #expect(try await raw.frame().opcode == 2, "the metadata")
      let isReady = try await HTTPClient.get("http://127.0.0.1:\(port)/readyz")
      #expect(isReady.status == 200)

      try await raw.send(RawSocket.frame(opcode: 2, Toy.message(Toy.observation(1))))
      try await gate.reached(1)
      try await raw.send(RawSocket.frame(opcode: 9, Array("two".utf8)))
      #expect(try await raw.frame() == .init(opcode: 10, payload: Array("two".utf8)))
      gate.open()
      #expect(try await raw.frame().opcode == 2, "the answer")
    }
  }

  @Test("that there is no policy ends the server with the reason")
  func noPolicy() async throws {
    let arrival = PolicyArrival()
    await #expect(throws: StandIn.Failure.self) {
      let server = try await PolicyServer.bind(
        host: "127.0.0.1", port: 0, settings: .init(server: "test"))
      async let running: Void = server.run(arrival)
      let socket = try await connect(server.port)
      await arrival.settle(.failure(StandIn.Failure()))
      #expect(try await socket.receive() == nil)
      try await running
    }
  }

  @Test("a key that is required is required, and web pages are refused")
  func access() async throws {
    let policy = try served { StandIn() }
    try await withServer(
      .init(apiKey: "the right key 0123", server: "test"), arrival: .of(policy)
    ) { port in
      for key in [nil, "", "another key 012345"] {
        await #expect(throws: HTTPClientError.self) { try await connect(port, key: key) }
      }
      let url = "http://127.0.0.1:\(port)"
      #expect(try await HTTPClient.get(url + "/").status == 401)
      #expect(try await HTTPClient.get(url + "/anything").status == 401)
      for other in ["websocket", "h2c"] {
        let refused = try await HTTPClient.get(url + "/", headers: ["Upgrade": other])
        #expect(refused.status == 401, "\(other)")
      }
      let health = try await HTTPClient.get(url + "/healthz")
      #expect(health.status == 200)
      #expect(health.body == Array("OK\n".utf8))
      let socket = try await connect(port, key: "the right key 0123")
      #expect(try await socket.map()["server"]?.text == "test")
      await socket.close()
    }
    try await withServer(arrival: .of(policy)) { port in
      await #expect(throws: HTTPClientError.self) {
        try await WebSocketClient.connect(
          "ws://127.0.0.1:\(port)/", headers: ["Origin": "http://example.org"])
      }
      let page = try await HTTPClient.get("http://127.0.0.1:\(port)/")
      #expect(page.status == 426)
    }
  }

  @Test("a stop ends conversations and returns, also with clients that say nothing")
  func stop() async throws {
    let socket = Locked<WebSocket?>(nil)
    let begin = ContinuousClock.now
    let silent = Locked<RawSocket?>(nil)
    try await withServer(arrival: .of(try served { StandIn() })) { port in
      let open = try await connect(port)
      _ = try await open.map()
      socket.withLock { $0 = open }
      let raw = try RawSocket(port: port)
      silent.withLock { $0 = raw }
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(ContinuousClock.now - begin < .seconds(8))
    #expect(try await socket.withLock { $0 }?.receive() == nil)
    silent.withLock { $0 }?.close()
  }
}
