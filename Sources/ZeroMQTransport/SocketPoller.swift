import CZeroMQ
import Executors
import Glibc
import Synchronization

/// The actor that owns a socket. Its executor's thread calls these between jobs.
protocol SocketOwner: AnyObject, Sendable {
  /// What to wait for now.
  nonisolated func interest() -> SocketInterest
  /// Called after each wait.
  ///
  /// - Parameter connectionsChanged: Whether the socket may have events of its connections: then they must all be
  ///   asked for.
  nonisolated func serviceSocket(connectionsChanged: Bool)
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

  private enum State: Int, AtomicRepresentable {
    case awake
    /// The thread waits, or is about to: it must be woken through the eventfd.
    case asleep
    /// There was a wake-up that no wait has ended with yet.
    case called
  }

  let socket: ZeroMQSocket
  /// An eventfd: any thread makes it readable to end the wait.
  private let wake: Int32
  private let state = Atomic(State.awake)
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
    guard state.exchange(.called, ordering: .acquiringAndReleasing) == .asleep else { return }
    var one: UInt64 = 1
    _ = write(wake, &one, 8)
  }

  func wait() {
    // The owner must not be kept alive by a thread that may wait for ever.
    let interest = currentOwner?.interest() ?? SocketInterest()
    let isCalled = !state.compareExchange(
      expected: .awake, desired: .asleep, ordering: .acquiringAndReleasing
    ).exchanged
    let timeout = isCalled || isReady(for: interest) ? 0 : milliseconds(until: interest.deadline)
    // zmq_poll would ask each socket several times over.
    var items = [wake, socket.descriptor, socket.eventDescriptor].map {
      pollfd(fd: $0 ?? -1, events: Int16(POLLIN), revents: 0)
    }
    poll(&items, nfds_t(items.count), Int32(timeout))
    // From here on the owner sees whatever led to a wake-up before.
    _ = state.exchange(.awake, ordering: .acquiringAndReleasing)
    if items[0].revents != 0 {
      var count: UInt64 = 0
      _ = read(wake, &count, 8)
    }
    // Quiets the descriptor, whether or not the owner wants to receive.
    if items[1].revents != 0 { _ = socket.isReady(reading: true, writing: true) }
    currentOwner?.serviceSocket(connectionsChanged: items[2].revents != 0)
  }

  /// Whether there is no need to wait. What was there before is not told by the descriptor again.
  private func isReady(for interest: SocketInterest) -> Bool {
    if socket.isDrained || !(interest.reading || interest.writing) { return false }
    return socket.isReady(reading: interest.reading, writing: interest.writing)
  }

  private var currentOwner: (any SocketOwner)? { owner.withLock { $0.owner } }

  /// −1 to wait for ever; rounded up, so that a deadline has passed when the wait is over.
  private func milliseconds(until deadline: ContinuousClock.Instant?) -> Int {
    guard let deadline else { return -1 }
    let left = (deadline - .now) / Duration.milliseconds(1)
    return max(0, Int(left.rounded(.up)))
  }
}
