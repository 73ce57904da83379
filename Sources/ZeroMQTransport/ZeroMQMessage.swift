import CZeroMQ
import Glibc
import Messaging

// This file and `ZeroMQSocket.swift` are where memory passes between Swift and libzmq.

/// A received frame, read in place: it owns its `zmq_msg_t` and closes it with its last reference.
final class ReceivedMessage: FrameStorage, @unchecked Sendable {
  // Sendable because nothing writes to the message once it is received, and libzmq frees it from
  // any thread.
  private let message: UnsafeMutablePointer<zmq_msg_t>
  private let content: UnsafeRawBufferPointer

  /// Takes the next part off a socket.
  ///
  /// - Returns: nil when there is none, or the call failed; `zmq_errno` tells.
  init?(from socket: UnsafeMutableRawPointer) {
    message = .allocate(capacity: 1)
    zmq_msg_init(message)
    guard zmq_msg_recv(message, socket, ZMQ_DONTWAIT) >= 0 else {
      content = UnsafeRawBufferPointer(start: nil, count: 0)
      return nil
    }
    content = UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
  }

  deinit {
    // Closing leaves the calling thread's errno to whoever asked for it.
    let code = errno
    zmq_msg_close(message)
    message.deallocate()
    errno = code
  }

  /// Whom the connection's handshake has proved, as the doorkeeper named it; nil where nobody asked.
  var user: String? { zmq_msg_gets(message, "User-Id").map { String(cString: $0) } }

  var hasMoreParts: Bool { zmq_msg_more(message) != 0 }
  var count: Int { content.count }
  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(content)
  }
}

extension Frame {
  /// From this size on, libzmq reads the frame's own memory instead of a copy.
  private static let zeroCopyBytes = 16 << 10

  /// Sends the frame as one part, without waiting.
  ///
  /// - Returns: Whether libzmq took it; `zmq_errno` tells why not.
  func send(to socket: UnsafeMutableRawPointer, more: Bool) -> Bool {
    let flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)
    guard count >= Frame.zeroCopyBytes else {
      return withUnsafeBytes { zmq_send(socket, $0.baseAddress, $0.count, flags) >= 0 }
    }
    // The message keeps the frame's storage alive, whose address does not change, until libzmq's
    // I/O thread has sent it and calls back.
    let owner = Unmanaged.passRetained(FrameOwner(frame: self))
    var message = zmq_msg_t()
    let failure = withUnsafeBytes {
      zmq_msg_init_data(
        &message, UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count,
        { _, owner in Unmanaged<FrameOwner>.fromOpaque(owner!).release() }, owner.toOpaque())
    }
    guard failure == 0 else {
      owner.release()
      return false
    }
    if zmq_msg_send(&message, socket, flags) >= 0 { return true }
    let code = errno
    zmq_msg_close(&message)
    errno = code
    return false
  }
}

private final class FrameOwner {
  let frame: Frame
  init(frame: Frame) { self.frame = frame }
}
