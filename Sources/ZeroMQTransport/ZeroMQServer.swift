import Executors
import Messaging
import RecapAlgorithm

/// The answering side over ZeroMQ (ROUTER), on any number of endpoints.
///
/// It takes a bounded number of requests, and of bytes, off the socket at a time; the rest waits in
/// the senders' sockets, which stops the senders. An answer that its receiver does not take is
/// held, against the same bound, for a limited time.
public actor ZeroMQServer: RequestServer, SocketOwner {
  /// How much the server takes on at a time.
  public struct Limits: Hashable, Sendable {
    /// Requests taken and not answered yet. Requests for a job wait for long, so this is more than
    /// the workers: where all of them wait, heartbeats must still be heard.
    public var requests: Int
    /// Bytes of those requests.
    public var bytes: Int
    /// How long an answer is held for a receiver that does not take it.
    public var answerPatience: Duration

    public init(
      requests: Int = 16_384, bytes: Int = 256 << 20, answerPatience: Duration = .seconds(30)
    ) {
      self.requests = requests
      self.bytes = bytes
      self.answerPatience = answerPatience
    }
  }

  /// A request, from the socket to its answer.
  private final class Incoming: Sendable {
    /// The routing identity that ZeroMQ gave the connection.
    let address: Frame
    let peer: Peer
    let frames: [Frame]
    let bytes: Int

    init(address: Frame, peer: Peer, frames: [Frame]) {
      (self.address, self.peer, self.frames) = (address, peer, frames)
      bytes = frames.reduce(0) { $0 + $1.count }
    }
  }

  /// From this size on, in bytes, a request is read away from the socket's thread, which it would hold up.
  private static let largeRequest = 64 << 10

  private struct HeldAnswer {
    var address: Frame
    var frames: [Frame]
    var requestBytes: Int
    var deadline: ContinuousClock.Instant
  }

  /// The endpoints, with the ports that were chosen for `*`.
  public nonisolated let boundEndpoints: [String]
  private let executor: ThreadExecutor
  private let socket: ZeroMQSocket
  private let limits: Limits
  private let poller: SocketPoller
  /// Answers that the socket's thread has not seen yet: cheaper than that each becomes a job of the actor.
  private let handovers = Locked<[(Incoming, [Frame]?)]>([])
  /// Where connections are protected: who decides about them, and under which name.
  private let door: (keeper: Doorkeeper, domain: String)?

  private var isServing = false
  private var isClosed = false
  private var inbox: [Incoming] = []
  private var taker: CheckedContinuation<[Incoming], Never>?
  /// Requests taken off the socket whose answers libzmq does not have yet.
  private var requestsInFlight = 0
  private var bytesInFlight = 0
  private var heldAnswers: [HeldAnswer] = []

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Binds the endpoints; requests wait in the sockets until `serve` runs.
  ///
  /// - Parameters:
  ///   - endpoints: `tcp://127.0.0.1:PORT` (`*` for any free port), `ipc://PATH` or
  ///     `inproc://NAME`.
  ///   - trustsNetwork: Whether addresses that other machines reach may be bound without keys: whoever
  ///     reaches them can read the run and take part in it.
  ///   - keys: Protects all connections: only clients with a key that is let in are listened to, and
  ///     they know that they talk to the holder of the server's; then any address may be bound. Nil
  ///     for connections that anybody may make. `inproc` cannot be protected.
  ///   - context: Its `inproc` names are known to clients with the same context.
  /// - Throws: `ZeroMQError` for an endpoint that is taken, unknown, or open to other machines.
  public init(
    endpoints: [String], trustsNetwork: Bool = false, keys: ServerKeys? = nil,
    context: ZeroMQContext = .shared, limits: Limits = Limits()
  ) throws {
    let domain = "recap-\(UInt64.random(in: 0 ... .max))"
    door = try keys.map { keys in
      if let endpoint = endpoints.first(where: { $0.hasPrefix("inproc:") }) {
        throw ZeroMQError(refusing: endpoint, because: "connections within a process have no keys")
      }
      let keeper = try context.doorkeeper()
      keeper.open(domain, keys.admits)
      return (keeper, domain)
    }
    socket = try ZeroMQSocket(
      .server, in: context, protection: keys.map { .server($0.pair, domain: domain) } ?? .none)
    self.limits = limits
    let socket = socket
    boundEndpoints = try endpoints.map {
      try socket.bind($0, mayBeReached: trustsNetwork || keys != nil)
    }
    poller = try SocketPoller(socket)
    executor = ThreadExecutor(name: "zmq-server", wait: poller)
    poller.attach(self)
  }

  /// Answers requests until the task is cancelled, which cancels the handlers at work, or `close`
  /// is called. May be called again after it ended.
  public func serve(_ router: RequestRouter) async throws {
    precondition(!isServing, "a server serves one router at a time")
    isServing = true
    defer { isServing = false }
    await withDiscardingTaskGroup { group in
      while case let requests = await next(), !requests.isEmpty {
        for request in requests { begin(request, with: router, in: &group) }
      }
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  /// Stops serving and releases the endpoints: they can be bound anew on return.
  public func close() {
    takeHandovers()
    isClosed = true
    inbox = []
    heldAnswers = []
    stopTaking()
    socket.close()
    if let door { door.keeper.close(door.domain) }
  }

  // MARK: Requests

  /// All requests that have come since the last call, at least one; none when the task is cancelled or the server
  /// closed.
  private func next() async -> [Incoming] {
    if Task.isCancelled || isClosed { return [] }
    if !inbox.isEmpty { return takeInbox() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { taker = $0 }
    } onCancel: {
      Task { await self.stopTaking() }
    }
  }

  private func takeInbox() -> [Incoming] {
    defer { inbox = [] }
    return inbox
  }

  private func stopTaking() {
    taker?.resume(returning: [])
    taker = nil
  }

  /// A handler begins at once, on the socket's thread: most are done there, or wait for somebody soon. Not isolated, so
  /// that it goes on anywhere once it has waited.
  private nonisolated func begin(
    _ request: Incoming, with router: RequestRouter, in group: inout DiscardingTaskGroup
  ) {
    if request.bytes < Self.largeRequest {
      group.addImmediateTask { await self.respond(to: request, with: router) }
    } else {
      group.addTask { await self.respond(to: request, with: router) }
    }
  }

  private nonisolated func respond(to request: Incoming, with router: RequestRouter) async {
    handOver(request, await router.respond(to: request.frames, from: request.peer))
  }

  private nonisolated func handOver(_ request: Incoming, _ answer: [Frame]?) {
    let isFirst = handovers.withLock { answers in
      answers.append((request, answer))
      return answers.count == 1
    }
    if isFirst { poller.wakeUp() }
  }

  private func takeHandovers() {
    let answers = handovers.withLock { answers in
      defer { answers = [] }
      return answers
    }
    for (request, answer) in answers { self.answer(request, answer) }
  }

  private func answer(_ request: Incoming, _ answer: [Frame]?) {
    if let answer, socket.send(answer, to: request.address) == .blocked {
      heldAnswers.append(
        HeldAnswer(
          address: request.address, frames: answer, requestBytes: request.bytes,
          deadline: .now + limits.answerPatience))
    } else {
      // libzmq took it, or nobody is there to take it.
      forget(bytes: request.bytes)
    }
  }

  private func forget(bytes: Int) {
    requestsInFlight -= 1
    bytesInFlight -= bytes
  }

  // MARK: The socket

  private var hasRoom: Bool {
    requestsInFlight < limits.requests && bytesInFlight < limits.bytes
  }

  nonisolated func interest() -> SocketInterest {
    assumeIsolated { server in
      // A ROUTER does not say which receiver has room again, so held answers are tried at short
      // intervals.
      SocketInterest(
        reading: server.isServing && server.hasRoom,
        deadline: server.heldAnswers.isEmpty ? nil : .now + .milliseconds(2))
    }
  }

  nonisolated func serviceSocket(connectionsChanged: Bool) {
    assumeIsolated { server in
      // Connections come and go; libzmq says so when an answer is sent.
      if connectionsChanged { while server.socket.nextEvent() != nil {} }
      server.takeHandovers()
      server.retryHeldAnswers()
      server.receive()
    }
  }

  private func retryHeldAnswers() {
    guard !heldAnswers.isEmpty else { return }
    let now = ContinuousClock.now
    heldAnswers.removeAll { answer in
      let outcome = socket.send(answer.frames, to: answer.address)
      guard outcome != .blocked || answer.deadline <= now else { return false }
      forget(bytes: answer.requestBytes)
      return true
    }
  }

  /// Who sent a message; nil for nobody, which libzmq should not have let through.
  private func peer(of message: ZeroMQSocket.Received) -> Peer? {
    if door == nil { return .unnamed }
    return message.user.flatMap(PublicKey.init(rawValue:)).map { .key($0) }
  }

  private func receive() {
    guard isServing else { return }
    for _ in 0..<256 {
      guard hasRoom, var message = socket.receive() else { break }
      guard let peer = peer(of: message) else { continue }
      let address = message.frames.removeFirst()
      let request = Incoming(address: address, peer: peer, frames: message.frames)
      requestsInFlight += 1
      bytesInFlight += request.bytes
      inbox.append(request)
    }
    if let taker, !inbox.isEmpty {
      self.taker = nil
      taker.resume(returning: takeInbox())
    }
  }
}

extension ZeroMQServer {
  /// Whether only processes of this machine reach an endpoint, so that it needs no keys.
  public static func isLocal(_ endpoint: String) -> Bool {
    (try? Endpoint(endpoint, for: .listening))?.isLocal ?? false
  }
}
