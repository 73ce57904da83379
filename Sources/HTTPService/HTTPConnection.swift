import NIOCore
import NIOHTTP1

/// One client's connection: reads its requests one after another and writes the answers.
struct HTTPConnection: Sendable {
  typealias Wire = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
  typealias Writer = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

  let wire: Wire
  let routes: HTTPRoutes
  let limits: HTTPLimits
  /// The head of the first request where it has been read already.
  var firstHead: HTTPRequestHead?

  /// The channel as streams of requests and answers.
  ///
  /// - Throws: When the client has gone already.
  static func wire(on channel: any Channel) async throws -> Wire {
    let wire = try await channel.eventLoop.submit {
      try Wire(wrappingChannelSynchronously: channel)
    }.get()
    channel.setOption(.autoRead, value: true).whenFailure { _ in }
    return wire
  }

  /// Serves until the client leaves, an answer ends the connection, or the task is cancelled.
  func serve() async throws {
    try await wire.executeThenClose { parts, writer in
      var head = firstHead
      var body: [UInt8] = []
      for try await part in parts {
        switch part {
        case .head(let next):
          (head, body) = (next, [])
          let announced = next.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
          if announced > limits.bodyBytes {
            return try await refuse(413, "a body of \(announced) bytes", writer)
          }
          // A client that asks first must hear that it may go on.
          if next.headers.first(name: "expect")?.lowercased() == "100-continue" {
            try await writer.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
          }
        case .body(let bytes):
          guard body.count + bytes.readableBytes <= limits.bodyBytes else {
            return try await refuse(413, "more bytes", writer)
          }
          body += bytes.readableBytesView
        case .end:
          guard let asked = head else { return }
          head = nil
          guard var request = HTTPRequest(asked, from: wire.channel) else {
            return try await refuse(400, "the target '\(asked.uri.prefix(100))'", writer)
          }
          request.body = body
          let response = await routes.answer(request)
          guard try await write(response, to: asked, writer) else { return }
        }
      }
    }
  }

  private func refuse(_ status: Int, _ came: String, _ writer: Writer) async throws {
    let expected =
      status == 413 ? "a body of at most \(limits.bodyBytes) bytes" : "a path such as /healthz"
    let response = HTTPResponse.failure(status, "expected \(expected), got \(came)")
    var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
    head.headers.add(name: "Connection", value: "close")
    _ = try await write(response, to: head, writer)
  }

  /// - Returns: Whether the connection goes on.
  private func write(
    _ response: HTTPResponse, to request: HTTPRequestHead, _ writer: Writer
  ) async throws -> Bool {
    var head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status))
    for (name, value) in response.headers { head.headers.add(name: name, value: value) }
    head.headers.add(name: "X-Content-Type-Options", value: "nosniff")
    switch response.body {
    case .bytes(let bytes):
      if response.status != 304 {
        head.headers.add(name: "Content-Length", value: String(bytes.count))
      }
      if !request.isKeepAlive { head.headers.add(name: "Connection", value: "close") }
      try await writer.write(.head(head))
      if request.method != .HEAD, !bytes.isEmpty {
        try await writer.write(.body(.byteBuffer(ByteBuffer(bytes: bytes))))
      }
      try await writer.write(.end(nil))
      return request.isKeepAlive
    case .events(let body):
      // Its end is the connection's.
      head.headers.add(name: "Connection", value: "close")
      try await writer.write(.head(head))
      if request.method != .HEAD { try await stream(body, writer) }
      try await writer.write(.end(nil))
      return false
    }
  }

  /// Lets `body` send until it is done or the client has gone.
  private func stream(
    _ body: @escaping @Sendable (EventSender) async throws -> Void, _ writer: Writer
  ) async throws {
    let sender = EventSender { text in
      try await writer.write(.body(.byteBuffer(ByteBuffer(string: text))))
    }
    let closed = wire.channel.closeFuture
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await body(sender) }
      group.addTask { try await Self.wait(for: closed) }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// Waits for a future, or until the task is cancelled.
  private static func wait(for future: EventLoopFuture<Void>) async throws {
    let (signals, signal) = AsyncStream<Void>.makeStream()
    future.whenComplete { _ in signal.finish() }
    for await _ in signals {}
  }
}
