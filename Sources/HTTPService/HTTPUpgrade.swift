import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A connection that has come in, and what its first request makes of it.
struct HTTPArrival: Sendable {
  enum Kind: Sendable {
    /// With the head of the first where that has been read already.
    case requests(HTTPRequestHead?)
    case webSocket(WebSocket, HTTPRequest)
  }

  let channel: any Channel
  /// Fails when the client leaves, or dawdles, before it has asked for anything.
  let kind: EventLoopFuture<Kind>
  /// To be fulfilled when somebody is there to read the requests: until then they are kept.
  let isTaken: EventLoopPromise<Void>

  /// A connection that is for requests alone. Nothing is read before there is somebody to read it.
  static func plain(
    on channel: any Channel, _ limits: HTTPLimits, _ decoding: NIOHTTPDecoderLimitConfiguration
  ) throws -> HTTPArrival {
    try channel.syncOptions?.setOption(.autoRead, value: false)
    let pipeline = channel.pipeline.syncOperations
    try pipeline.configureHTTPServerPipeline(
      position: .last, withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
    try pipeline.addHandler(ConnectionPatience(limits))
    let isTaken = channel.eventLoop.makePromise(of: Void.self)
    isTaken.succeed()
    return HTTPArrival(
      channel: channel, kind: channel.eventLoop.makeSucceededFuture(.requests(nil)),
      isTaken: isTaken)
  }

  /// A connection whose first request may turn it into a WebSocket.
  static func upgradable(
    on channel: any Channel, _ limits: HTTPLimits, _ decoding: NIOHTTPDecoderLimitConfiguration,
    _ settings: WebSocketSettings
  ) throws -> HTTPArrival {
    let loop = channel.eventLoop
    let kind = loop.makePromise(of: Kind.self)
    let isTaken = loop.makePromise(of: Void.self)
    let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
      maxFrameSize: settings.messageBytes,
      shouldUpgrade: { channel, head in
        let isGranted = HTTPRequest(head, from: channel).map(settings.accepts) ?? false
        return channel.eventLoop.makeSucceededFuture(isGranted ? HTTPHeaders() : nil)
      },
      upgradePipelineHandler: { channel, head in
        channel.eventLoop.makeCompletedFuture {
          let socket = try WebSocket(on: channel, .server, settings)
          if let request = HTTPRequest(head, from: channel) {
            kind.succeed(.webSocket(socket, request))
          }
        }
      })
    let first = FirstHead()
    let bound = NIOLoopBound(first, eventLoop: loop)
    let negotiation = try configure(
      channel, decoding, first,
      NIOTypedHTTPServerUpgradeConfiguration<Void>(
        upgraders: [upgrader],
        notUpgradingCompletionHandler: { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ConnectionPatience(limits))
            kind.succeed(.requests(bound.value.swallowed))
          }.flatMap { isTaken.futureResult }
        }))
    // Closes a connection whose client dawdles over its first request.
    let deadline = loop.scheduleTask(in: TimeAmount(limits.headTime)) {
      channel.close(promise: nil)
    }
    kind.futureResult.whenComplete { _ in deadline.cancel() }
    // Whoever waits must not wait for a connection that is gone; those that are settled stay so.
    negotiation.whenFailure { kind.fail($0) }
    channel.closeFuture.whenComplete { _ in
      kind.fail(ChannelError.eof)
      isTaken.fail(ChannelError.eof)
    }
    return HTTPArrival(channel: channel, kind: kind.futureResult, isTaken: isTaken)
  }
}

extension HTTPArrival {
  /// What `configureUpgradableHTTPServerPipeline` does, with `first` before the upgrade.
  private static func configure(
    _ channel: any Channel, _ decoding: NIOHTTPDecoderLimitConfiguration, _ first: FirstHead,
    _ upgrade: NIOTypedHTTPServerUpgradeConfiguration<Void>
  ) throws -> EventLoopFuture<Void> {
    let encoder = HTTPResponseEncoder()
    let http: [any RemovableChannelHandler] = [
      ByteToMessageHandler(
        HTTPRequestDecoder(
          leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoding)),
      HTTPServerPipelineHandler(), NIOHTTPResponseHeadersValidator(),
      HTTPServerProtocolErrorHandler(), first,
    ]
    let handler = NIOTypedHTTPServerUpgradeHandler(
      httpEncoder: encoder, extraHTTPHandlers: http, upgradeConfiguration: upgrade)
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(encoder)
    try pipeline.addHandlers(http)
    try pipeline.addHandler(handler)
    return handler.upgradeResultFuture
  }
}

/// Keeps the head of the first request: where it wants an upgrade that is not granted, SwiftNIO passes
/// on the request without its head.
///
/// Used on its channel's event loop alone.
private final class FirstHead: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart

  private var head: HTTPRequestHead?

  /// The first head, where nobody else has it.
  var swallowed: HTTPRequestHead? {
    head.flatMap { $0.headers.contains(name: "upgrade") ? $0 : nil }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if head == nil, case .head(let first) = unwrapInboundIn(data) { head = first }
    context.fireChannelRead(data)
  }
}

extension HTTPRequest {
  /// The request that a head begins, without a body; nil where its target is none.
  init?(_ head: HTTPRequestHead, from channel: any Channel) {
    guard let target = HTTPTarget(head.uri) else { return nil }
    var headers: [String: String] = [:]
    for (name, value) in head.headers {
      headers.merge([name.lowercased(): value]) { "\($0), \($1)" }
    }
    self.init(
      method: head.method.rawValue, path: target.path, query: target.query, headers: headers,
      client: channel.remoteAddress?.ipAddress ?? "")
  }
}
