/// Which handler answers what: a value, so that it is tested without a socket.
public struct HTTPRoutes: Sendable {
  public typealias Handler = @Sendable (HTTPRequest) async throws -> HTTPResponse

  private struct Route: Sendable {
    var method: String
    var parts: [Substring]
    var handler: Handler
  }

  private var routes: [Route] = []
  private var guards: [@Sendable (HTTPRequest) -> HTTPResponse?] = []

  public init() {}

  /// Adds a route.
  ///
  /// - Parameters:
  ///   - method: "GET" (which answers HEAD too), "POST", ….
  ///   - pattern: Such as "/api/episodes/{id}/frames/{index}"; a part in braces matches any one part, and a last
  ///     part "{rest...}" all that is left.
  public mutating func on(_ method: String, _ pattern: String, _ handler: @escaping Handler) {
    routes.append(Route(method: method, parts: Self.parts(pattern), handler: handler))
  }

  /// Adds a check that comes before every route: an answer of its own ends the matter.
  public mutating func check(_ body: @escaping @Sendable (HTTPRequest) -> HTTPResponse?) {
    guards.append(body)
  }

  /// The answer to a request, errors included.
  public func answer(_ request: HTTPRequest) async -> HTTPResponse {
    for check in guards {
      if let refusal = check(request) { return refusal }
    }
    let parts = Self.parts(request.path)
    var allowed: [String] = []
    for route in routes {
      guard let parameters = Self.match(parts, route.parts) else { continue }
      guard route.method == request.method || (route.method == "GET" && request.method == "HEAD")
      else {
        allowed.append(route.method)
        continue
      }
      var request = request
      request.parameters = parameters
      return await Self.answer(request, by: route.handler)
    }
    if allowed.isEmpty { return .failure(404, "there is nothing at \(request.path)") }
    var refusal = HTTPResponse.failure(
      405, "\(request.path) takes \(allowed.joined(separator: ", ")), not \(request.method)")
    refusal.headers.append(("Allow", allowed.joined(separator: ", ")))
    return refusal
  }

  private static func answer(_ request: HTTPRequest, by handler: Handler) async -> HTTPResponse {
    do {
      let response = try await handler(request)
      if let tag = response.header("ETag"), response.status == 200,
        let known = request.headers["if-none-match"],
        known.split(separator: ",").contains(where: { $0.trimmed == tag || $0.trimmed == "*" })
      {
        return HTTPResponse(
          status: 304, headers: [("ETag", tag), ("Cache-Control", "no-cache")], body: .bytes([]))
      }
      return response
    } catch let failure as HTTPFailure {
      return .failure(failure.status, failure.reason)
    } catch {
      return .failure(500, "\(error)")
    }
  }

  private static func parts(_ path: String) -> [Substring] {
    path.split(separator: "/", omittingEmptySubsequences: true)
  }

  private static func match(_ parts: [Substring], _ pattern: [Substring]) -> [String: String]? {
    var parameters: [String: String] = [:]
    for (index, expected) in pattern.enumerated() {
      if expected.hasPrefix("{"), expected.hasSuffix("...}") {
        parameters[String(expected.dropFirst().dropLast(4))] =
          parts.dropFirst(index).joined(separator: "/")
        return parameters
      }
      guard index < parts.count else { return nil }
      if expected.hasPrefix("{"), expected.hasSuffix("}") {
        parameters[String(expected.dropFirst().dropLast())] = String(parts[index])
      } else if expected != parts[index] {
        return nil
      }
    }
    return parts.count == pattern.count ? parameters : nil
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self
    while text.first == " " { text = text.dropFirst() }
    while text.last == " " { text = text.dropLast() }
    return text
  }
}
