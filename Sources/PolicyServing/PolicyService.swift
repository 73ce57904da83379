import Episodes
import Executors
import Policies

/// What answers batches of requests: a policy, or a stand-in for one.
public protocol RequestAnswering {
  /// - Returns: One answer a request, in order.
  func answers(to requests: [PolicyRequest]) throws -> [PolicyAnswer]
}

extension Policy: RequestAnswering {}

/// Answers the requests of many clients with few calls of a model.
///
/// The model computes on threads of its own, one for each lane, so that whoever waits for it blocks
/// nobody. Requests that come meanwhile are answered together by the next free lane.
public actor PolicyService {
  /// Makes a lane's model. Called once a lane, on its thread.
  public typealias ModelLoader = @Sendable () throws -> any RequestAnswering

  /// An answer and what it took.
  struct Served: Sendable {
    var answer: PolicyAnswer
    /// In the call of the model that answered it.
    var computing: Duration
    /// From the request to that call.
    var waiting: Duration
    /// Requests that were answered together.
    var batch: Int
  }

  /// A request that waits for its answer.
  private struct Pending {
    var request: PolicyRequest
    var asked: ContinuousClock.Instant
    var reply: CheckedContinuation<Served, any Error>
  }

  private let lanes: [ModelLane]
  private var freeLanes: [ModelLane]
  private var queue: BatchQueue
  private var pending: [BatchQueue.ClientID: Pending] = [:]
  private var lastClient = 0
  private let clock = ContinuousClock()
  /// Looks again when the queue's patience is over.
  private var alarm: Task<Void, Never>?

  /// - Parameters:
  ///   - lanes: Calls of the model at a time, each with its own copy of it.
  ///   - batchLimit: Requests in one call.
  ///   - patience: How long a request may wait for those of other clients that were back as soon as
  ///     that the last time.
  public init(
    lanes: Int = 1, batchLimit: Int = 32, patience: Duration = .milliseconds(2),
    _ load: @escaping ModelLoader
  ) {
    precondition(lanes > 0, "a service needs at least one lane")
    self.lanes = (0..<lanes).map { _ in ModelLane(load) }
    freeLanes = self.lanes
    queue = BatchQueue(limit: batchLimit, patience: patience)
  }

  /// Loads the model, so that the first client does not wait for it.
  public nonisolated func load() async throws {
    for lane in lanes { try await lane.load() }
  }

  /// Requests that no lane has taken yet.
  var waiting: Int { queue.count }

  /// A name for a client.
  func join() -> BatchQueue.ClientID {
    lastClient += 1
    return lastClient
  }

  /// Forgets a client.
  func leave(_ client: BatchQueue.ClientID) {
    queue.leave(client)
    pending.removeValue(forKey: client)?.reply.resume(throwing: CancellationError())
    dispatch()
  }

  /// Answers a request; one at a time for each client.
  ///
  /// - Throws: What the model throws about this request, and `CancellationError`.
  func answer(
    _ request: PolicyRequest, for client: BatchQueue.ClientID
  ) async throws -> Served {
    try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await withCheckedThrowingContinuation { reply in
        let now = clock.now
        pending[client] = Pending(request: request, asked: now, reply: reply)
        queue.ask(client, now: now)
        dispatch()
      }
    } onCancel: {
      Task { await leave(client) }
    }
  }

  /// Gives what waits to free lanes.
  private func dispatch() {
    alarm?.cancel()
    alarm = nil
    while !freeLanes.isEmpty {
      switch queue.next(freeLanes: freeLanes.count, now: clock.now) {
      case .nothing: return
      case .wait(let time):
        let clock = clock
        alarm = Task {
          try? await clock.sleep(until: time)
          if !Task.isCancelled { dispatch() }
        }
        return
      case .run(let clients):
        let batch = clients.compactMap { client in
          pending.removeValue(forKey: client).map { (client, $0) }
        }
        let lane = freeLanes.removeLast()
        Task { await run(batch, on: lane) }
      }
    }
  }

  private func run(_ batch: [(BatchQueue.ClientID, Pending)], on lane: ModelLane) async {
    let start = clock.now
    let results = await lane.answers(to: batch.map(\.1.request))
    let end = clock.now
    for ((client, pending), result) in zip(batch, results) {
      queue.answered(client, now: end)
      pending.reply.resume(
        with: result.map {
          Served(
            answer: $0, computing: end - start, waiting: start - pending.asked, batch: batch.count)
        })
    }
    freeLanes.append(lane)
    dispatch()
  }
}

/// One copy of the model and the thread on which it computes.
private actor ModelLane {
  private let executor = ThreadExecutor(name: "policy")
  private let loader: PolicyService.ModelLoader
  private var model: (any RequestAnswering)?

  init(_ load: @escaping PolicyService.ModelLoader) { loader = load }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  func load() throws { _ = try loaded() }

  private func loaded() throws -> any RequestAnswering {
    if let model { return model }
    let model = try loader()
    self.model = model
    return model
  }

  /// One result a request: what is wrong with one is no harm to the others.
  func answers(to requests: [PolicyRequest]) -> [Result<PolicyAnswer, any Error>] {
    do {
      return try loaded().answers(to: requests).map { .success($0) }
    } catch {
      guard requests.count > 1 else { return requests.map { _ in .failure(error) } }
      return requests.flatMap { answers(to: [$0]) }
    }
  }
}
