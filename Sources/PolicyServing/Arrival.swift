/// Something that is on its way, such as a policy that is being loaded: whoever asks before it is there
/// waits.
public actor Arrival<Value: Sendable> {
  private var result: Result<Value, any Error>?
  private var waiting: [Int: CheckedContinuation<Value, any Error>] = [:]
  private var lastWaiter = 0

  public init() {}

  /// Whether it is there.
  public var isReady: Bool { if case .success = result { true } else { false } }

  /// Hands it, or why there is none, to all who wait and will ask. Once.
  public func settle(_ result: Result<Value, any Error>) {
    precondition(self.result == nil, "what is awaited arrives once")
    self.result = result
    for reply in waiting.values { reply.resume(with: result) }
    waiting = [:]
  }

  /// - Throws: Why there is none, and `CancellationError`.
  func value() async throws -> Value {
    if let result { return try result.get() }
    lastWaiter += 1
    let waiter = lastWaiter
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await withCheckedThrowingContinuation { waiting[waiter] = $0 }
    } onCancel: {
      Task { await stopWaiting(waiter) }
    }
  }

  private func stopWaiting(_ waiter: Int) {
    waiting.removeValue(forKey: waiter)?.resume(throwing: CancellationError())
  }
}

public typealias PolicyArrival = Arrival<ServedPolicy>
