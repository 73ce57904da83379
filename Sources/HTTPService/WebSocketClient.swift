import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// Opens WebSockets: for a program that asks its own server, and for measuring one. No TLS.
public enum WebSocketClient {
  /// - Parameters:
  ///   - url: Such as "ws://127.0.0.1:8000/".
  ///   - headers: Besides those of the upgrade.
  ///   - timeout: Until the server has agreed.
  ///   - settings: What the server may send.
  /// - Throws: `HTTPClientError` where nobody answers or the server does not agree.
  public static func connect(
    _ url: String, headers: [String: String] = [:], timeout: Duration = .seconds(10),
    settings: WebSocketSettings = WebSocketSettings { _ in true }
  ) async throws -> WebSocket {
    guard url.hasPrefix("ws://"), let place = HTTPPlace("http" + url.dropFirst(2)) else {
      throw HTTPClientError(url: url, reason: "expected a URL such as ws://127.0.0.1:8000")
    }
    var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: place.target)
    head.headers.add(name: "Host", value: "\(place.host):\(place.port)")
    for (name, value) in headers { head.headers.add(name: name, value: value) }
    let request = head
    do {
      let agreement = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(TimeAmount(timeout))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .connect(host: place.host, port: place.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            let upgrader = NIOTypedWebSocketClientUpgrader<WebSocket>(
              maxFrameSize: settings.messageBytes,
              upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                  try WebSocket(on: channel, .client, settings)
                }
              })
            let deadline = channel.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
              channel.close(promise: nil)
            }
            var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
              upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                upgradeRequestHead: request, upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                  channel.close(promise: nil)
                  return channel.eventLoop.makeFailedFuture(
                    HTTPClientError(url: url, reason: "the server grants no WebSocket"))
                }))
            // A server that speaks first may do so in the packet that agrees.
            configuration.leftOverBytesStrategy = .forwardBytes
            let agreement = try channel.pipeline.syncOperations
              .configureUpgradableHTTPClientPipeline(configuration: configuration)
            agreement.whenComplete { _ in deadline.cancel() }
            return agreement
          }
        }
      return try await agreement.get()
    } catch let error as HTTPClientError {
      throw error
    } catch {
      throw HTTPClientError(url: url, reason: "\(error)")
    }
  }
}
