import CZeroMQ
import Glibc
import Messaging

// This file and `ZeroMQSocket.swift` are where memory passes between Swift and libzmq.

/// Room for one part of a message at a time, which a socket's owner receives into again and again.
final class MessagePart {
  private let message: UnsafeMutablePointer<zmq_msg_t>

  init() {
    message = .allocate(capacity: 1)
    zmq_msg_init(message)
  }

  deinit {
    zmq_msg_close(message)
    message.deallocate()
  }

  /// Takes the next part off a socket.
  ///
  /// - Returns: False when there is none, or the call failed; `zmq_errno` tells.
  func receive(from socket: UnsafeMutableRawPointer) -> Bool {
    zmq_msg_recv(message, socket, ZMQ_DONTWAIT) >= 0
  }

  /// Whom the connection's handshake has proved, as the doorkeeper named it; nil where nobody asked.
  var user: String? { zmq_msg_gets(message, "User-Id").map { String(cString: $0) } }

  var hasMoreParts: Bool { zmq_msg_more(message) != 0 }

  /// The bytes, as long as nothing else is received.
  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
  }

  /// The part as a frame: a large one keeps libzmq's buffer, and of a small one a copy costs less.
  func takeFrame() -> Frame {
    bytes.count < Frame.zeroCopyBytes
      ? Frame([UInt8](bytes)) : Frame(ReceivedMessage(taking: message))
  }
}

/// A received frame, read in place: it owns its `zmq_msg_t` and closes it with its last reference.
private final class ReceivedMessage: FrameStorage, @unchecked Sendable {
  // Sendable because nothing writes to the message once it is received, and libzmq frees it from
  // any thread.
  private let message: UnsafeMutablePointer<zmq_msg_t>
  private let content: UnsafeRawBufferPointer

  /// Takes over what is in `other`, which is empty afterwards.
  init(taking other: UnsafeMutablePointer<zmq_msg_t>) {
    message = .allocate(capacity: 1)
    zmq_msg_init(message)
    zmq_msg_move(message, other)
    content = UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
  }

  deinit {
    zmq_msg_close(message)
    message.deallocate()
  }

  var count: Int { content.count }
  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(content)
  }
}

extension Frame {
  /// From this size on, libzmq and a frame share the memory instead of copying it.
  fileprivate static let zeroCopyBytes = 16 << 10

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
