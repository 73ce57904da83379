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
    /// A listener is gone.
    case closed(endpoint: String)
  }

  private static let wanted =
    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED
    | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH

  /// A PAIR socket that becomes readable with an event.
  let handle: UnsafeMutableRawPointer
  private let watched: UnsafeMutableRawPointer

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
    guard zmq_connect(handle, address) == 0 else { throw ZeroMQError("watch", address) }
  }

  // The watched socket is still open: its owner lets go of the monitor first.
  deinit {
    zmq_socket_monitor(watched, nil, 0)
    zmq_close(handle)
  }

  /// The next event; nil when there is none.
  func next() -> Event? {
    // Two parts: the event's number (16 bits) and value, then the endpoint that it is about.
    while let event = ReceivedMessage(from: handle) {
      guard event.hasMoreParts, event.count >= 2, let endpoint = ReceivedMessage(from: handle)
      else { return nil }
      switch Int32(event.withUnsafeBytes { $0.loadUnaligned(as: UInt16.self) }) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected
      case ZMQ_EVENT_DISCONNECTED: return .disconnected
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return .refused
      case ZMQ_EVENT_CLOSED:
        return .closed(
          endpoint: endpoint.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
      default: continue
      }
    }
    return nil
  }
}
