import CZeroMQ
import Glibc
import Messaging

/// A libzmq socket.
final class ZeroMQSocket: @unchecked Sendable {
  // Sendable by confinement: it is made on one thread and handed to its executor's thread once,
  // through a lock; from then on only that thread uses it. `SocketPoller` closes it there.
  enum Kind {
    /// DEALER
    case client
    /// ROUTER
    case server
  }

  enum SendOutcome: Equatable {
    case sent
    /// There is no room, or nobody is connected: try again later.
    case blocked
    /// The receiver is gone for good.
    case unreachable
  }

  /// How connections are protected.
  enum Protection {
    /// Not at all.
    case none
    /// By the server's pair, and the doorkeeper's word for `domain`.
    case server(KeyPair, domain: String)
    case client(ClientKeys)
  }

  /// A message's frames, and whom its connection has proved.
  struct Received {
    var frames: [Frame]
    var user: String?
  }

  /// The largest frame that is accepted, in bytes.
  static let maximumFrameBytes: Int64 = 1 << 30
  /// Messages that libzmq queues for each connection and direction: enough that the threads on both sides of a queue
  /// work on many at a time, few enough for the memory that large frames would take.
  private static let queueLength: Int32 = 128

  private let context: ZeroMQContext
  private(set) var handle: UnsafeMutableRawPointer?
  private var monitor: SocketMonitor?
  private let part = MessagePart()
  private let isProtected: Bool
  /// Whether there was nothing to receive when libzmq was asked last, which is at every use of the socket.
  private(set) var isDrained = false
  private var bindings: [Binding] = []

  /// A bound endpoint, and the socket file's inode where there is one.
  private struct Binding {
    var endpoint: String
    var inode: UInt?
  }

  init(
    _ kind: Kind, in context: ZeroMQContext, protection: Protection = .none
  ) throws(ZeroMQError) {
    self.context = context
    let type = kind == .client ? ZMQ_DEALER : ZMQ_ROUTER
    guard let handle = zmq_socket(context.handle, type) else {
      throw ZeroMQError("open a socket", "\(kind)")
    }
    self.handle = handle
    if case .none = protection { isProtected = false } else { isProtected = true }
    monitor = try SocketMonitor(handle, context)
    set(ZMQ_LINGER, ZeroMQContext.lingerMilliseconds)
    set(ZMQ_SNDHWM, Self.queueLength)
    set(ZMQ_RCVHWM, Self.queueLength)
    set(ZMQ_MAXMSGSIZE, Self.maximumFrameBytes)
    // Finds tcp connections whose other end vanished without a word, within half a minute. ZeroMQ's
    // own heartbeats (ZMQ_HEARTBEAT_IVL) would do, but libzmq aborts the process when one is due on
    // a connection that broke while its messages waited to be read ("!_io_error" in
    // stream_engine_base.cpp, as of 4.3.5): a client that floods the server and dies would take it
    // along.
    set(ZMQ_TCP_KEEPALIVE, Int32(1))
    set(ZMQ_TCP_KEEPALIVE_IDLE, Int32(15))
    set(ZMQ_TCP_KEEPALIVE_INTVL, Int32(5))
    set(ZMQ_TCP_KEEPALIVE_CNT, Int32(3))
    set(ZMQ_TCP_MAXRT, Int32(30_000))
    switch kind {
    case .client:
      // Requests wait with their callers, where time-outs and cancellation reach them, rather than
      // in a queue for a connection that may never come.
      set(ZMQ_IMMEDIATE, Int32(1))
      set(ZMQ_RECONNECT_IVL, Int32(20))
      set(ZMQ_RECONNECT_IVL_MAX, Int32(1_000))
    case .server:
      // Says when a client is gone or its queue is full, instead of dropping answers silently.
      set(ZMQ_ROUTER_MANDATORY, Int32(1))
    }
    protect(protection)
  }

  private func protect(_ protection: Protection) {
    // A side that is told "later" hears nothing more, and begins anew when this is over.
    if case .none = protection {} else { set(ZMQ_HANDSHAKE_IVL, Int32(5_000)) }
    switch protection {
    case .none: break
    case .server(let pair, let domain):
      set(ZMQ_CURVE_SERVER, Int32(1))
      set(ZMQ_CURVE_SECRETKEY, text: pair.secretKey.rawValue)
      // libzmq asks the doorkeeper. Without one it would let everybody in: the server keeps its own alive.
      set(ZMQ_ZAP_DOMAIN, text: domain)
    case .client(let keys):
      set(ZMQ_CURVE_SERVERKEY, text: keys.server.rawValue)
      set(ZMQ_CURVE_PUBLICKEY, text: keys.pair.publicKey.rawValue)
      set(ZMQ_CURVE_SECRETKEY, text: keys.pair.secretKey.rawValue)
    }
  }

  deinit { close() }

  /// Connects, now or as soon as somebody is there.
  func connect(_ endpoint: String) throws(ZeroMQError) {
    try Endpoint.check(endpoint, for: .connecting)
    guard zmq_connect(handle, endpoint) == 0 else { throw ZeroMQError("connect to", endpoint) }
  }

  /// Connects anew, where libzmq has given up: it tries again after a connection that broke, not after one that was refused.
  func reconnect(_ endpoint: String) throws(ZeroMQError) {
    zmq_disconnect(handle, endpoint)
    isDrained = false
    try connect(endpoint)
  }

