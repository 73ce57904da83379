import Messaging
import Testing
import ZeroMQTransport

/// What every transport must do.
@Suite struct TransportTests {
  @Test(arguments: TransportKind.allCases)
  func bodiesAndFramesGoThereAndBack(_ kind: TransportKind) async throws {
    try await kind.withConnection(makeRouter()) { client in
      let frames = [
        Frame(name: "state", shape: [1, 3], floats: [1, 2, 3]), Frame([]),
        Frame(name: "flags", shape: [2], bools: [true, false]),
      ]
      let reply = try await client.send(
        EchoRequest(text: "naïve ✓"), frames: frames, timeout: .seconds(10))
      #expect(reply.body.text == "naïve ✓")
      #expect(try reply.frame("state").floats(shape: [1, 3]) == [1, 2, 3])
      #expect(try reply.frame("flags").bools() == [true, false])
      #expect(reply.frames[1].count == 0)
    }
  }

  @Test(arguments: TransportKind.allCases)
  func tenMegabyteFramesArriveWhole(_ kind: TransportKind) async throws {
    try await kind.withConnection(makeRouter()) { client in
      // A prime stride, so that a piece out of place shows.
      var large = [UInt8](repeating: 1, count: 10_000_000)
      for index in stride(from: 0, to: large.count, by: 997) { large[index] = UInt8(index % 251) }
      let reply = try await client.send(
        EchoRequest(), frames: [Frame(large), Frame([1]), Frame(large)], timeout: .seconds(30))
      #expect(reply.frames.count == 3)
      #expect(reply.frames[0].bytes == large)
      #expect(reply.frames[2].bytes == large)
    }
  }

  @Test(arguments: TransportKind.allCases)
  func manyRequestsAreInFlightAtOnce(_ kind: TransportKind) async throws {
    // None is answered before all 64 are with their handlers.
    let meeting = Meeting(size: 64)
    try await kind.withConnection(makeRouter(meeting: meeting)) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<64 {
          group.addTask { _ = try await client.send(MeetRequest(), timeout: .seconds(30)) }
        }
        try await group.waitForAll()
      }
      #expect(await meeting.arrivals == 64)
    }
  }

  @Test(arguments: TransportKind.allCases)
  func answersFindTheirRequests(_ kind: TransportKind) async throws {
    try await kind.withConnection(makeRouter()) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<200 {
          group.addTask {
            let reply = try await client.send(
              EchoRequest(text: "\(index)"), frames: [Frame([UInt8(index)])], timeout: .seconds(30))
            #expect(reply.body.text == "\(index)")
            #expect(reply.frames[0].bytes == [UInt8(index)])
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test(arguments: TransportKind.allCases)
  func handlersAreBounded(_ kind: TransportKind) async throws {
    let crowd = Crowd()
    var router = RequestRouter()
    router.answer(EchoRequest.self) { request in
      await crowd.enter()
      await Task.yield()
      await crowd.leave()
      return EchoRequest.Reply(text: request.text)
    }
    try await kind.withConnection(router, limit: 3) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<100 {
          group.addTask { _ = try await client.send(EchoRequest(), timeout: .seconds(30)) }
        }
        try await group.waitForAll()
      }
    }
    #expect(await crowd.largest <= 3)
    #expect(await crowd.total == 100)
  }

  @Test(arguments: TransportKind.allCases)
  func silenceIsATimeoutAndTheConnectionGoesOn(_ kind: TransportKind) async throws {
    try await kind.withConnection(makeRouter()) { client in
      await #expect(throws: RequestError.timeout(type: "test.silent", seconds: 0.05)) {
        try await client.send(SilentRequest(), timeout: .milliseconds(50))
      }
      let reply = try await client.send(EchoRequest(text: "still here"))
      #expect(reply.text == "still here")
    }
  }

  @Test(arguments: TransportKind.allCases)
  func cancellationEndsTheWaitAtOnce(_ kind: TransportKind) async throws {
    let meeting = Meeting(size: .max)
    try await kind.withConnection(makeRouter(meeting: meeting)) { client in
      let request = Task { try await client.send(MeetRequest(), timeout: .seconds(3_600)) }
      await meeting.begins()
      request.cancel()
      await #expect(throws: CancellationError.self) { try await request.value }
      // The answer that comes now has nobody to go to.
      await meeting.disperse()
      let reply = try await client.send(EchoRequest(text: "next"))
      #expect(reply.text == "next")
    }
  }

  @Test(arguments: TransportKind.allCases)
  func closingEndsWaitingRequests(_ kind: TransportKind) async throws {
    let meeting = Meeting(size: .max)
    try await kind.withConnection(makeRouter(meeting: meeting)) { client in
      let request = Task { try await client.send(MeetRequest(), timeout: .seconds(3_600)) }
      await meeting.begins()
      await client.close()
      await #expect(throws: RequestError.closed) { try await request.value }
      await #expect(throws: RequestError.closed) { try await client.send(EchoRequest()) }
      await meeting.disperse()
    }
  }

  @Test(arguments: TransportKind.allCases)
  func refusalsCarryTheReason(_ kind: TransportKind) async throws {
    try await kind.withConnection(RequestRouter()) { client in
      let error = await #expect(throws: RequestError.self) {
        try await client.send(EchoRequest())
      }
      #expect(error?.description.contains("unknown request type 'test.echo'") == true)
    }
  }
}

/// How many are inside, at most.
private actor Crowd {
  private var inside = 0
  private(set) var largest = 0
  private(set) var total = 0

  func enter() {
    inside += 1
    total += 1
    largest = max(largest, inside)
  }

  func leave() { inside -= 1 }
}
