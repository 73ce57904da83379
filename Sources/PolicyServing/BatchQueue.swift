/// Which requests go to the model together: the decisions, apart from clocks and models.
///
/// A free lane of the model takes what waits, shared out evenly to all free lanes. It never waits for a
/// client that may not come: only for those that were back at once the last time, and then no longer
/// than `patience`. A client alone is answered without any wait.
struct BatchQueue: Sendable {
  typealias ClientID = Int
  typealias Instant = ContinuousClock.Instant

  /// What a free lane does now.
  enum Decision: Equatable {
    /// Answers these, the longest waiting first.
    case run([ClientID])
    /// Looks again at this time, or when something changes.
    case wait(until: Instant)
    case nothing
  }

  private enum Standing {
    /// Has an answer since then, nil before the first, and was back at once the last time or not.
    case away(since: Instant?, isQuick: Bool)
    /// Wants an answer.
    case waiting(since: Instant, isQuick: Bool)
    /// Is being answered.
    case served(isQuick: Bool)
  }

  /// Requests in one call of the model.
  let limit: Int
  /// How long a request waits for those of quick clients, at most.
  let patience: Duration
  private var clients: [ClientID: Standing] = [:]
  /// Those that wait, in the order of their requests.
  private var queue: [ClientID] = []

  init(limit: Int, patience: Duration) {
    precondition(limit > 0, "a batch holds at least one request")
    self.limit = limit
    self.patience = patience
  }

  /// Requests that wait.
  var count: Int { queue.count }

  /// A client that was not known asks, or a known one asks again; one request at a time.
  mutating func ask(_ client: ClientID, now: Instant) {
    var isQuick = false
    switch clients[client] {
    case .away(let since?, _): isQuick = now - since <= patience
    case .waiting, .served: preconditionFailure("client \(client) asks twice")
    case .away, nil: break
    }
    clients[client] = .waiting(since: now, isQuick: isQuick)
    queue.append(client)
  }

  /// A client has its answer.
  mutating func answered(_ client: ClientID, now: Instant) {
    guard case .served(let isQuick)? = clients[client] else { return }
    clients[client] = .away(since: now, isQuick: isQuick)
  }

  /// A client is gone, with its request if it waits.
  mutating func leave(_ client: ClientID) {
    clients[client] = nil
    queue.removeAll { $0 == client }
  }

  /// What the next free lane does.
  ///
  /// - Parameter freeLanes: At least 1.
  mutating func next(freeLanes: Int, now: Instant) -> Decision {
    guard let first = queue.first, case .waiting(let oldest, _)? = clients[first] else {
      return .nothing
    }
    let deadline = oldest + patience
    let share = min(limit, (queue.count + freeLanes - 1) / freeLanes)
    if share < limit, now < deadline, expectsMore(now) { return .wait(until: deadline) }
    let chosen = Array(queue.prefix(share))
    queue.removeFirst(share)
    for client in chosen {
      guard case .waiting(_, let isQuick)? = clients[client] else { continue }
      clients[client] = .served(isQuick: isQuick)
    }
    return .run(chosen)
  }

  /// Whether a quick client may be back any moment.
  private func expectsMore(_ now: Instant) -> Bool {
    clients.values.contains {
      if case .away(let since?, true) = $0 { now - since <= patience } else { false }
    }
  }
}
