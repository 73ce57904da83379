import Glibc

/// A value that only one thread touches at a time.
///
/// A wrapper of `pthread_mutex_t`, since the thread sanitizer understands it and not
/// `Synchronization.Mutex`.
public final class Locked<Value>: @unchecked Sendable {
  // Sendable by the lock: `value` is only ever reached through `withLock`.
  @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
  @usableFromInline var value: Value

  public init(_ value: sending Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs `body` with the value; never call anything that may wait from inside.
  @inlinable
  public func withLock<R>(_ body: (inout Value) throws -> sending R) rethrows -> sending R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
