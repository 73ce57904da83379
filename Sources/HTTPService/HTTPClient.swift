import NIOCore
import NIOHTTP1
import NIOPosix

/// One request to an HTTP/1.1 server and its whole answer: for a program that asks its own server. No TLS, no
/// redirections.
public enum HTTPClient {
  /// - Parameters:
  ///   - url: Such as "http://127.0.0.1:8080/api/run".
  ///   - headers: Besides the host.
  ///   - timeout: For all of it.
  ///   - limit: Bytes of the answer's body.
  /// - Throws: `HTTPClientError`.
  public static func get(
    _ url: String, headers: [String: String] = [:], timeout: Duration = .seconds(10),
    limit: Int = 64 * 1024 * 1024
  ) async throws -> (status: Int, body: [UInt8]) {
    guard let place = HTTPPlace(url) else {
      throw HTTPClientError(url: url, reason: "expected a URL such as http://127.0.0.1:8080")
    }
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(TimeAmount(timeout))
        .connect(host: place.host, port: place.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHTTPClientHandlers()
            try pipeline.addHandler(NIOHTTPClientResponseAggregator(maxContentLength: limit))
            return try NIOAsyncChannel<NIOHTTPClientResponseFull, HTTPClientRequestPart>(
              wrappingChannelSynchronously: channel)
          }
        }
      let closing = channel.channel.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
        channel.channel.close(promise: nil)
      }
      defer { closing.cancel() }
      return try await channel.executeThenClose { answers, writer in
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: place.target)
        head.headers.add(name: "Host", value: "\(place.host):\(place.port)")
        head.headers.add(name: "Connection", value: "close")
        for (name, value) in headers { head.headers.add(name: name, value: value) }
        try await writer.write(.head(head))
        try await writer.write(.end(nil))
        for try await answer in answers {
          let body = answer.body.map { Array($0.readableBytesView) } ?? []
          return (Int(answer.head.status.code), body)
        }
        throw HTTPClientError(url: url, reason: "no answer came within \(timeout)")
      }
    } catch let error as HTTPClientError {
      throw error
    } catch is NIOConnectionError {
      throw HTTPClientError(url: url, reason: "nobody answers there")
    } catch {
      throw HTTPClientError(url: url, reason: "\(error)")
    }
  }
}

/// An http URL, taken apart.
struct HTTPPlace: Equatable {
  var host: String
  var port: Int
  /// The path and the query.
  var target: String

  init?(_ url: String) {
    guard url.hasPrefix("http://") else { return nil }
    let rest = url.dropFirst(7)
    let end = rest.firstIndex(of: "/") ?? rest.endIndex
    guard let address = HTTPAddress(String(rest[..<end]), defaultPort: 80) else { return nil }
    host = address.host
    port = address.port
    target = end == rest.endIndex ? "/" : String(rest[end...])
  }
}

/// A host and a port: "127.0.0.1:8080", "[::1]:8080", "localhost:8080".
public struct HTTPAddress: Hashable, Sendable {
  /// Without brackets.
  public var host: String
  public var port: Int

  /// - Parameter defaultPort: Where the text gives none; nil for one that must.
  public init?(_ text: String, defaultPort: Int? = nil) {
    var (host, rest) = (Substring(text), Substring(""))
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      host = text[text.index(after: text.startIndex)..<end]
      rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
      rest = rest.dropFirst()
    } else if let colon = text.lastIndex(of: ":") {
      host = text[..<colon]
      rest = text[text.index(after: colon)...]
      guard !host.contains(":"), !rest.isEmpty else { return nil }
    }
    guard !host.isEmpty, let port = rest.isEmpty ? defaultPort : Int(rest),
      (0...65535).contains(port)
    else { return nil }
    self.host = String(host)
    self.port = port
  }
}

/// Why nothing came back.
public struct HTTPClientError: Error, CustomStringConvertible {
  public var url: String
  public var reason: String

  public init(url: String, reason: String) {
    self.url = url
    self.reason = reason
  }

  public var description: String { "\(url): \(reason)" }
}
