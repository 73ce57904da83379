import Glibc
import Messaging

// What an endpoint has to do with sockets that are there.

extension Endpoint {
  /// - Parameter mayBeReached: Whether it may be an address that other machines reach.
  /// - Throws: `ZeroMQError` for an endpoint that cannot be bound, a path at which another process listens, or an address
  ///   that other machines reach: without keys anybody there could give orders.
  static func checkBinding(
    _ text: String, mayBeReached: Bool = false
  ) throws(ZeroMQError) {
    let endpoint = try check(text, for: .listening)
    if endpoint.transport == .ipc, isAnswered(path: endpoint.address) {
      throw ZeroMQError(
        refusing: text, because: "another process listens there; end it, or choose another path"
      )
    }
    guard mayBeReached || endpoint.isLocal else {
      throw ZeroMQError(
        refusing: text,
        because: "without CURVE keys only a loopback address (127.0.0.1 or [::1]) can be bound")
    }
  }

  /// - Throws: `ZeroMQError` for an endpoint that cannot be used so.
  @discardableResult
  static func check(_ text: String, for use: Use) throws(ZeroMQError) -> Endpoint {
    do {
      return try Endpoint(text, for: use)
    } catch {
      throw ZeroMQError(refusing: error.endpoint, because: error.reason)
    }
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
  private static func isAnswered(path: String) -> Bool {
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
}
