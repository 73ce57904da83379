import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A small HTTP/1.1 server on SwiftNIO: routes, limits, time-outs, server-sent events. No TLS: beyond
/// this machine it belongs behind a tunnel or a proxy.
///
///     let server = try await HTTPServer.bind(host: "127.0.0.1", port: 8080)
///     try await server.run(routes)  // until the task is cancelled
public final class HTTPServer: Sendable {
  private typealias Listener = NIOAsyncChannel<any Channel, Never>

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
  /// - Parameter port: 0 for any free one.
  /// - Throws: `HTTPServerError` for an address that cannot be listened at.
  public static func bind(
    host: String, port: Int, limits: HTTPLimits = HTTPLimits()
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
        // Nothing is read before there is somebody to read it.
        .childChannelOption(.autoRead, value: false)
        .bind(host: host, port: port) { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(
              position: .last, withEncoderConfiguration: .init(),
              withDecoderLimitConfiguration: decodingLimits)
            try pipeline.addHandler(ConnectionPatience(limits))
            return channel
          }
        }
      return HTTPServer(listener, host: host, limits)
    } catch {
      throw HTTPServerError(host: host, port: port, reason: "\(error)")
    }
  }

  /// Answers clients until the task is cancelled; then every connection is closed.
  public func run(_ routes: HTTPRoutes) async throws {
    try await listener.executeThenClose { incoming in
      try await withThrowingDiscardingTaskGroup { group in
        for try await channel in incoming {
          let isWelcome =
            connections.wrappingAdd(1, ordering: .relaxed).newValue <= limits.connections
          let routes = isWelcome ? routes : Self.full
          group.addTask {
            // A client that goes away in the middle of something is no reason to stop.
            try? await HTTPConnection(
              wire: try await HTTPConnection.wire(on: channel), routes: routes, limits: self.limits
            ).serve()
            self.connections.wrappingSubtract(1, ordering: .relaxed)
          }
        }
      }
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
