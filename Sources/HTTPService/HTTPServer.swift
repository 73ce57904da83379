import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A small HTTP/1.1 server on SwiftNIO: routes, limits, time-outs, server-sent events, WebSockets. No
/// TLS: beyond this machine it belongs behind a tunnel or a proxy.
///
///     let server = try await HTTPServer.bind(host: "127.0.0.1", port: 8080)
///     try await server.run(routes)  // until the task is cancelled
public final class HTTPServer: Sendable {
  /// Has a client's WebSocket and the request that asked for it; its end is the connection's.
  public typealias WebSocketSession = @Sendable (WebSocket, HTTPRequest) async throws -> Void

  private typealias Listener = NIOAsyncChannel<HTTPArrival, Never>

  private let listener: Listener
  private let limits: HTTPLimits
  private let connections = Atomic<Int>(0)
  /// The port that is listened at, also where any free one was asked for.
  public let port: Int
  /// The address that was asked for.
  public let host: String

  private init(_ listener: Listener, host: String, _ limits: HTTPLimits) {
    self.listener = listener
    self.limits = limits
    self.host = host
    port = listener.channel.localAddress?.port ?? 0
  }

  /// Takes hold of an address; clients wait until `run`. Whoever has a server either runs or closes it.
  ///
  /// - Parameters:
  ///   - port: 0 for any free one.
  ///   - webSockets: Which requests become WebSockets; nil for none.
  /// - Throws: `HTTPServerError` for an address that cannot be listened at.
  public static func bind(
    host: String, port: Int, limits: HTTPLimits = HTTPLimits(),
    webSockets: WebSocketSettings? = nil
  ) async throws -> HTTPServer {
    var decoding = NIOHTTPDecoderLimitConfiguration()
    decoding.maxHeaderFieldSize = limits.headBytes
    decoding.maxHeaderListSize = limits.headBytes
    let decodingLimits = decoding
    do {
      let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .serverChannelOption(.backlog, value: 256)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .bind(host: host, port: port) { channel in
          channel.eventLoop.makeCompletedFuture {
            guard let webSockets else {
              return try HTTPArrival.plain(on: channel, limits, decodingLimits)
            }
            return try HTTPArrival.upgradable(on: channel, limits, decodingLimits, webSockets)
          }
        }
      return HTTPServer(listener, host: host, limits)
    } catch {
      let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) }
      throw HTTPServerError(host: host, port: port, reason: reason ?? "\(error)")
    }
  }

  /// Answers clients until the task is cancelled; then every connection is closed.
  ///
  /// - Parameter session: What happens on a WebSocket, for a server that grants any.
  public func run(_ routes: HTTPRoutes, webSockets session: WebSocketSession? = nil) async throws {
    try await listener.executeThenClose { incoming in
      try await withThrowingDiscardingTaskGroup { group in
        for try await arrival in incoming {
          let isWelcome =
            connections.wrappingAdd(1, ordering: .relaxed).newValue <= limits.connections
          group.addTask {
            // A client that goes away in the middle of something is no reason to stop.
            try? await self.serve(
              arrival, isWelcome ? routes : Self.full, isWelcome ? session : nil)
            self.connections.wrappingSubtract(1, ordering: .relaxed)
          }
        }
      }
    }
  }

  private func serve(
    _ arrival: HTTPArrival, _ routes: HTTPRoutes, _ session: WebSocketSession?
  ) async throws {
    let kind: HTTPArrival.Kind
    do {
      kind = try await withTaskCancellationHandler {
        try await arrival.kind.get()
      } onCancel: {
        arrival.channel.close(promise: nil)
      }
    } catch {
      arrival.channel.close(promise: nil)
      throw error
    }
    switch kind {
    case .requests(let firstHead):
      let wire = try await HTTPConnection.wire(on: arrival.channel)
      arrival.isTaken.succeed()
      try await HTTPConnection(wire: wire, routes: routes, limits: limits, firstHead: firstHead)
        .serve()
    case .webSocket(let socket, let request):
      guard let session else { return await socket.close(code: 1013) }
      do {
        try await session(socket, request)
      } catch {
        await socket.close(code: error is CancellationError ? 1001 : 1011)
        throw error
      }
      await socket.close()
    }
  }

  /// Lets go of the address without having run.
  public func close() async { try? await listener.executeThenClose { _ in } }

  /// What those hear for whom there is no place.
  private static let full: HTTPRoutes = {
    var routes = HTTPRoutes()
    routes.check { _ in
      var refusal = HTTPResponse.failure(503, "too many connections; try again later")
      refusal.headers.append(("Retry-After", "5"))
      return refusal
    }
    return routes
  }()
}

/// An address that cannot be listened at.
public struct HTTPServerError: Error, CustomStringConvertible {
  public var host: String
  public var port: Int
  public var reason: String

  public var description: String { "cannot listen at http://\(host):\(port): \(reason)" }
}
