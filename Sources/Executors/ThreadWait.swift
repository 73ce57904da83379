import Glibc

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
public final class ConditionWait: ThreadWait, @unchecked Sendable {
  // Sendable by the mutex: `isSignalled` is only touched while it is held.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var isSignalled = false

  public init() {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    condition = .allocate(capacity: 1)
    condition.initialize(to: pthread_cond_t())
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    condition.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  public func wait() {
    pthread_mutex_lock(mutex)
    while !isSignalled { pthread_cond_wait(condition, mutex) }
    isSignalled = false
    pthread_mutex_unlock(mutex)
  }

  public func wakeUp() {
    pthread_mutex_lock(mutex)
    isSignalled = true
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }
}
