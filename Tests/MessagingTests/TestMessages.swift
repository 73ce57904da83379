import Messaging

/// Says the same again, with the frames in reverse.
struct EchoRequest: Request, Equatable {
  static let type = "test.echo"
  var text: String
  var number: Double?

  struct Reply: Codable, Sendable, Equatable {
    var text: String
  }
}

func makeEchoRouter() -> RequestRouter {
  var router = RequestRouter()
  router.on(EchoRequest.self) { request in
    Envelope(EchoRequest.Reply(text: request.body.text), frames: request.frames.reversed())
  }
  return router
}
