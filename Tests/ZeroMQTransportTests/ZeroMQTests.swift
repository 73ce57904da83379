import Glibc
import Messaging
import Testing

@testable import ZeroMQTransport

/// What only sockets can get wrong.
@Suite struct ZeroMQTests {
  @Test(arguments: TransportKind.sockets)
  func aClientOutlivesItsServer(_ kind: TransportKind) async throws {
    var server = try ZeroMQServer(endpoints: [kind.makeEndpoint()])
    let endpoint = server.boundEndpoints[0]
    let client = try ZeroMQClient(endpoint: endpoint)
    for round in 0..<3 {
      let serving = Task { [server] in try await server.serve(makeRouter()) }
      let reply = try await client.send(EchoRequest(text: "\(round)"))
      #expect(reply.text == "\(round)")
      serving.cancel()
      _ = await serving.result
      await server.close()
      // The same address, at once: closing has released it.
      server = try ZeroMQServer(endpoints: [endpoint])
    }
    await client.close()
    await server.close()
  }

  @Test(arguments: TransportKind.sockets)
  func aClientMayComeBeforeItsServer(_ kind: TransportKind) async throws {
    // Finds a free port first.
    let probe = try ZeroMQServer(endpoints: [kind.makeEndpoint()])
    let endpoint = probe.boundEndpoints[0]
    await probe.close()
    let client = try ZeroMQClient(endpoint: endpoint)
    await #expect(throws: RequestError.timeout(type: "test.echo", seconds: 0.05)) {
      try await client.send(EchoRequest(text: "too early"), timeout: .milliseconds(50))
    }
    async let reply = client.send(EchoRequest(text: "early"))
    let server = try ZeroMQServer(endpoints: [endpoint])
    let seen = Meeting(size: 1)
    var router = RequestRouter()
    router.answer(EchoRequest.self) { request in
      await seen.attend()
      return EchoRequest.Reply(text: request.text)
    }
    let serving = Task { [router] in try await server.serve(router) }
    #expect(try await reply.text == "early")
    // The request that had timed out was never sent.
    #expect(await seen.arrivals == 1)
    serving.cancel()
    await client.close()
    await server.close()
  }

  @Test func oneServerHasSeveralEndpoints() async throws {
    let server = try ZeroMQServer(
      endpoints: [TransportKind.inproc, .ipc, .tcp].map { $0.makeEndpoint() })
    let serving = Task { try await server.serve(makeRouter()) }
    #expect(server.boundEndpoints.count == 3)
    #expect(!server.boundEndpoints[2].hasSuffix("*"))
    for endpoint in server.boundEndpoints {
      let client = try ZeroMQClient(endpoint: endpoint)
      #expect(try await client.send(EchoRequest(text: endpoint)).text == endpoint)
      await client.close()
    }
    serving.cancel()
    await server.close()
  }

  @Test(arguments: [
    ("tcp://0.0.0.0:*", "CURVE"),
    ("tcp://*:5555", "CURVE"),
    ("tcp://192.168.1.2:5555", "CURVE"),
    ("tcp://127.0.0.1.example.org:5555", "CURVE"),
    ("tcp://127.0.0.1", "expected tcp://ADDRESS:PORT"),
    ("127.0.0.1:5555", "expected tcp://ADDRESS:PORT"),
    ("udp://127.0.0.1:5555", "unknown transport 'udp'"),
    ("ipc://", "nothing follows"),
    ("ipc:///no/such/directory/socket", "cannot bind"),
    ("ipc:///" + String(repeating: "long/", count: 30), "at most 107"),
  ])
  func endpointsThatCannotBeBoundAreExplained(_ endpoint: String, _ expected: String) {
    let error = #expect(throws: ZeroMQError.self) { try ZeroMQServer(endpoints: [endpoint]) }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains(endpoint) == true)
  }

  @Test func aTakenPortIsExplained() async throws {
    let server = try ZeroMQServer(endpoints: ["tcp://127.0.0.1:*"])
    let error = #expect(throws: ZeroMQError.self) {
      try ZeroMQServer(endpoints: server.boundEndpoints)
    }
    #expect(error?.description.contains("Address already in use") == true)
    await server.close()
  }

  @Test func aSocketFileIsTakenOverOnlyWhereNobodyAnswers() async throws {
    let endpoint = TransportKind.ipc.makeEndpoint()
    let server = try ZeroMQServer(endpoints: [endpoint])
    let error = #expect(throws: ZeroMQError.self) { try ZeroMQServer(endpoints: [endpoint]) }
    #expect(error?.description.hasPrefix("'\(endpoint)': another process listens there") == true)
    let client = try ZeroMQClient(endpoint: endpoint)
    let serving = Task { try await server.serve(makeRouter()) }
    #expect(try await client.send(EchoRequest(text: "still here")).text == "still here")
    serving.cancel()
    await client.close()
    await server.close()

    // What a killed process leaves: a file whose socket is gone.
    let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) {
      $0.copyBytes(from: Endpoint.path(of: endpoint).utf8)
    }
    let bound = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0)
    close(stale)
    #expect(Endpoint.inode(of: endpoint) != nil)
    await (try ZeroMQServer(endpoints: [endpoint])).close()
  }

  @Test func aSocketFileIsRemovedByItsOwnerOnly() async throws {
    let endpoint = TransportKind.ipc.makeEndpoint()
    let first = try ZeroMQServer(endpoints: [endpoint])
    // Somebody tidied up too much, and another server came.
    #expect(unlink(Endpoint.path(of: endpoint)) == 0)
    let second = try ZeroMQServer(endpoints: [endpoint])
    #expect(Endpoint.inode(of: endpoint) != nil)
    await first.close()
    #expect(Endpoint.inode(of: endpoint) != nil)
    await second.close()
    #expect(Endpoint.inode(of: endpoint) == nil)
  }

  @Test func aForeignClientIsToldWhatIsWrong() async throws {
    let server = try ZeroMQServer(endpoints: ["tcp://127.0.0.1:*"])
    let serving = Task { try await server.serve(makeRouter()) }
    let foreign = try ForeignClient(server.boundEndpoints[0])
    let header = Array(#"{"id":"x","type":"test.echo","kind":"request","body":{}}"#.utf8)
    let newer = try await foreign.ask([Frame(Array("recap/9".utf8)), Frame(header)])
    #expect(newer.id == "x")
    #expect(
      newer.reason
        == "protocol version 'recap/9' is not understood here; this side speaks 'recap/1'")
    #expect(try await foreign.ask([Frame([])]).reason.contains("got 1 frames"))
    // As a REQ socket sends it: an empty delimiter first.
    let delimited = [Frame([]), Frame(Array("recap/1".utf8)), Frame(header)]
    #expect(try await foreign.ask(delimited).reason.contains("protocol version ''"))
    serving.cancel()
    await server.close()
  }

  @Test func aReceiverThatTakesNothingHoldsUpNobodyForLong() async throws {
    let server = try ZeroMQServer(
      endpoints: ["tcp://127.0.0.1:*"],
      limits: ZeroMQServer.Limits(requests: 8, answerPatience: .milliseconds(50)))
    let flood = Frame([UInt8](repeating: 1, count: 1 << 20))
    var router = makeRouter()
    router.on(FloodRequest.self) { _ in Envelope(Acknowledgement(), frames: [flood]) }
    let serving = Task { [router] in try await server.serve(router) }
    // 200 answers of 1 MiB: far more than the socket's queues and the kernel's buffers hold.
    let glutton = try ForeignClient(server.boundEndpoints[0])
    for index in 0..<200 {
      try await glutton.send(
        WireCodec.encode(
          id: "\(index)", type: FloodRequest.type, kind: .request, body: FloodRequest(), frames: [])
      )
    }
    let client = try ZeroMQClient(endpoint: server.boundEndpoints[0])
    #expect(try await client.send(EchoRequest(text: "me too")).text == "me too")
    serving.cancel()
    await client.close()
    await server.close()
  }

  @Test func aStoppedServerStopsItsHandlersAndCanServeAgain() async throws {
    let server = try ZeroMQServer(endpoints: [TransportKind.inproc.makeEndpoint()])
    let client = try ZeroMQClient(endpoint: server.boundEndpoints[0])
    let meeting = Meeting(size: 1)
    let ended = Meeting(size: 1)
    var router = makeRouter()
    router.answer(FloodRequest.self) { _ in
      await meeting.attend()
      do {
        try await Task.sleep(for: .seconds(3_600))
      } catch {
        await ended.attend()
        throw error
      }
      return Acknowledgement()
    }
    let first = Task { [router] in try await server.serve(router) }
    let lost = Task { try await client.send(FloodRequest(), timeout: .seconds(3_600)) }
    await meeting.begins()
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    #expect(await ended.arrivals == 1)
    let second = Task { try await server.serve(makeRouter()) }
    #expect(try await client.send(EchoRequest(text: "again")).text == "again")
    lost.cancel()
    second.cancel()
    await client.close()
    await server.close()
  }

  @Test func smallRequestsBeginOnTheSocketsThreadAndLargeOnesElsewhere() async throws {
    let server = try ZeroMQServer(endpoints: ["tcp://127.0.0.1:*"])
    var router = RequestRouter()
    router.on(EchoRequest.self) { _ in Envelope(EchoRequest.Reply(text: threadName())) }
    let serving = Task { [router] in try await server.serve(router) }
    let client = try ZeroMQClient(endpoint: server.boundEndpoints[0])
    #expect(try await client.send(EchoRequest()).text == "zmq-server")
    let large = Frame([UInt8](repeating: 0, count: 64 << 10))
    let elsewhere = try await client.send(
      EchoRequest(), frames: [large], timeout: .seconds(10))
    #expect(elsewhere.body.text != "zmq-server")
    serving.cancel()
    await client.close()
    await server.close()
  }

  @Test func nothingOutlivesTheSockets() async throws {
    let (gone, announce) = AsyncStream.makeStream(of: Void.self)
    do {
      let context = ZeroMQContext(whenTerminated: { announce.finish() })
      let server = try ZeroMQServer(
        endpoints: [TransportKind.inproc.makeEndpoint()], context: context)
      let client = try ZeroMQClient(endpoint: server.boundEndpoints[0], context: context)
      let serving = Task { try await server.serve(makeRouter()) }
      let large = Frame([UInt8](repeating: 7, count: 1 << 20))
      _ = try await client.send(EchoRequest(), frames: [large], timeout: .seconds(10))
      serving.cancel()
      _ = await serving.result
    }
    // Neither was closed: letting go of them ends their threads, sockets and context.
    for await _ in gone {}
  }
}

