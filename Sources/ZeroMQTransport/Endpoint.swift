import Glibc

/// Checks of endpoints before ZeroMQ sees them, since its own errors say little.
enum Endpoint {
  /// The longest path of a Unix socket on Linux, in bytes.
  static let longestPath = 107

  /// - Parameter mayBeReached: Whether it may be an address that other machines reach.
  /// - Throws: `ZeroMQError` for an unknown transport, a path that is too long or at which another process
  ///   listens, or an address that other machines reach: without keys anybody there could give orders.
  static func checkBinding(
    _ endpoint: String, mayBeReached: Bool = false
  ) throws(ZeroMQError) {
    let (transport, address) = try check(endpoint)
    if transport == "ipc", isAnswered(path: address) {
      throw ZeroMQError(
        refusing: endpoint, because: "another process listens there; end it, or choose another path"
      )
    }
    guard transport == "tcp" else { return }
    guard let colon = address.lastIndex(of: ":") else {
      throw ZeroMQError(refusing: endpoint, because: "expected tcp://ADDRESS:PORT")
    }
    let host = address[..<colon]
    guard mayBeReached || isLoopback(host) else {
      throw ZeroMQError(
        refusing: endpoint,
        because: "without CURVE keys only a loopback address (127.0.0.1 or [::1]) can be bound")
    }
  }

  /// - Throws: `ZeroMQError` for an unknown transport or a path that is too long.
  @discardableResult
  static func check(_ endpoint: String) throws(ZeroMQError) -> (
    transport: String, address: Substring
  ) {
    guard let separator = endpoint.firstRange(of: "://") else {
      throw ZeroMQError(
        refusing: endpoint, because: "expected tcp://ADDRESS:PORT, ipc://PATH or inproc://NAME")
    }
    let transport = String(endpoint[..<separator.lowerBound])
    let address = endpoint[separator.upperBound...]
    guard ["tcp", "ipc", "inproc"].contains(transport) else {
      throw ZeroMQError(
        refusing: endpoint,
        because: "unknown transport '\(transport)'; there are tcp, ipc and inproc")
    }
    guard !address.isEmpty else {
      throw ZeroMQError(refusing: endpoint, because: "nothing follows '\(transport)://'")
    }
    if transport == "ipc", address.utf8.count > longestPath {
      throw ZeroMQError(
        refusing: endpoint,
        because:
          "the path has \(address.utf8.count) bytes; a Unix socket's has at most \(longestPath)")
    }
    return (transport, address)
  }

  /// The socket file of an `ipc` endpoint; empty for others.
  static func path(of endpoint: String) -> String {
    endpoint.hasPrefix("ipc://") ? String(endpoint.dropFirst("ipc://".count)) : ""
  }

  /// Tells one socket file from another at the same path; nil where there is none.
  static func inode(of endpoint: String) -> UInt? {
    var status = stat()
    return stat(path(of: endpoint), &status) == 0 ? UInt(status.st_ino) : nil
  }

  /// Whether somebody accepts connections at a socket file. ZeroMQ would take the path over; of a process that ended
  /// without removing its file that is right.
  private static func isAnswered(path: Substring) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { _ = close(descriptor) }
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  /// Whether an endpoint is one that only processes of this machine reach.
  static func isLocal(_ endpoint: String) -> Bool {
    guard endpoint.hasPrefix("tcp://") else { return true }
    let address = endpoint.dropFirst("tcp://".count)
    return isLoopback(address[..<(address.lastIndex(of: ":") ?? address.endIndex)])
  }

  private static func isLoopback(_ host: Substring) -> Bool {
    if host == "[::1]" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}
