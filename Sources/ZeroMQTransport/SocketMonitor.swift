import CZeroMQ
import Glibc

/// Reports what happens to a socket's connections and listeners. It belongs to whoever owns the
/// socket.
final class SocketMonitor {
  enum Event {
    /// A connection is ready for messages.
    case connected
    /// A connection is lost, and all that was on its way.
    case disconnected
    /// The other side does not accept the key of this one.
    case refused
    /// One side has keys and the other has none.
    case mismatched
    /// A connection ended before the sides had agreed on it: as it does where the other one holds another secret key than
    /// it should, or where something between them accepts connections for nobody.
    case abandoned
    /// A listener is gone.
    case closed(endpoint: String)
  }

  private static let wanted =
    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED
    | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
    | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL

  /// A PAIR socket that becomes readable with an event.
  let handle: UnsafeMutableRawPointer
  /// Becomes readable when there is something new; then `next` must be asked until it has nothing.
  let descriptor: Int32
  private let watched: UnsafeMutableRawPointer
  private let part = MessagePart()

  init(_ watched: UnsafeMutableRawPointer, _ context: ZeroMQContext) throws(ZeroMQError) {
    self.watched = watched
    let address = "inproc://recap-monitor-\(UInt(bitPattern: watched))"
    guard zmq_socket_monitor(watched, address, Self.wanted) == 0 else {
      throw ZeroMQError("watch", address)
    }
    guard let handle = zmq_socket(context.handle, ZMQ_PAIR) else {
      throw ZeroMQError("watch", address)
    }
    self.handle = handle
    descriptor = socketOption(ZMQ_FD, of: handle)
    guard zmq_connect(handle, address) == 0 else { throw ZeroMQError("watch", address) }
    // Only who found nothing to receive is told when there is something; nothing has happened yet.
    _ = part.receive(from: handle)
  }

  // The watched socket is still open: its owner lets go of the monitor first.
  deinit {
    zmq_socket_monitor(watched, nil, 0)
    zmq_close(handle)
  }

  /// The next event; nil when there is none.
  func next() -> Event? {
    // Two parts: the event's number (16 bits) and value, then the endpoint that it is about.
    while part.receive(from: handle) {
      guard part.hasMoreParts, part.bytes.count >= 6 else { return nil }
      let number = part.bytes.loadUnaligned(as: UInt16.self)
      let value = part.bytes.loadUnaligned(fromByteOffset: 2, as: Int32.self)
      guard part.receive(from: handle) else { return nil }
      switch Int32(number) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected
      case ZMQ_EVENT_DISCONNECTED: return .disconnected
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return .refused
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
      where value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return .mismatched
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return .abandoned
      case ZMQ_EVENT_CLOSED:
        return .closed(endpoint: String(decoding: part.bytes, as: UTF8.self))
      default: continue
      }
    }
    return nil
  }
}
