import Episodes
import HTTPService

/// Who may read and who may act.
///
/// On loopback whoever is at the machine may read; what is asked for under another name than the machine's own is
/// refused, so that no page of another site can read through a person's browser. Elsewhere reading takes the
/// token, and acting takes it everywhere.
public struct DashboardAccess: Sendable {
  private let token: ContentDigest?
  private let isLoopback: Bool

  static let cookie = "recap-session"

  /// - Parameters:
  ///   - token: The shared secret; nil for none, where nobody may act.
  ///   - host: The address that is listened at.
  public init(token: String?, host: String) {
    self.token = token.map { ContentDigest(hashing: Array($0.utf8)) }
    isLoopback = Self.isLoopback(host)
  }

  /// Whether an address or name is this machine's own.
  public static func isLoopback(_ host: String) -> Bool {
    let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    return name == "localhost" || name == "::1"
      || (name.hasPrefix("127.") && name.split(separator: ".").count == 4
        && name.allSatisfy { $0.isNumber || $0 == "." })
  }

  /// Why a request may not read; nil where it may.
  func readingRefusal(_ request: HTTPRequest) -> HTTPResponse? {
    if isSigned(request) { return nil }
    guard isLoopback else {
      return .failure(
        401, "the token is needed: as 'Authorization: Bearer …', or enter it on the page")
    }
    guard let host = request.headers["host"], Self.isLoopback(Self.name(of: host)) else {
      return .failure(
        403, "expected a request to localhost, got one to '\(request.headers["host"] ?? "")'")
    }
    return nil
  }

  /// - Throws: `HTTPFailure` where a request may not act.
  func checkAction(_ request: HTTPRequest) throws(HTTPFailure) {
    guard token != nil else {
      throw HTTPFailure(
        403, "this server takes no actions: it was started without --http-token-file")
    }
    guard isSigned(request) else { throw HTTPFailure(401, "the token is needed to act") }
    // No form of another site can say so.
    guard request.headers["content-type"]?.hasPrefix("application/json") == true else {
      throw HTTPFailure(415, "expected Content-Type: application/json")
    }
  }

  /// Whether actions are possible at all, and whether this client may.
  func standing(_ request: HTTPRequest) -> (canAct: Bool, isSigned: Bool) {
    (token != nil, isSigned(request))
  }

  /// The cookie for whoever knows the token; nil for others.
  func cookie(for given: String) -> String? {
    guard let token, ContentDigest(hashing: Array(given.utf8)) == token else { return nil }
    return "\(Self.cookie)=\(session(token)); Path=/; HttpOnly; SameSite=Strict"
  }

  private func isSigned(_ request: HTTPRequest) -> Bool {
    guard let token else { return false }
    if let header = request.headers["authorization"], header.hasPrefix("Bearer ") {
      return ContentDigest(hashing: Array(header.dropFirst(7).utf8)) == token
    }
    let cookies = request.headers["cookie"]?.split(separator: ";") ?? []
    return cookies.contains { $0.drop { $0 == " " } == "\(Self.cookie)=\(session(token))" }
  }

  /// What the browser keeps: not the token itself.
  private func session(_ token: ContentDigest) -> String {
    ContentDigest(hashing: Array("recap session \(token.rawValue)".utf8)).rawValue
  }

  /// "localhost" of "localhost:8080", "[::1]" of "[::1]:8080".
  private static func name(of host: String) -> String {
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
    return host.split(separator: ":").first.map(String.init) ?? host
  }
}
