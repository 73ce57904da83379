import Foundation
import HTTPService

/// A client that sends whatever bytes it is told to, over a real socket, and reads until the server closes.
enum RawClient {
  /// Opens a connection.
  static func connect(port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw POSIXError(.ECONNREFUSED) }
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    return descriptor
  }

  static func send(_ text: String, on descriptor: Int32) {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return }
      sent += count
    }
  }

  /// Everything until the server closes, or until `end` has come; nil where ten seconds pass before.
  static func read(from descriptor: Int32, until end: String? = nil) -> String? {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count == 0 { return String(decoding: all, as: UTF8.self) }
      if count < 0 { return errno == ECONNRESET ? String(decoding: all, as: UTF8.self) : nil }
      all += buffer[..<count]
      if let end, String(decoding: all, as: UTF8.self).contains(end) {
        return String(decoding: all, as: UTF8.self)
      }
    }
  }

  /// Sends, and reads until the server closes or `end` has come. On a thread of its own: the server shares the pool
  /// that tasks and dispatch queues have.
  static func exchange(_ text: String, port: Int, until end: String? = nil) async throws -> String?
  {
    try await withCheckedThrowingContinuation { done in
      Thread.detachNewThread {
        done.resume(
          with: Result {
            let descriptor = try connect(port: port)
            defer { close(descriptor) }
            send(text, on: descriptor)
            return read(from: descriptor, until: end)
          })
      }
    }
  }
}

/// Runs a server around `body` and stops it cleanly afterwards.
func withServer(
  _ routes: HTTPRoutes, limits: HTTPLimits = HTTPLimits(),
  _ body: @Sendable (Int) async throws -> Void
) async throws {
  let server = try await HTTPServer.bind(host: "127.0.0.1", port: 0, limits: limits)
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await server.run(routes) }
    defer { group.cancelAll() }
    try await body(server.port)
  }
}
