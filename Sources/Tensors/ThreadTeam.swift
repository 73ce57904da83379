import CKernels
import Glibc
import Synchronization

/// Threads that do one piece of work together: the caller and `count` − 1 others, which live as long
/// as the team.
///
/// Pieces can be short (a layer of a small network takes microseconds), so whoever waits looks again
/// for some microseconds before it sleeps. And the parts of a piece go to whoever comes first: where
/// others use the cores and a thread of the team does not get to run, the caller does its part too.
///
/// `@unchecked Sendable`, as a lock's owner: `work` is written only while nobody holds a part, and
/// the counters are atomic.
public final class ThreadTeam: @unchecked Sendable {
  /// Threads, with the caller's.
  public let count: Int
  private let shared: Shared
  private var threads: [pthread_t] = []

  /// Apart from the team, so that its threads do not keep it alive.
  private final class Shared: @unchecked Sendable {
    static let parts = 256
    let count: Int
    /// Pieces so far · 256 + parts that have been taken of the last: one number, so that a thread
    /// that comes late cannot take a part of a piece that it has not seen.
    let taken: Atomic<Int>
    /// Parts of the present piece that are not finished.
    let remaining = Atomic<Int>(0)
    let isStopping = Atomic<Bool>(false)
    var work: (@Sendable (Int) -> Void)?
    let started = Doorbell()
    let finished = Doorbell()

    init(count: Int) {
      self.count = count
      taken = Atomic(count)
    }

    var hasPart: Bool {
      taken.load(ordering: .sequentiallyConsistent) % Self.parts < count
    }

    /// A call of its own, so that no reference to `work` is held when it has returned.
    @inline(never)
    private func perform(_ part: Int) { work?(part) }

    /// Does parts until all have been taken.
    func doParts() {
      var seen = taken.load(ordering: .sequentiallyConsistent)
      while seen % Self.parts < count {
        let (isMine, current) = taken.compareExchange(
          expected: seen, desired: seen + 1, ordering: .sequentiallyConsistent)
        seen = current
        guard isMine else { continue }
        // Whoever has a part keeps the piece from ending, and `work` from changing.
        perform(seen % Self.parts)
        if remaining.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 {
          finished.ring()
        }
        seen = taken.load(ordering: .sequentiallyConsistent)
      }
    }
  }

  /// Starts the threads.
  ///
  /// - Precondition: 1 to 255 threads.
  public init(count: Int) {
    precondition(count > 0 && count < Shared.parts, "expected 1 to 255 threads, got \(count)")
    self.count = count
    shared = Shared(count: count)
    for _ in 1..<count { start() }
  }

  deinit {
    shared.isStopping.store(true, ordering: .sequentiallyConsistent)
    shared.started.ring()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `body` once for each part in 0..<count, on any of the threads, and returns when all calls
  /// have. Not reentrant, and only for one caller at a time.
  public func run(_ body: @Sendable (Int) -> Void) {
    guard count > 1 else { return body(0) }
    withoutActuallyEscaping(body) { body in
      shared.work = body
      shared.remaining.store(count, ordering: .sequentiallyConsistent)
      let pieces = shared.taken.load(ordering: .sequentiallyConsistent) / Shared.parts
      shared.taken.store((pieces + 1) * Shared.parts, ordering: .sequentiallyConsistent)
      shared.started.ring()
      shared.doParts()
      shared.finished.wait { shared.remaining.load(ordering: .sequentiallyConsistent) == 0 }
      shared.work = nil
    }
  }

  private func start() {
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, nil,
      { argument in
        ThreadTeam.loop(Unmanaged<Shared>.fromOpaque(argument!).takeRetainedValue())
        return nil
      }, Unmanaged.passRetained(shared).toOpaque())
    precondition(failure == 0, "cannot start a thread: \(String(cString: strerror(failure)))")
    threads.append(thread)
  }

  private static func loop(_ shared: Shared) {
    while true {
      shared.started.wait {
        shared.hasPart || shared.isStopping.load(ordering: .sequentiallyConsistent)
      }
      if shared.isStopping.load(ordering: .sequentiallyConsistent) { return }
      shared.doParts()
    }
  }
}

/// Where threads wait for a condition on atomics: first by looking, then asleep.
private final class Doorbell: @unchecked Sendable {
  // Sendable: the mutex and condition are made for it, and the counter is atomic.
  private static let looks = 2_000
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private let sleepers = Atomic<Int>(0)

  init() {
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

  func wait(until isTrue: () -> Bool) {
    for _ in 0..<Self.looks {
      if isTrue() { return }
      recap_spin_pause()
    }
    pthread_mutex_lock(mutex)
    // Counted before the last look, so that either this look sees the change or the one who made
    // it sees the sleeper.
    sleepers.add(1, ordering: .sequentiallyConsistent)
    while !isTrue() { pthread_cond_wait(condition, mutex) }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }

  /// Wakes all who wait; call after the change they wait for.
  func ring() {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
