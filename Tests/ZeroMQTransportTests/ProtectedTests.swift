import Executors
import Glibc
import Messaging
import RecapAlgorithm
import Testing

@testable import ZeroMQTransport

/// Connections that only holders of keys may make.
@Suite(.timeLimit(.minutes(2))) struct ProtectedTests {
  /// A server that says who asks, at an address that other machines could reach.
  private static func withServer(
    admits: @escaping @Sendable (PublicKey) -> ServerKeys.Admission,
    _ body: (_ endpoint: String, _ server: KeyPair) async throws -> Void
  ) async throws {
    let pair = KeyPair()
    let server = try ZeroMQServer(
      endpoints: ["tcp://0.0.0.0:*"], keys: ServerKeys(pair: pair, admits: admits))
    var router = RequestRouter()
    router.on(EchoRequest.self) { request, peer in
      guard case .key(let key) = peer else { return Envelope(EchoRequest.Reply(text: "nobody")) }
      return Envelope(EchoRequest.Reply(text: "\(request.body.text) \(key)"))
    }
    let serving = Task { [router] in try await server.serve(router) }
    let port = server.boundEndpoints[0].split(separator: ":").last ?? ""
    let result = await Result(catching: { try await body("tcp://127.0.0.1:\(port)", pair) })
    serving.cancel()
    await server.close()
    try result.get()
  }

  @Test("a client with a key that is let in is known by it")
  func knownKey() async throws {
    let pair = KeyPair()
    try await Self.withServer(admits: { $0 == pair.publicKey ? .yes : .no }) { endpoint, server in
      let client = try ZeroMQClient(
        endpoint: endpoint, keys: ClientKeys(pair: pair, server: server.publicKey))
      #expect(try await client.send(EchoRequest(text: "I am")).text == "I am \(pair.publicKey)")
      // Large frames are encrypted in place of being read where they lie.
      let frame = Frame([UInt8](repeating: 7, count: 3 << 20))
      let answer: Envelope<EchoRequest.Reply> = try await client.send(
        EchoRequest(text: ""), frames: [frame], timeout: .seconds(30))
      #expect(answer.body.text == " \(pair.publicKey)")
      await client.close()
    }
  }

  @Test("a key that is not let in is refused in words, and let in once it is known")
  func unknownKey() async throws {
    let pair = KeyPair()
    let known = Locked(false)
    try await Self.withServer(
      admits: { _ in known.withLock { $0 } ? .yes : .no }
    ) { endpoint, server in
      let keys = ClientKeys(pair: pair, server: server.publicKey)
      let client = try ZeroMQClient(endpoint: endpoint, keys: keys)
      let refusal = await #expect(throws: RequestError.self) {
        try await client.send(EchoRequest(), timeout: .seconds(20))
      }
      #expect(refusal?.description.contains("does not accept this key") == true)
      // The refusal is there before the question: it is asked anew, not waited for.
      for _ in 0..<5 {
        try await Task.sleep(for: .milliseconds(100))
        let again = await #expect(throws: RequestError.self) {
          try await client.send(EchoRequest(), timeout: .seconds(20))
        }
        #expect(again?.description.contains("does not accept this key") == true)
      }
      let idle = try ZeroMQClient(endpoint: endpoint, keys: keys)
      try await Task.sleep(for: .milliseconds(300))
      known.withLock { $0 = true }
      for client in [client, idle] {
        #expect(try await client.send(EchoRequest(text: "now")).text == "now \(pair.publicKey)")
        await client.close()
      }
    }
  }

  @Test("a client that comes before it can be said who is let in waits")
  func early() async throws {
    let pair = KeyPair()
    let asked = Locked(0)
    try await Self.withServer(
      admits: { _ in
        asked.withLock { count in
          count += 1
          return count < 2 ? .later : .yes
        }
      }
    ) { endpoint, server in
      let client = try ZeroMQClient(
        endpoint: endpoint, keys: ClientKeys(pair: pair, server: server.publicKey))
      #expect(try await client.send(EchoRequest(text: "a")).text == "a \(pair.publicKey)")
      #expect(asked.withLock { $0 } == 2)
      await client.close()
    }
  }

  @Test("without a key, or for another server's, nothing comes through")
  func strangers() async throws {
    try await Self.withServer(admits: { _ in .yes }) { endpoint, _ in
      let plain = try ZeroMQClient(endpoint: endpoint)
      // Again and again, also where the refusal came before the question.
      for _ in 0..<3 {
        let refusal = await #expect(throws: RequestError.self) {
          try await plain.send(EchoRequest(), timeout: .seconds(20))
        }
        #expect(refusal?.description.contains("only to those who have a key") == true)
        try await Task.sleep(for: .milliseconds(100))
      }
      await plain.close()
      let other = try ZeroMQClient(
        endpoint: endpoint, keys: ClientKeys(pair: KeyPair(), server: KeyPair().publicKey))
      let failure = await #expect(throws: RequestError.self) {
        try await other.send(EchoRequest(), timeout: .milliseconds(700))
      }
      #expect(failure == .timeout(type: "test.echo", seconds: 0.7))
      #expect(await other.trouble()?.contains("another run") == true)
      await other.close()
    }
  }

  @Test("with a key, nothing is said to a server without one; and nobody at all is no trouble")
  func noServerKeys() async throws {
    let server = try ZeroMQServer(endpoints: ["tcp://127.0.0.1:*"])
    let endpoint = server.boundEndpoints[0]
    let serving = Task { try await server.serve(RequestRouter()) }
    let keys = ClientKeys(pair: KeyPair(), server: KeyPair().publicKey)
    let client = try ZeroMQClient(endpoint: endpoint, keys: keys)
    let refusal = await #expect(throws: RequestError.self) {
      try await client.send(EchoRequest(), timeout: .seconds(20))
    }
    #expect(refusal?.description.contains("has no keys") == true)
    await client.close()
    serving.cancel()
    await server.close()
    let lonely = try ZeroMQClient(endpoint: endpoint, keys: keys)
    await #expect(throws: RequestError.self) {
      try await lonely.send(EchoRequest(), timeout: .milliseconds(300))
    }
    #expect(await lonely.trouble() == nil)
    await lonely.close()
  }

  @Test("two servers of a process decide apart, and one that is closed lets nobody in")
  func apart() async throws {
    let (one, two) = (KeyPair(), KeyPair())
    try await Self.withServer(admits: { $0 == one.publicKey ? .yes : .no }) { first, server in
      try await Self.withServer(admits: { $0 == two.publicKey ? .yes : .no }) { second, other in
        let right = try ZeroMQClient(
          endpoint: second, keys: ClientKeys(pair: two, server: other.publicKey))
        _ = try await right.send(EchoRequest())
        await right.close()
        let wrong = try ZeroMQClient(
          endpoint: second, keys: ClientKeys(pair: one, server: other.publicKey))
        await #expect(throws: RequestError.self) {
          try await wrong.send(EchoRequest(), timeout: .seconds(20))
        }
        await wrong.close()
      }
      let still = try ZeroMQClient(
        endpoint: first, keys: ClientKeys(pair: one, server: server.publicKey))
      _ = try await still.send(EchoRequest())
      await still.close()
    }
  }

  @Test("connections within the process cannot be protected")
  func withinTheProcess() {
    let keys = ServerKeys(pair: KeyPair()) { _ in .yes }
    let error = #expect(throws: ZeroMQError.self) {
      try ZeroMQServer(endpoints: [TransportKind.inproc.makeEndpoint()], keys: keys)
    }
    #expect(error?.description.contains("have no keys") == true)
  }

  @Test("a secret key belongs to its public one, and is never printed")
  func pairs() {
    let pair = KeyPair()
    #expect(KeyPair(secretKey: pair.secretKey) == pair)
    #expect(!"\(pair)".contains(pair.secretKey.rawValue))
    #expect(PublicKey(rawValue: "too short") == nil)
    #expect(SecretKey(rawValue: String(repeating: "~", count: 40)) == nil)
  }

  /// Bytes that no client of ZeroMQ's would send, on connections of their own: what a port scanner, a broken client or
  /// an attacker without a key can do.
  @Test("10,000 mutated handshakes and frames without a key crash nothing and reach no handler")
  func mutatedHandshakes() async throws {
    let reached = Locked(0)
    let pair = KeyPair()
    let server = try ZeroMQServer(
      endpoints: ["tcp://0.0.0.0:*"],
      keys: ServerKeys(pair: pair) { _ in
        reached.withLock { $0 += 1 }
        return .no
      })
    var router = RequestRouter()
    router.on(EchoRequest.self) { _, _ in
      reached.withLock { $0 += 1 }
      return Envelope(EchoRequest.Reply(text: ""))
    }
    let serving = Task { [router] in try await server.serve(router) }
    let port = try #require(
      server.boundEndpoints[0].split(separator: ":").last.flatMap { UInt16($0) })
    var random = SplitMix(state: 7)
    // ZMTP 3: a greeting for CURVE or NULL, then HELLO or READY, then a message.
    let request = try WireCodec.encode(
      id: "1", type: EchoRequest.type, kind: .request, body: EchoRequest(text: "x"), frames: [])
    for round in 0..<2_000 {
      let mechanism = round % 2 == 0 ? "CURVE" : "NULL"
      var greeting: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0]
      greeting += Array(mechanism.utf8) + [UInt8](repeating: 0, count: 20 - mechanism.utf8.count)
      greeting += [0] + [UInt8](repeating: 0, count: 31)
      let hello = Array("\u{5}HELLO".utf8) + [1, 0] + random.bytes(192)
      let ready = Array("\u{5}READY\u{B}Socket-Type\0\0\0\u{6}DEALER".utf8)
      let command = mechanism == "CURVE" ? hello : ready
      var parts = [greeting, [4, UInt8(command.count)] + command]
      for (index, frame) in request.enumerated() {
        parts.append(
          [index == 0 ? 1 : 0, UInt8(truncatingIfNeeded: frame.count)] + frame.bytes)
      }
      parts.append([2] + [UInt8](repeating: 0xFF, count: 8))
      // Five frames a connection, of which each is mutated with a chance of two in three.
      for index in parts.indices where random.next() % 3 != 0 { random.mutate(&parts[index]) }
      try #require(hurl(parts.flatMap { $0 }, at: port))
    }
    #expect(reached.withLock { $0 } == 0)
    // Whoever has a key is still asked about: twice, where the first refusal came before the question.
    let client = try ZeroMQClient(
      endpoint: "tcp://127.0.0.1:\(port)",
      keys: ClientKeys(pair: KeyPair(), server: pair.publicKey))
    await #expect(throws: RequestError.self) {
      try await client.send(EchoRequest(), timeout: .seconds(20))
    }
    #expect(reached.withLock { $0 } >= 1)
    await client.close()
    serving.cancel()
    await server.close()
  }

  /// Writes bytes to a port of this machine and closes, whether or not anybody reads them.
  private func hurl(_ bytes: [UInt8], at port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { _ = close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { return false }
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    shutdown(descriptor, Int32(SHUT_WR))
    return true
  }
}

/// Random numbers that are the same in every test.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }

  /// Flips bits, cuts, repeats or inserts.
  mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return bytes = self.bytes(3) }
    let place = Int(next() % UInt64(bytes.count))
    switch next() % 5 {
    case 0: bytes[place] ^= 1 << UInt8(next() % 8)
    case 1: bytes[place] = UInt8(truncatingIfNeeded: next())
    case 2: bytes.removeSubrange(place...)
    case 3: bytes.insert(contentsOf: bytes[place...].prefix(16), at: place)
    default: bytes.insert(contentsOf: self.bytes(1 + Int(next() % 9)), at: place)
    }
  }
}
