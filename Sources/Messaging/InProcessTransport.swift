/// Clients and a server in one process, without sockets: messages are encoded and decoded as on the
/// wire, and on request lost, repeated and delayed as on a bad one.
public final class InProcessTransport: Sendable {
  private let link: InProcessServer
  private let faults: FaultPlan?
  private let clock: any Clock<Duration>

  /// - Parameters:
  ///   - faults: What happens to messages on their way; nil for nothing.
  ///   - maximumInFlight: The largest number of handlers at work; further requests wait.
  ///   - clock: Measures time-outs and delays.
  public init(
    faults: FaultPlan? = nil, maximumInFlight: Int = 256,
    clock: any Clock<Duration> = ContinuousClock()
  ) {
    link = InProcessServer(maximumInFlight: maximumInFlight)
    self.faults = faults
    self.clock = clock
  }

  /// The answering side. As with sockets, requests wait while it does not run, and it may run again
  /// after an end.
  public var server: any RequestServer { link }

  /// A new asking side.
  public func connect() -> any RequestClient {
    InProcessClient(server: link, faults: faults, clock: clock)
  }
}

actor InProcessServer: RequestServer {
  struct Delivery: Sendable {
    var id: String
    var frames: [Frame]
    var client: InProcessClient
  }

  private let maximumInFlight: Int
  private var inbox: [Delivery] = []
  private var isServing = false
  private var taker: CheckedContinuation<Delivery?, Never>?

  init(maximumInFlight: Int) { self.maximumInFlight = maximumInFlight }

  func serve(_ router: RequestRouter) async throws {
    precondition(!isServing, "a server serves one router at a time")
    isServing = true
    defer { isServing = false }
    await withTaskGroup(of: Void.self) { group in
      var unfinished = 0
      while let delivery = await next() {
        group.addTask {
          guard let answer = await router.respond(to: delivery.frames) else { return }
          await delivery.client.receive(answer)
        }
        unfinished += 1
        // Ended handlers count until they are collected here, so their number is bounded too.
        if unfinished == maximumInFlight {
          await group.next()
          unfinished -= 1
        }
      }
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  func put(_ delivery: Delivery) {
    if let taker {
      self.taker = nil
      taker.resume(returning: delivery)
    } else {
      inbox.append(delivery)
    }
  }

  /// Forgets a request that nobody waits for any more.
  func withdraw(_ id: String) { inbox.removeAll { $0.id == id } }

  /// The next request; nil when the serving task is cancelled.
  private func next() async -> Delivery? {
    if Task.isCancelled { return nil }
    if !inbox.isEmpty { return inbox.removeFirst() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { taker = $0 }
    } onCancel: {
      Task { await self.stopTaking() }
    }
  }

  private func stopTaking() {
    taker?.resume(returning: nil)
    taker = nil
  }
}

actor InProcessClient: RequestClient {
  private struct Waiting {
    var continuation: CheckedContinuation<WireMessage, any Error>
    var timer: Task<Void, Never>
  }

  private let server: InProcessServer
  private let clock: any Clock<Duration>
  private var faults: FaultInjector
  private var waiting: [String: Waiting] = [:]
  private var requests = 0
  private var isClosed = false

  init(server: InProcessServer, faults: FaultPlan?, clock: any Clock<Duration>) {
    self.server = server
    self.faults = FaultInjector(plan: faults ?? FaultPlan(seed: 0))
    self.clock = clock
  }

  func send<R: Request>(_ request: R, frames: [Frame], timeout: Duration) async throws
    -> Envelope<R.Reply>
  {
    requests += 1
    // The object's identity tells the clients of one server apart.
    let id = "\(UInt(bitPattern: ObjectIdentifier(self).hashValue))-\(requests)"
    let message = try WireCodec.encode(
      id: id, type: R.type, kind: .request, body: request, frames: frames)
    let answer: WireMessage = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        if isClosed { return continuation.resume(throwing: RequestError.closed) }
        if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
        let timer = Task { [clock, weak self] in
          guard (try? await clock.sleep(for: timeout)) != nil else { return }
          await self?.end(
            id, with: .failure(RequestError.timeout(type: R.type, seconds: timeout.seconds)))
        }
        waiting[id] = Waiting(continuation: continuation, timer: timer)
        carry { [server] in
          await server.put(InProcessServer.Delivery(id: id, frames: message, client: self))
        }
      }
    } onCancel: {
      Task { await self.end(id, with: .failure(CancellationError())) }
    }
    return try answer.reply(to: R.self)
  }

  func close() {
    isClosed = true
    for id in waiting.keys { end(id, with: .failure(RequestError.closed)) }
  }

  /// An answer from the server, which may be lost or repeated on its way.
  func receive(_ frames: [Frame]) {
    carry { await self.accept(frames) }
  }

  private func accept(_ frames: [Frame]) {
    do {
      let message = try WireCodec.decode(frames)
      end(message.id, with: .success(message))
    } catch {
      end(error.id, with: .failure(RequestError.malformed(error.reason)))
    }
  }

  /// Ends a request once; a second answer finds nothing.
  private func end(_ id: String, with result: Result<WireMessage, any Error>) {
    guard let entry = waiting.removeValue(forKey: id) else { return }
    entry.timer.cancel()
    entry.continuation.resume(with: result)
    Task { [server] in await server.withdraw(id) }
  }

  /// Carries a message as often and as late as the fault plan has it.
  private func carry(_ delivery: @escaping @Sendable () async -> Void) {
    for delay in faults.nextFate() {
      Task { [clock] in
        if delay > .zero { try? await clock.sleep(for: delay) }
        await delivery()
      }
    }
  }
}

extension Duration {
  /// Seconds, as a floating-point number.
  package var seconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
