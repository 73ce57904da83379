/// What a client asked for, complete with its body.
public struct HTTPRequest: Sendable {
  /// "GET", "POST", …, in capitals.
  public var method: String
  /// The path without the query, its percent-escapes resolved; begins with "/".
  public var path: String
  /// The query's parameters, their escapes resolved; of a repeated one the last.
  public var query: [String: String]
  /// Header fields by their names in lower case; repeated ones joined by ", ".
  public var headers: [String: String]
  /// At most `HTTPLimits.bodyBytes`.
  public var body: [UInt8]
  /// The path's parts that the route names in braces.
  public var parameters: [String: String] = [:]
  /// The client's address, such as "127.0.0.1"; empty where it has none.
  public var client: String

  public init(
    method: String, path: String, query: [String: String] = [:], headers: [String: String] = [:],
    body: [UInt8] = [], client: String = ""
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    self.client = client
  }
}

/// An answer.
public struct HTTPResponse: Sendable {
  /// Such as 200.
  public var status: Int
  /// Names and values; length and connection are added by the server.
  public var headers: [(name: String, value: String)]
  public var body: Body

  public enum Body: Sendable {
    case bytes([UInt8])
    /// Server-sent events: the closure sends until it returns, throws, or its task is cancelled
    /// because the client has gone or the server stops.
    case events(@Sendable (EventSender) async throws -> Void)
  }

  public init(status: Int = 200, headers: [(name: String, value: String)] = [], body: Body) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Bytes of a media type, such as "text/css; charset=utf-8".
  ///
  /// - Parameter tag: Changes whenever the bytes do: a client that has them already is told so with
  ///   304. Printable ASCII without quotation marks.
  public static func data(
    _ bytes: [UInt8], type: String, tag: String? = nil, status: Int = 200
  ) -> HTTPResponse {
    var headers = [(name: "Content-Type", value: type)]
    if let tag { headers.append(("ETag", "\"\(tag)\"")) }
    headers.append(("Cache-Control", "no-cache"))
    return HTTPResponse(status: status, headers: headers, body: .bytes(bytes))
  }

  /// Text as UTF-8.
  public static func text(
    _ text: String, type: String = "text/plain; charset=utf-8", tag: String? = nil,
    status: Int = 200
  ) -> HTTPResponse {
    data(Array(text.utf8), type: type, tag: tag, status: status)
  }

  /// What went wrong, as `{"error": "…"}`.
  public static func failure(_ status: Int, _ reason: String) -> HTTPResponse {
    data(
      Array("{\"error\":\(JSONString.quoted(reason))}\n".utf8), type: "application/json",
      status: status)
  }

  /// A stream of server-sent events.
  public static func events(
    _ body: @escaping @Sendable (EventSender) async throws -> Void
  ) -> HTTPResponse {
    HTTPResponse(
      headers: [
        ("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-store"),
      ], body: .events(body))
  }

  /// The value of a header, whatever the case of its name.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}

/// Refuses a request from within a handler.
public struct HTTPFailure: Error, CustomStringConvertible {
  /// 4xx or 5xx.
  public var status: Int
  /// What was expected and what came: the client reads it.
  public var reason: String

  public init(_ status: Int, _ reason: String) {
    self.status = status
    self.reason = reason
  }

  public var description: String { "\(status): \(reason)" }
}

/// Sends server-sent events to one client.
public struct EventSender: Sendable {
  let send: @Sendable (String) async throws -> Void

  /// Sends an event; waits while the client is slow.
  ///
  /// - Parameters:
  ///   - name: One line.
  ///   - data: Lines are kept.
  /// - Throws: When the client has gone.
  public func event(_ name: String, data: String) async throws {
    let lines = data.split(separator: "\n", omittingEmptySubsequences: false)
    try await send("event: \(name)\n" + lines.map { "data: \($0)\n" }.joined() + "\n")
  }

  /// Sends what no client sees, to find out whether this one is still there.
  public func ping() async throws { try await send(": \n\n") }
}

/// Just enough of JSON for an error's text.
enum JSONString {
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
