import Executors
import Foundation

/// A client that sends whatever bytes it is told to. Waits on threads of their own: the server shares
/// the pool of tasks.
final class RawSocket: Sendable {
  struct Frame: Equatable {
    var opcode: UInt8
    var payload: [UInt8]
  }

  struct Closed: Error {}

  private let descriptor: Int32
  /// What has been read and belongs to the next frame.
  private let rest = Locked<[UInt8]>([])

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw POSIXError(.ECONNREFUSED) }
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  func close() { _ = Foundation.close(descriptor) }

  /// A whole frame as a client sends it.
  static func frame(
    opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isMasked: Bool = true
  ) -> [UInt8] {
    let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
    var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
    let mask: UInt8 = isMasked ? 0x80 : 0
    switch payload.count {
    case ..<126: bytes.append(mask | UInt8(payload.count))
    case ..<65_536:
      bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
    default:
      bytes.append(mask | 127)
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(payload.count >> shift & 0xff))
      }
    }
    guard isMasked else { return bytes + payload }
    return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
  }

  func send(_ bytes: [UInt8]) async throws {
    try await onThread {
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
          Foundation.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { throw Closed() }
        sent += count
      }
    }
  }

  /// Asks for a WebSocket and reads the agreement.
  func upgrade() async throws {
    try await send(
      Array(
        ("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").utf8
      ))
    try await onThread {
      var head: [UInt8] = []
      while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) { head += try self.read(1) }
      guard String(decoding: head, as: UTF8.self).hasPrefix("HTTP/1.1 101") else { throw Closed() }
    }
  }

  /// The server's next frame.
  func frame() async throws -> Frame {
    try await onThread {
      let head = try self.read(2)
      var count = Int(head[1] & 0x7f)
      if count >= 126 {
        count = try self.read(count == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
      }
      return Frame(opcode: head[0] & 0x0f, payload: try self.read(count))
    }
  }

  /// Reads frames until the server closes; the code of its good-bye, or nil without one.
  func closing() async throws -> Int? {
    var code: Int?
    while let frame = try? await frame() {
      if frame.opcode == 8, frame.payload.count >= 2 {
        code = Int(frame.payload[0]) << 8 | Int(frame.payload[1])
      }
    }
    return code
  }

  /// - Throws: `Closed` at the end, or where twenty seconds pass.
  private func read(_ count: Int) throws -> [UInt8] {
    try rest.withLock { rest in
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while rest.count < count {
        let got = recv(self.descriptor, &buffer, buffer.count, 0)
        guard got > 0 else { throw Closed() }
        rest += buffer[..<got]
      }
      let bytes = Array(rest.prefix(count))
      rest.removeFirst(count)
      return bytes
    }
  }

  private func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { done in
      Thread.detachNewThread { done.resume(with: Result(catching: body)) }
    }
  }
}