/// The calling thread's name.
private func threadName() -> String {
  var bytes = [UInt8](repeating: 0, count: 64)
  let file = open("/proc/thread-self/comm", O_RDONLY)
  defer { close(file) }
  let count = read(file, &bytes, bytes.count)
  return String(decoding: bytes.prefix(max(0, count - 1)), as: UTF8.self)
}

/// Asks for a large answer.
private struct FloodRequest: Request {
  static let type = "test.flood"
  typealias Reply = Acknowledgement
}

/// A client that speaks as it likes, and reads only when asked to.
private actor ForeignClient {
  private let socket: ZeroMQSocket
  init(_ endpoint: String) throws {
    socket = try ZeroMQSocket(.client, in: .shared)
    try socket.connect(endpoint)
  }

  func send(_ frames: [Frame]) async throws {
    while socket.send(frames) != .sent { await Task.yield() }
  }

  /// The error that a message is answered with.
  func ask(_ frames: [Frame]) async throws -> (id: String, reason: String) {
    try await send(frames)
    while true {
      guard let answer = socket.receive()?.frames else {
        await Task.yield()
        continue
      }
      let message = try WireCodec.decode(answer)
      do {
        _ = try message.reply(to: EchoRequest.self)
        return (message.id, "")
      } catch RequestError.refused(_, let reason) {
        return (message.id, reason)
      }
    }
  }
}

/// Requests that wait must not keep others from being answered.
@Suite struct CrowdTests {
  @Test func thousandsMayWaitWhileOthersAreAnswered() async throws {
    let meeting = Meeting(size: .max)
    let server = try ZeroMQServer(endpoints: [TransportKind.tcp.makeEndpoint()])
    let serving = Task { try await server.serve(makeRouter(meeting: meeting)) }
    let client = try ZeroMQClient(endpoint: server.boundEndpoints[0])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<3000 {
        group.addTask { _ = try await client.send(MeetRequest(), timeout: .seconds(60)) }
      }
      while await meeting.arrivals < 3000 { try await Task.sleep(for: .milliseconds(10)) }
      let reply = try await client.send(EchoRequest(text: "heard"), timeout: .seconds(30))
      #expect(reply.text == "heard")
      await meeting.disperse()
      try await group.waitForAll()
    }
    await client.close()
    serving.cancel()
    _ = await serving.result
    await server.close()
  }
}
