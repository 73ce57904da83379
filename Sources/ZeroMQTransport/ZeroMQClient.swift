import Executors
import Messaging

/// The asking side of a connection over ZeroMQ (DEALER): any number of requests in flight, told
/// apart by their ids.
///
/// libzmq reconnects by itself, and requests that were on their way when a connection broke are
/// then sent again. While the other side is away, or slower than the requests come, messages wait
/// here with their callers: a caller's time-out or cancellation removes its message, so that
/// nothing piles up. `inproc` endpoints do not reconnect: a client must be made anew when their
/// server was.
public actor ZeroMQClient: RequestClient, SocketOwner {
  /// A request, from its caller to its answer.
  private final class Question: Sendable {
    let id: String
    let type: String
    let message: [Frame]
    let timeout: Duration
    let deadline: ContinuousClock.Instant
    let continuation: CheckedContinuation<WireMessage, any Error>

    init(
      id: String, type: String, message: [Frame], timeout: Duration,
      _ continuation: CheckedContinuation<WireMessage, any Error>
    ) {
      (self.id, self.type, self.message, self.timeout) = (id, type, message, timeout)
      deadline = .now + timeout
      self.continuation = continuation
    }
  }

  /// What callers have handed over and the socket's thread has not seen yet: cheaper than that each becomes a job of
  /// the actor.
  private enum Handover: Sendable {
    case ask(Question)
    case forget(id: String)
  }

  private let executor: ThreadExecutor
  private let endpoint: String
  private let socket: ZeroMQSocket
  private let poller: SocketPoller
  private let handovers = Locked<[Handover]>([])
  /// Tells this client's ids from those of others in logs.
  private let idPrefix = String(UInt32.random(in: 0 ... .max), radix: 16)
  private let requests = Locked(0)
  /// By id.
  private var waiting: [String: Question] = [:]
  /// Those whose messages libzmq has not taken yet, in order; some may have ended already.
  private var outbox: [Question] = []
  /// Whether messages would reach the other side; what is sent to a connection that is breaking is
  /// lost.
  private var isConnected: Bool
  /// Whether the other side has refused this one, and libzmq has therefore given up.
  private var isRefused = false
  /// Connections in a row that ended before the sides had agreed on them.
  private var abandoned = 0
  private let isProtected: Bool
  /// At or before the earliest deadline of `waiting`.
  private var nextDeadline: ContinuousClock.Instant?
  private var isClosed = false

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Begins to connect.
  ///
  /// - Parameters:
  ///   - endpoint: `tcp://ADDRESS:PORT`, `ipc://PATH` or `inproc://NAME`.
  ///   - keys: For a server whose connections are protected. Where it does not accept them, or has none itself, requests
  ///     throw `RequestError.refused`.
  ///   - context: The same as the server's, for `inproc`.
  /// - Throws: `ZeroMQError` for an endpoint that cannot be used.
  public init(
    endpoint: String, keys: ClientKeys? = nil, context: ZeroMQContext = .shared
  ) throws {
    self.endpoint = endpoint
    isProtected = keys != nil
    socket = try ZeroMQSocket(
      .client, in: context, protection: keys.map { .client($0) } ?? .none)
    try socket.connect(endpoint)
    // Connections inside the process have no events: they hold as long as the server lives.
    isConnected = endpoint.hasPrefix("inproc:")
    poller = try SocketPoller(socket)
    executor = ThreadExecutor(name: "zmq-client", wait: poller)
    poller.attach(self)
  }

  public nonisolated func send<R: Request>(
    _ request: R, frames: [Frame], timeout: Duration
  ) async throws -> Envelope<R.Reply> {
    let number = requests.withLock { count in
      count += 1
      return count
    }
    let id = "\(idPrefix)-\(number)"
    let message = try WireCodec.encode(
      id: id, type: R.type, kind: .request, body: request, frames: frames)
    return try await exchange(message, id: id, type: R.type, timeout: timeout).reply(to: R.self)
  }

  /// Closes the connection; waiting requests throw `RequestError.closed`.
  public func close() {
    takeHandovers()
    isClosed = true
    outbox = []
    for id in waiting.keys { end(id, with: .failure(RequestError.closed)) }
    socket.close()
  }

  private nonisolated func exchange(
    _ message: [Frame], id: String, type: String, timeout: Duration
  ) async throws -> WireMessage {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
        handOver(
          .ask(Question(id: id, type: type, message: message, timeout: timeout, continuation)))
        // Cancelled in between, it may have been told to forget what it had not got yet.
        if Task.isCancelled { handOver(.forget(id: id)) }
      }
    } onCancel: {
      handOver(.forget(id: id))
    }
  }

  private nonisolated func handOver(_ item: Handover) {
    let isFirst = handovers.withLock { items in
      items.append(item)
      return items.count == 1
    }
    if isFirst { poller.wakeUp() }
  }

  private func takeHandovers() {
    let items = handovers.withLock { items in
      defer { items = [] }
      return items
    }
    for item in items {
      switch item {
      case .ask(let question) where isClosed:
        question.continuation.resume(throwing: RequestError.closed)
      case .ask(let question):
        // The refusal may be older than this question, and the other side may have changed its mind.
        if isRefused { reconnect() }
        waiting[question.id] = question
        nextDeadline = min(nextDeadline ?? question.deadline, question.deadline)
        outbox.append(question)
      case .forget(let id):
        end(id, with: .failure(CancellationError()))
      }
    }
  }

  private func end(_ id: String, with result: Result<WireMessage, any Error>) {
    guard let question = waiting.removeValue(forKey: id) else { return }
    // Those that ended while nobody took them must not pile up.
    if outbox.count > 2 * waiting.count + 16 { outbox.removeAll { waiting[$0.id] == nil } }
    question.continuation.resume(with: result)
  }

  // MARK: The socket

  nonisolated func interest() -> SocketInterest {
    assumeIsolated { client in
      SocketInterest(
        reading: true, writing: client.isConnected && !client.outbox.isEmpty,
        deadline: client.nextDeadline)
    }
  }

  nonisolated func serviceSocket(connectionsChanged: Bool) {
    assumeIsolated { client in
      client.receive()
      if connectionsChanged { client.followConnection() }
      client.takeHandovers()
      client.flush()
      client.expire()
    }
  }

  /// Learns whether the connection holds. Once it is lost, so are the requests that were sent and
  /// not answered: they wait for the next one. Some may then arrive a second time, which is
  /// harmless.
  private func followConnection() {
    while let event = socket.nextEvent() {
      switch event {
      case .connected:
        isConnected = true
        abandoned = 0
      case .disconnected:
        isConnected = false
        let unsent = Set(outbox.map(\.id))
        outbox = waiting.values.filter { !unsent.contains($0.id) } + outbox
      case .refused:
        refuse(because: Self.noEntry)
      case .mismatched:
        refuse(because: isProtected ? Self.noLock : Self.noKey)
      case .abandoned:
        abandoned += 1
      case .closed:
        break
      }
    }
  }

  private func refuse(because reason: String) {
    isRefused = true
    for (id, question) in waiting {
      end(id, with: .failure(RequestError.refused(type: question.type, reason: reason)))
    }
  }

  /// What may be wrong while nobody answers; nil where nobody is there, or all is well.
  public func trouble() -> String? {
    abandoned < 2 ? nil : isProtected ? Self.otherLock : Self.dropped
  }

  private func reconnect() {
    isRefused = false
    try? socket.reconnect(endpoint)
  }

  private static let noEntry =
    "the other side does not accept this key: it was removed, or belongs to another run"
  private static let noKey = "the other side talks only to those who have a key, and none was given"
  private static let noLock =
    "the other side has no keys, and would talk to anybody; this one wants proof of who it is"
  private static let dropped = "somebody accepts connections there, and ends them at once"
  private static let otherLock =
    "\(dropped), as a coordinator does whose key is not the one that was given: that of another run, perhaps"

  private func flush() {
    guard isConnected else { return }
    var taken = 0
    while taken < outbox.count {
      let question = outbox[taken]
      if waiting[question.id] != nil, socket.send(question.message) != .sent { break }
      taken += 1
    }
    outbox.removeFirst(taken)
  }

  private func receive() {
    // Bounded, so that a flood of answers does not keep jobs waiting.
    for _ in 0..<256 {
      guard let frames = socket.receive()?.frames else { return }
      do {
        let message = try WireCodec.decode(frames)
        end(message.id, with: .success(message))
      } catch {
        end(error.id, with: .failure(RequestError.malformed(error.reason)))
      }
    }
  }

  private func expire() {
    let now = ContinuousClock.now
    guard let nextDeadline, nextDeadline <= now else { return }
    for (id, question) in waiting where question.deadline <= now {
      let seconds = question.timeout / .seconds(1)
      end(id, with: .failure(RequestError.timeout(type: question.type, seconds: seconds)))
    }
    self.nextDeadline = waiting.values.map(\.deadline).min()
  }
}
