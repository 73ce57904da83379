import Messaging
import Testing

@Suite struct RequestRouterTests {
  private func ask(
    _ router: RequestRouter, type: String = EchoRequest.type,
    kind: WireMessage.Kind = .request, body: some Encodable = EchoRequest(text: "a", number: nil)
  ) async throws -> WireMessage? {
    let request = try WireCodec.encode(id: "9", type: type, kind: kind, body: body, frames: [])
    return try await router.respond(to: request).map { try WireCodec.decode($0) }
  }

  @Test func theReplyRepeatsTheRequestsIDAndType() async throws {
    let reply = try #require(try await ask(makeEchoRouter()))
    #expect(reply.id == "9")
    #expect(try reply.reply(to: EchoRequest.self).body.text == "a")
  }

  @Test func anUnknownTypeIsRefusedWithTheKnownOnes() async throws {
    let reply = try #require(try await ask(makeEchoRouter(), type: "test.ecoh"))
    #expect(reply.kind == .error)
    let error = #expect(throws: RequestError.self) { try reply.reply(to: EchoRequest.self) }
    #expect(error?.description.contains("unknown request type 'test.ecoh'") == true)
    #expect(error?.description.contains("test.echo") == true)
  }

  @Test func whatAHandlerThrowsReachesTheOtherSide() async throws {
    struct Full: Error, CustomStringConvertible { var description: String { "the disk is full" } }
    var router = RequestRouter()
    router.answer(EchoRequest.self) { _ in throw Full() }
    let reply = try #require(try await ask(router))
    #expect(throws: RequestError.refused(type: "test.echo", reason: "the disk is full")) {
      try reply.reply(to: EchoRequest.self)
    }
  }

  @Test func aHandlerThatStopsGivesNoAnswer() async throws {
    // A refusal would make a worker give up that should wait for the next coordinator.
    var router = RequestRouter()
    router.answer(EchoRequest.self) { _ in throw CancellationError() }
    #expect(try await ask(router) == nil)
  }

  @Test func aMalformedBodyIsRefused() async throws {
    let reply = try #require(try await ask(makeEchoRouter(), body: Acknowledgement()))
    let error = #expect(throws: RequestError.self) { try reply.reply(to: EchoRequest.self) }
    #expect(error?.description.contains("body: 'text' is missing") == true)
  }

  @Test func rubbishIsAnsweredReadably() async throws {
    let reply = try #require(await makeEchoRouter().respond(to: [Frame([0xFF]), Frame([0xFE])]))
    let message = try WireCodec.decode(reply)
    #expect(message.kind == .error)
    #expect(message.id == "")
  }

  @Test func answersAreNotAnswered() async throws {
    // Two servers that answered each other's errors would never stop.
    #expect(try await ask(makeEchoRouter(), kind: .error) == nil)
    #expect(try await ask(makeEchoRouter(), kind: .reply) == nil)
  }

  @Test func routersMerge() {
    var router = RequestRouter()
    router.answer(LeaveRequest.self) { _ in Acknowledgement() }
    router.merge(makeEchoRouter())
    #expect(router.types == ["control.leave", "test.echo"])
  }
}
