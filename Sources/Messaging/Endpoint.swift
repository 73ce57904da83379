/// Where a socket listens or connects: `tcp://ADDRESS:PORT`, `ipc://PATH` or `inproc://NAME`. The one check of it, before
/// ZeroMQ sees it, which takes a port modulo 65536 and says little of what it cannot use.
public struct Endpoint: Hashable, Sendable {
  public enum Transport: String, Hashable, Sendable, CaseIterable {
    case tcp
    case ipc
    case inproc
  }

  /// What an endpoint is for.
  public enum Use: Hashable, Sendable {
    /// An address of `*` is all of the machine's, and a port of `*` or 0 any free one.
    case listening
    case connecting
  }

  /// The longest path of a Unix socket on Linux, in bytes.
  public static let longestPath = 107

  /// As it was written.
  public let text: String
  public let transport: Transport
  /// Of tcp the address, such as `127.0.0.1`, `[::1]`, `*` or a name; of ipc the path; of inproc the name.
  public let address: String
  /// Of tcp, 1 to 65535; nil for any free one, and of other transports.
  public let port: UInt16?

  /// - Throws: `EndpointError` for an unknown transport, a path that is too long, and an address or a port that cannot be
  ///   used so.
  public init(_ text: String, for use: Use) throws(EndpointError) {
    func refusal(_ reason: String) -> EndpointError {
      EndpointError(endpoint: text, reason: reason)
    }
    guard let separator = text.firstRange(of: "://") else {
      throw refusal("expected tcp://ADDRESS:PORT, ipc://PATH or inproc://NAME")
    }
    let name = String(text[..<separator.lowerBound])
    guard let transport = Transport(rawValue: name) else {
      throw refusal("unknown transport '\(name)'; there are tcp, ipc and inproc")
    }
    let rest = text[separator.upperBound...]
    guard !rest.isEmpty else { throw refusal("nothing follows '\(name)://'") }
    self.text = text
    self.transport = transport
    guard transport == .tcp else {
      if transport == .ipc, rest.utf8.count > Self.longestPath {
        throw refusal(
          "the path has \(rest.utf8.count) bytes; a Unix socket's has at most \(Self.longestPath)")
      }
      (address, port) = (String(rest), nil)
      return
    }
    guard let colon = rest.lastIndex(of: ":"), colon > rest.startIndex else {
      throw refusal("expected tcp://ADDRESS:PORT")
    }
    address = String(rest[..<colon])
    if use == .connecting, address == "*" {
      throw refusal("* is every address of this machine, to listen at; expected one to connect to")
    }
    let digits = rest[rest.index(after: colon)...]
    if use == .listening, digits == "*" || digits == "0" {
      port = nil
      return
    }
    guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits), port > 0
    else {
      throw refusal(
        "the port is '\(digits)'; expected 1 to 65535"
          + (use == .listening ? ", or * for any free one" : ""))
    }
    self.port = port
  }

  /// Whether only processes of this machine reach it.
  public var isLocal: Bool {
    if transport != .tcp || address == "[::1]" { return true }
    let parts = address.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}

/// An endpoint that cannot be used.
public struct EndpointError: Error, Hashable, Sendable, CustomStringConvertible {
  public var endpoint: String
  /// What was expected, and what came.
  public var reason: String

  public init(endpoint: String, reason: String) {
    self.endpoint = endpoint
    self.reason = reason
  }

  public var description: String { "'\(endpoint)': \(reason)" }
}
