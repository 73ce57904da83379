import Foundation
import HTTPService
import Tensors
import Testing

@testable import PolicyServing

@Suite(.timeLimit(.minutes(1))) struct WebSocketFrameTests {
  private typealias Raw = RawSocket

  private func open(_ port: Int) async throws -> RawSocket {
    let raw = try RawSocket(port: port)
    try await raw.upgrade()
    #expect(try await raw.frame().opcode == 2, "the metadata")
    return raw
  }

  private func withToyServer(
    messageBytes: Int = 4096, quietTime: Duration = .seconds(20),
    _ body: @Sendable (Int) async throws -> Void
  ) async throws {
    try await withServer(
      .init(server: "test", messageBytes: messageBytes, quietTime: quietTime),
      arrival: .of(try served { StandIn() }), body)
  }

  @Test("a message may come in fragments, with pings between them")
  func fragments() async throws {
    let message = Toy.message(Toy.observation(1))
    try await withToyServer { port in
      let raw = try await open(port)
      defer { raw.close() }
      try await raw.send(
        Raw.frame(opcode: 2, Array(message[..<10]), isFinal: false)
          + Raw.frame(opcode: 0, Array(message[10..<50]), isFinal: false)
          + Raw.frame(opcode: 9, [7]) + Raw.frame(opcode: 0, Array(message[50...])))
      #expect(try await raw.frame() == .init(opcode: 10, payload: [7]))
      #expect(try await raw.frame().opcode == 2)
    }
  }

  @Test(
    "what breaks the protocol ends the connection with its code",
    arguments: [
      ("not masked", Raw.frame(opcode: 2, [0xc0], isMasked: false), 1002),
      ("a reserved bit", [0xc2] + Raw.frame(opcode: 2, [0xc0])[1...], 1002),
      ("a reserved opcode", Raw.frame(opcode: 3, [0xc0]), 1002),
      ("a continuation of nothing", Raw.frame(opcode: 0, [0xc0]), 1002),
      (
        "a message within a message",
        Raw.frame(opcode: 2, [0xc0], isFinal: false) + Raw.frame(opcode: 2, [0xc0]), 1002
      ),
      ("a ping in parts", Raw.frame(opcode: 9, [1], isFinal: false), 1002),
      ("a long ping", Raw.frame(opcode: 9, [UInt8](repeating: 0, count: 200)), 1002),
      ("a large frame", Raw.frame(opcode: 2, [UInt8](repeating: 0, count: 5000)), 1009),
      (
        "a frame that announces a terabyte",
        [0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5], 1009
      ),
      (
        "large in parts",
        Raw.frame(opcode: 2, [UInt8](repeating: 0, count: 3000), isFinal: false)
          + Raw.frame(opcode: 0, [UInt8](repeating: 0, count: 3000)), 1009
      ),
      (
        "very many parts",
        Raw.frame(opcode: 2, [0], isFinal: false)
          + (0..<1100).flatMap { _ in Raw.frame(opcode: 0, [0], isFinal: false) }, 1009
      ),
      ("text that is no UTF-8", Raw.frame(opcode: 1, [0xff, 0xfe]), 1007),
      ("a good-bye", Raw.frame(opcode: 8, [0x03, 0xe8]), 1000),
      ("a good-bye without a reason", Raw.frame(opcode: 8, []), 1000),
    ] as [(String, [UInt8], Int)])
  func violations(name: String, bytes: [UInt8], code: Int) async throws {
    try await withToyServer { port in
      let raw = try await open(port)
      defer { raw.close() }
      try await raw.send(bytes)
      #expect(try await raw.closing() == code, "\(name)")
    }
  }

  @Test("a client that is silent is pinged and then left; one that answers stays")
  func silence() async throws {
    // Long enough that a busy machine's pauses are no silence.
    try await withToyServer(quietTime: .milliseconds(600)) { port in
      let silent = try await open(port)
      defer { silent.close() }
      let alive = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/")
      _ = try await alive.map()
      #expect(try await silent.frame().opcode == 9)
      _ = try await silent.closing()
      try await Task.sleep(for: .milliseconds(1500))
      #expect(try await alive.ask(Toy.message(Toy.observation(1)))["actions"] != nil)
      await alive.close()
    }
  }

  @Test("a client that asks on and on without reading is held back, and others are served")
  func unread() async throws {
    let message = Toy.message(Toy.observation(1))
    try await withToyServer { port in
      let greedy = try await open(port)
      defer { greedy.close() }
      let flood = (0..<200).flatMap { _ in Raw.frame(opcode: 2, message) }
      try await greedy.send(flood)
      let other = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/")
      _ = try await other.map()
      #expect(try await other.ask(message)["actions"] != nil)
      await other.close()
      for _ in 0..<200 { #expect(try await greedy.frame().opcode == 2) }
    }
  }

  @Test("thousands of damaged messages and frames crash nothing, and leave nothing behind")
  func damage() async throws {
    let message = Toy.message(Toy.observation(1))
    try await withToyServer { port in
      // Messages that are whole frames: every one is answered, and the connection goes on.
      let socket = try await WebSocketClient.connect("ws://127.0.0.1:\(port)/")
      _ = try await socket.map()
      var random = RandomSource(seed: 4, stream: "messages")
      var (answers, complaints) = (0, 0)
      let before = try openFiles()
      for _ in 0..<5000 {
        try await socket.send(.binary(Damage.damaged(message, &random)))
        switch try await socket.receive() {
        case .binary?: answers += 1
        case .text?: complaints += 1
        case nil: return #expect(Bool(false), "the connection has ended")
        }
      }
      #expect(complaints > 1000, "\(complaints) complaints, \(answers) answers")

      // Damaged frames end their connection sooner or later, never the server.
      let frame = Raw.frame(opcode: 2, message)
      for round in 0..<150 {
        let raw = try RawSocket(port: port)
        try await raw.upgrade()
        var bytes: [UInt8] = []
        for _ in 0..<10 { bytes += Damage.damaged(frame, &random) }
        // Random bytes are hardly ever a frame's head; half of the rounds keep the first whole.
        if round.isMultiple(of: 2) { bytes = frame + bytes }
        try? await raw.send(bytes)
        raw.close()
      }
      #expect(try await socket.ask(message)["actions"] != nil)
      await socket.close()
      // Connections end a moment after their clients.
      for _ in 0..<200 where try openFiles() > before {
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(try openFiles() <= before)
    }
  }

  private func openFiles() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  }
}
