import CZeroMQ
import Executors
import Glibc

/// The process's share of ZeroMQ: its I/O thread, and the name space of `inproc` endpoints.
///
/// Sockets keep their context alive; when the last is gone it is terminated, which waits for what
/// they still send, at most `lingerMilliseconds`.
public final class ZeroMQContext: @unchecked Sendable {
  // Sendable because libzmq's contexts may be used from any thread.
  let handle: UnsafeMutableRawPointer
  /// How long a closed socket may go on sending.
  static let lingerMilliseconds: Int32 = 200

  /// The one that a process normally uses.
  public static let shared = ZeroMQContext()

  private let whenTerminated: @Sendable () -> Void
  private let doorkeepers = Locked(WeakDoorkeeper())

  private struct WeakDoorkeeper { weak var doorkeeper: Doorkeeper? }

  /// A context of its own, for tests and embedding.
  public convenience init() { self.init(whenTerminated: {}) }

  init(whenTerminated: @escaping @Sendable () -> Void) {
    self.whenTerminated = whenTerminated
    guard let handle = zmq_ctx_new() else {
      preconditionFailure("zmq_ctx_new: \(ZeroMQError("", ""))")
    }
    self.handle = handle
  }

  /// The one that decides about this context's protected sockets, who keep it alive.
  func doorkeeper() throws -> Doorkeeper {
    try doorkeepers.withLock {
      if let doorkeeper = $0.doorkeeper { return doorkeeper }
      let doorkeeper = try Doorkeeper(in: self)
      $0.doorkeeper = doorkeeper
      return doorkeeper
    }
  }

  deinit {
    while zmq_ctx_term(handle) != 0 && errno == EINTR {}
    whenTerminated()
  }
}

/// A ZeroMQ call that failed, or an endpoint that cannot be used.
public struct ZeroMQError: Error, Equatable, CustomStringConvertible {
  /// What went wrong, for people.
  public let description: String

  /// An endpoint that is refused before any call.
  init(refusing endpoint: String, because reason: String) {
    description = "'\(endpoint)': \(reason)"
  }

  /// The calling thread's last error.
  init(_ operation: String, _ endpoint: String) {
    description = "cannot \(operation) '\(endpoint)': \(String(cString: zmq_strerror(zmq_errno())))"
  }
}
