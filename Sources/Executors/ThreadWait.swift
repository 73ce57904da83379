/// How an executor's thread waits while it has no job: on a condition variable, or on sockets as
/// well.
public protocol ThreadWait: Sendable {
  /// Called on the executor's thread after every batch of jobs, to wait until something happens. A wake-up
  /// since the last call ends it too.
  func wait()

  /// Ends the current or the next wait. Called from any thread.
  func wakeUp()
}

/// Waits for wake-ups alone.
public final class ConditionWait: ThreadWait {
  private let isSignalled = Monitored(false)

  public init() {}

  public func wait() {
    isSignalled.wait { isSignalled in
      defer { isSignalled = false }
      return isSignalled ? () : nil
    }
  }

  public func wakeUp() { isSignalled.change { $0 = true } }
}
