import CZeroMQ
import Executors
import Glibc

/// The actor that owns a socket. Its executor's thread calls these between jobs.
protocol SocketOwner: AnyObject, Sendable {
  /// What to wait for now.
  nonisolated func interest() -> SocketInterest
  /// Called after each look at the socket.
  nonisolated func serviceSocket()
}

/// What a socket's owner waits for.
struct SocketInterest {
  var reading = false
  var writing = false
  /// The latest time at which it wants to be called.
  var deadline: ContinuousClock.Instant?
}

/// Lets a socket actor's thread wait for jobs, the socket and deadlines at the same time.
final class SocketPoller: ThreadWait, Sendable {
  private struct WeakOwner {
    weak var owner: (any SocketOwner)?
  }

  let socket: ZeroMQSocket
  /// An eventfd: any thread makes it readable to end the wait.
  private let wake: Int32
  private let owner = Locked(WeakOwner())

  init(_ socket: ZeroMQSocket) throws(ZeroMQError) {
    self.socket = socket
    wake = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    guard wake >= 0 else { throw ZeroMQError("open", "eventfd") }
  }

  // The executor's thread has ended, or never begun: nobody uses the socket any more.
  deinit {
    socket.close()
    Glibc.close(wake)
  }

  /// Begins to serve the owner, who is kept alive by others.
  func attach(_ owner: some SocketOwner) {
    self.owner.withLock { $0.owner = owner }
    wakeUp()
  }

  func wakeUp() {
    var one: UInt64 = 1
    _ = write(wake, &one, 8)
  }

  func wait(mayBlock: Bool) {
    // The owner must not be kept alive by a thread that may wait for ever.
    let interest = currentOwner?.interest() ?? SocketInterest()
    var items = [zmq_pollitem_t(socket: nil, fd: wake, events: Int16(ZMQ_POLLIN), revents: 0)]
    let events = (interest.reading ? ZMQ_POLLIN : 0) | (interest.writing ? ZMQ_POLLOUT : 0)
    if let handle = socket.eventHandle {
      items.append(zmq_pollitem_t(socket: handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
    }
    if let handle = socket.handle, events != 0 {
      items.append(zmq_pollitem_t(socket: handle, fd: 0, events: Int16(events), revents: 0))
    }
    zmq_poll(&items, Int32(items.count), mayBlock ? milliseconds(until: interest.deadline) : 0)
    if items[0].revents != 0 {
      var count: UInt64 = 0
      _ = read(wake, &count, 8)
    }
    currentOwner?.serviceSocket()
  }

  private var currentOwner: (any SocketOwner)? { owner.withLock { $0.owner } }

  /// −1 to wait for ever; rounded up, so that a deadline has passed when the wait is over.
  private func milliseconds(until deadline: ContinuousClock.Instant?) -> Int {
    guard let deadline else { return -1 }
    let left = (deadline - .now) / Duration.milliseconds(1)
    return max(0, Int(left.rounded(.up)))
  }
}
