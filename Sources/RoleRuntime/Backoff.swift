import Messaging

/// How long to wait before trying again: each failure in a row doubles the wait, up to a limit.
public struct Backoff: Hashable, Sendable {
  /// The wait after the first failure.
  public var first: Duration
  /// The longest wait.
  public var longest: Duration

  public init(first: Duration = .milliseconds(200), longest: Duration = .seconds(5)) {
    self.first = first
    self.longest = longest
  }

  /// The wait after so many failures in a row; zero after none.
  public func delay(afterFailures failures: Int) -> Duration {
    guard failures > 0 else { return .zero }
    // Past 2³⁰ the limit has long been reached, and the product must not overflow.
    return min(longest, first * (1 << min(failures - 1, 30)))
  }
}

extension Backoff {
  /// Runs `attempt` until it is answered. A time-out means that the other side is away for the
  /// moment, so it is tried again for as long as the task lives; whatever else is thrown ends it.
  ///
  /// - Parameter waiting: Told of each failure, for the log.
  public func retrying<T: Sendable>(
    on clock: any Clock<Duration>, isolation: isolated (any Actor)? = #isolation,
    waiting: (RequestError, Duration) -> Void = { _, _ in }, _ attempt: () async throws -> T
  ) async throws -> T {
    var failures = 0
    while true {
      try Task.checkCancellation()
      do {
        return try await attempt()
      } catch let error as RequestError where error.isTransient {
        failures += 1
        let delay = delay(afterFailures: failures)
        waiting(error, delay)
        try await clock.sleep(for: delay)
      }
    }
  }
}

extension RequestError {
  /// Whether the same request may be answered later: the other side said nothing, rather than no.
  public var isTransient: Bool {
    switch self {
    case .timeout: true
    case .refused, .malformed, .closed: false
    }
  }

  /// Whether the other side said no.
  public var isRefusal: Bool {
    if case .refused = self { true } else { false }
  }
}
