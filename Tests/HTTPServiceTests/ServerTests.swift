import Foundation
import HTTPService
import Testing

struct ServerTests {
  private static var echo: HTTPRoutes {
    var routes = HTTPRoutes()
    routes.on("GET", "/hello/{name}") { .text("hello \($0.parameters["name"] ?? "")") }
    routes.on("POST", "/length") { .text("\($0.body.count)") }
    routes.on("GET", "/tagged") { _ in .text("same", tag: "t1") }
    let long = [UInt8](repeating: 120, count: 24_000_000)
    routes.on("GET", "/long") { _ in .data(long, type: "text/plain") }
    return routes
  }

  @Test("two requests on one connection are answered in their order")
  func keepAlive() async throws {
    try await withServer(Self.echo) { port in
      let first = "GET /hello/a%20b HTTP/1.1\r\nHost: h\r\n\r\n"
      let second =
        "POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: close\r\n\r\n12345"
      let answer = try #require(try await RawClient.exchange(first + second, port: port))
      #expect(answer.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
      #expect(answer.contains("hello a b"))
      #expect(answer.hasSuffix("\r\n\r\n5"))
    }
  }

  @Test(
    "what is no request is refused and the connection closed",
    arguments: [
      ("nonsense\r\n\r\n", "400"), ("GET /\u{0} HTTP/1.1\r\n\r\n", "400"),
      ("GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
      ("GET * HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
      ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "400"),
    ])
  func malformed(text: String, status: String) async throws {
    try await withServer(Self.echo) { port in
      let answer = try #require(try await RawClient.exchange(text, port: port))
      #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(answer.prefix(80))")
    }
  }

  @Test("a head that is too large is refused")
  func largeHead() async throws {
    try await withServer(Self.echo, limits: HTTPLimits(headBytes: 2000)) { port in
      for head in [
        "GET /hello/a HTTP/1.1\r\nX: \(String(repeating: "y", count: 3000))\r\n\r\n",
        "GET /hello/a HTTP/1.1\r\n"
          + (0..<40).map { "X\($0): \(String(repeating: "y", count: 80))\r\n" }.joined() + "\r\n",
      ] {
        let answer = try #require(try await RawClient.exchange(head, port: port))
        #expect(answer.hasPrefix("HTTP/1.1 4"), "\(answer.prefix(80))")
      }
    }
  }

  @Test("a body that is too large is refused, announced or not, and before all of it has come")
  func largeBody() async throws {
    try await withServer(Self.echo, limits: HTTPLimits(bodyBytes: 100)) { port in
      let announced = "POST /length HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
      let chunked =
        "POST /length HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "c8\r\n\(String(repeating: "z", count: 200))\r\n"
      for text in [announced, chunked] {
        let answer = try #require(try await RawClient.exchange(text, port: port))
        #expect(answer.hasPrefix("HTTP/1.1 413"), "\(answer.prefix(80))")
        #expect(answer.contains("at most 100 bytes"))
      }
    }
  }

  @Test("a client that dawdles over its request is sent away")
  func slowClient() async throws {
    let limits = HTTPLimits(headTime: .milliseconds(300), bodyTime: .milliseconds(300))
    try await withServer(Self.echo, limits: limits) { port in
      for half in ["GET /hello/a HT", "POST /length HTTP/1.1\r\nContent-Length: 10\r\n\r\n123"] {
        let begin = ContinuousClock.now
        let answer = try await RawClient.exchange(half, port: port)
        #expect(answer == "", "the connection ends without an answer")
        #expect(ContinuousClock.now - begin < .seconds(8))
      }
    }
  }

  @Test("a client that reads nothing is sent away, and others are served meanwhile")
  func unreadAnswer() async throws {
    let limits = HTTPLimits(unreadTime: .milliseconds(500))
    try await withServer(Self.echo, limits: limits) { port in
      let idle = try RawClient.connect(port: port)
      defer { close(idle) }
      RawClient.send("GET /long HTTP/1.1\r\nHost: h\r\n\r\n", on: idle)
      let other = try await RawClient.exchange(
        "GET /hello/b HTTP/1.1\r\nConnection: close\r\n\r\n", port: port)
      #expect(other?.hasSuffix("hello b") == true)
      try await Task.sleep(for: .seconds(1.5))
      let rest = await withCheckedContinuation { done in
        Thread.detachNewThread { done.resume(returning: RawClient.read(from: idle)) }
      }
      #expect((rest?.utf8.count ?? .max) < 24_000_000)
    }
  }

  @Test("many connections at once are all answered, and those beyond the limit are told so")
  func manyConnections() async throws {
    try await withServer(Self.echo, limits: HTTPLimits(connections: 64)) { port in
      let answers = try await withThrowingTaskGroup(of: String?.self) { group in
        for index in 0..<60 {
          group.addTask {
            try await RawClient.exchange(
              "GET /hello/\(index) HTTP/1.1\r\nConnection: close\r\n\r\n", port: port)
          }
        }
        return try await group.reduce(into: [String]()) { $0.append($1 ?? "") }
      }
      #expect(answers.count { $0.contains("200 OK") } == 60)
    }
    try await withServer(Self.echo, limits: HTTPLimits(connections: 1)) { port in
      let first = try RawClient.connect(port: port)
      defer { close(first) }
      RawClient.send("GET /hello/a HTTP/1.1\r\n\r\n", on: first)
      #expect(RawClient.read(from: first, until: "hello a") != nil)
      let refused = try await RawClient.exchange(
        "GET /hello/b HTTP/1.1\r\nConnection: close\r\n\r\n", port: port)
      #expect(refused?.hasPrefix("HTTP/1.1 503") == true)
    }
  }

  @Test("what a client has already is not sent again; HEAD sends no body")
  func tags() async throws {
    try await withServer(Self.echo) { port in
      let known = try await RawClient.exchange(
        "GET /tagged HTTP/1.1\r\nIf-None-Match: \"t1\"\r\nConnection: close\r\n\r\n", port: port)
      #expect(known?.hasPrefix("HTTP/1.1 304") == true)
      #expect(known?.contains("same") == false)
      let head = try await RawClient.exchange(
        "HEAD /tagged HTTP/1.1\r\nConnection: close\r\n\r\n", port: port)
      #expect(head?.hasPrefix("HTTP/1.1 200") == true)
      #expect(head?.contains("same") == false)
    }
  }

  @Test("events arrive as they are sent, and the sender learns that its client has gone")
  func events() async throws {
    let gone = AsyncStream<Void>.makeStream()
    var routes = HTTPRoutes()
    routes.on("GET", "/events") { _ in
      .events { sender in
        defer { gone.continuation.finish() }
        try await sender.event("tick", data: "1\n2")
        try await Task.sleep(for: .seconds(60))
      }
    }
    try await withServer(routes) { port in
      let text = try await RawClient.exchange(
        "GET /events HTTP/1.1\r\nHost: h\r\n\r\n", port: port, until: "\n\n")
      #expect(text?.contains("event: tick\ndata: 1\ndata: 2\n\n") == true)
      // The client closed its connection above.
      for await _ in gone.stream {}
    }
  }

  @Test("a stop closes connections at once, streams included")
  func stop() async throws {
    var routes = HTTPRoutes()
    routes.on("GET", "/events") { _ in
      .events { sender in
        try await sender.event("tick", data: "1")
        try await Task.sleep(for: .seconds(60))
      }
    }
    let begin = ContinuousClock.now
    let client = Locked<Int32?>(nil)
    try await withServer(routes) { port in
      let descriptor = try RawClient.connect(port: port)
      client.set(descriptor)
      RawClient.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n", on: descriptor)
      #expect(RawClient.read(from: descriptor, until: "data: 1") != nil)
    }
    let descriptor = try #require(client.value)
    #expect(RawClient.read(from: descriptor) != nil, "the connection was closed")
    close(descriptor)
    #expect(ContinuousClock.now - begin < .seconds(9))
  }

  @Test("an address in use is refused in words, and a server that never ran can be closed")
  func addressInUse() async throws {
    let server = try await HTTPServer.bind(host: "127.0.0.1", port: 0)
    let error = await #expect(throws: HTTPServerError.self) {
      _ = try await HTTPServer.bind(host: "127.0.0.1", port: server.port)
    }
    #expect(error.map { "\($0)" }?.contains("http://127.0.0.1:\(server.port)") == true)
    await server.close()
  }

  @Test("the client gets what the server says")
  func client() async throws {
    try await withServer(Self.echo) { port in
      let (status, body) = try await HTTPClient.get("http://127.0.0.1:\(port)/hello/you?x=1")
      #expect(status == 200)
      #expect(String(decoding: body, as: UTF8.self) == "hello you")
      #expect(try await HTTPClient.get("http://127.0.0.1:\(port)/nowhere").status == 404)
    }
    await #expect(throws: HTTPClientError.self) { try await HTTPClient.get("ftp://x/") }
    await #expect(throws: HTTPClientError.self) { try await HTTPClient.get("http://127.0.0.1:1/") }
  }
}

/// A value shared between tasks.
private final class Locked<Value: Sendable>: @unchecked Sendable {
  // `@unchecked`: every access holds the lock.
  private let lock = NSLock()
  private var stored: Value
  init(_ value: Value) { stored = value }
  var value: Value { lock.withLock { stored } }
  func set(_ value: Value) { lock.withLock { stored = value } }
}