  /// Binds an endpoint; a tcp port of `*` becomes a free one.
  /// - Returns: The endpoint with the port that was chosen.
  ///
  /// - Parameter mayBeReached: Whether it may be an address that other machines reach.
  func bind(_ endpoint: String, mayBeReached: Bool = false) throws(ZeroMQError) -> String {
    try Endpoint.checkBinding(endpoint, mayBeReached: mayBeReached)
    guard zmq_bind(handle, endpoint) == 0 else { throw ZeroMQError("bind", endpoint) }
    var name = [CChar](repeating: 0, count: 512)
    var length = name.count
    guard zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &name, &length) == 0 else {
      throw ZeroMQError("name the endpoint of", endpoint)
    }
    let bound = String(
      decoding: name.prefix(max(0, length - 1)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    bindings.append(Binding(endpoint: bound, inode: Endpoint.inode(of: bound)))
    return bound
  }

  /// Sends a message whole or not at all, without waiting.
  ///
  /// - Parameter address: Of a server: the routing identity of the connection.
  func send(_ frames: [Frame], to address: Frame? = nil) -> SendOutcome {
    guard let handle else { return .unreachable }
    // Sending takes notice of what libzmq has to tell, which may be that there is something to receive.
    isDrained = false
    // Refused at the first part, nothing was sent.
    if let address, !address.send(to: handle, more: true) { return Self.outcome(zmq_errno()) }
    var failure: Int32 = 0
    for (index, frame) in frames.enumerated() {
      if frame.send(to: handle, more: index < frames.count - 1) { continue }
      failure = zmq_errno()
      // Later, the connection broke: libzmq takes back what it has and swallows the remaining parts,
      // which must therefore be offered.
      if index == 0, address == nil { break }
    }
    return Self.outcome(failure)
  }

  private static func outcome(_ failure: Int32) -> SendOutcome {
    switch failure {
    case 0: .sent
    case EAGAIN, EINTR: .blocked
    default: .unreachable
    }
  }

  /// The next message; nil when there is none.
  func receive() -> Received? {
    guard let handle else { return nil }
    var frames: [Frame] = []
    frames.reserveCapacity(3)
    var user: String?
    // The parts of a message arrive together, so that none is missing once the first is there.
    while part.receive(from: handle) {
      // The parts of a message are of one connection; the routing identity, libzmq's own, does not say.
      if isProtected { user = user ?? part.user }
      let hasMoreParts = part.hasMoreParts
      frames.append(part.takeFrame())
      if !hasMoreParts { return Received(frames: frames, user: user) }
    }
    isDrained = true
    return nil
  }

  // MARK: Waiting

  /// Whether libzmq would give or take something now.
  ///
  /// Asking takes notice of what libzmq's threads have told the socket: only what they tell it later makes
  /// `descriptor` readable.
  func isReady(reading: Bool, writing: Bool) -> Bool {
    guard let handle else { return false }
    let events = socketOption(ZMQ_EVENTS, of: handle)
    isDrained = events & ZMQ_POLLIN == 0
    return reading && events & ZMQ_POLLIN != 0 || writing && events & ZMQ_POLLOUT != 0
  }

  /// A file descriptor that becomes readable when libzmq's threads have something to tell the socket; nil once it is closed.
  var descriptor: Int32? { handle == nil ? nil : openDescriptor }
  private lazy var openDescriptor = handle.map { socketOption(ZMQ_FD, of: $0) }

  /// As `descriptor`, for the events of the socket's connections.
  var eventDescriptor: Int32? { monitor?.descriptor }

  /// The next event of the socket's connections; nil when there is none.
  func nextEvent() -> SocketMonitor.Event? { monitor?.next() }

  /// Closes the socket; its endpoints can be bound anew on return.
  func close() {
    guard let handle else { return }
    for binding in bindings where zmq_unbind(handle, binding.endpoint) == 0 {
      awaitClosing(of: binding.endpoint)
      // libzmq leaves the file behind; ours to remove unless a successor has its own there.
      if let inode = binding.inode, inode == Endpoint.inode(of: binding.endpoint) {
        unlink(Endpoint.path(of: binding.endpoint))
      }
    }
    bindings = []
    monitor = nil
    zmq_close(handle)
    self.handle = nil
  }

  /// Waits until a listener is gone, one second at most: libzmq closes it on its own thread, and
  /// until then nobody else can bind its port.
  private func awaitClosing(of endpoint: String) {
    guard let monitor, !endpoint.hasPrefix("inproc:") else { return }
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(1)
    while clock.now < deadline {
      var item = zmq_pollitem_t(
        socket: monitor.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
      zmq_poll(&item, 1, 100)
      if case .closed(endpoint) = monitor.next() { return }
    }
  }

  private func set(_ option: Int32, _ value: some BitwiseCopyable) {
    var value = value
    let failure = zmq_setsockopt(handle, option, &value, MemoryLayout.size(ofValue: value))
    precondition(failure == 0, "\(ZeroMQError("set option \(option) of", "a socket"))")
  }

  private func set(_ option: Int32, text: String) {
    let failure = zmq_setsockopt(handle, option, text, text.utf8.count)
    precondition(failure == 0, "\(ZeroMQError("set option \(option) of", "a socket"))")
  }
}

/// The value of one of a socket's options.
func socketOption(_ option: Int32, of socket: UnsafeMutableRawPointer) -> Int32 {
  var (value, size): (Int32, Int) = (0, MemoryLayout<Int32>.size)
  let failure = zmq_getsockopt(socket, option, &value, &size)
  precondition(failure == 0, "\(ZeroMQError("get option \(option) of", "a socket"))")
  return value
}
