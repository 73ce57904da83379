import Messaging
import Testing

@testable import Messaging

@Suite struct FaultTests {
  @Test func faultsFollowTheirSeedAndTheirProbabilities() {
    let plan = FaultPlan(seed: 5, loss: 0.3, duplication: 0.2, longestDelay: .seconds(1))
    func fates(_ plan: FaultPlan) -> [[Duration]] {
      var injector = FaultInjector(plan: plan)
      return (0..<2_000).map { _ in injector.nextFate() }
    }
    let drawn = fates(plan)
    #expect(drawn == fates(plan))
    var other = plan
    other.seed = 6
    #expect(drawn != fates(other))
    // Expected 600 lost and 280 of the others twice; five standard deviations are about 100 and 80.
    #expect((500...700).contains(drawn.count { $0.isEmpty }))
    #expect((200...360).contains(drawn.count { $0.count == 2 }))
    #expect(drawn.joined().allSatisfy { $0 >= .zero && $0 <= .seconds(1) })
  }

  @Test func aLostMessageIsATimeout() async throws {
    let transport = InProcessTransport(faults: FaultPlan(seed: 1, loss: 1))
    let server = Task { try await transport.server.serve(makeEchoRouter()) }
    defer { server.cancel() }
    await #expect(throws: RequestError.timeout(type: "test.echo", seconds: 0.02)) {
      try await transport.connect()
        .send(EchoRequest(text: "a", number: nil), timeout: .milliseconds(20))
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func repeatedAndOvertakingMessagesAreHarmless(seed: UInt64) async throws {
    let transport = InProcessTransport(
      faults: FaultPlan(seed: seed, duplication: 0.5, longestDelay: .milliseconds(2)))
    let server = Task { try await transport.server.serve(makeEchoRouter()) }
    defer { server.cancel() }
    let client = transport.connect()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<50 {
        group.addTask {
          let reply = try await client.send(EchoRequest(text: "\(index)", number: nil))
          #expect(reply.text == "\(index)")
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func aRequestThatNobodyWaitsForIsForgotten() async throws {
    // No server runs yet: the first request times out in the queue, the second is answered.
    let transport = InProcessTransport()
    let client = transport.connect()
    await #expect(throws: RequestError.self) {
      try await client.send(
        EchoRequest(text: "early", number: nil), timeout: .milliseconds(10))
    }
    async let late = client.send(EchoRequest(text: "late", number: nil))
    let seen = Seen()
    var router = RequestRouter()
    router.answer(EchoRequest.self) { request in
      await seen.add(request.text)
      return EchoRequest.Reply(text: request.text)
    }
    let server = Task { [router] in try await transport.server.serve(router) }
    #expect(try await late.text == "late")
    server.cancel()
    #expect(await seen.texts == ["late"])
  }
}

private actor Seen {
  private(set) var texts: [String] = []
  func add(_ text: String) { texts.append(text) }
}
