import CKernels
import Glibc
import Synchronization

/// Threads that do one piece of work together: the caller and `count` − 1 others, which live as long
/// as the team.
///
/// Pieces can be short (a layer of a small network takes microseconds), so whoever waits looks again
/// for some microseconds before it sleeps. That is short enough not to take much from others who
/// want the core.
///
/// `@unchecked Sendable` and unsafe memory, as a lock's owner: `work` is written only while the
/// threads wait, and the counters are atomic.
public final class ThreadTeam: @unchecked Sendable {
  /// Threads, with the caller's.
  public let count: Int
  private let shared: Shared
  private var threads: [pthread_t] = []

  /// Apart from the team, so that its threads do not keep it alive.
  private final class Shared: @unchecked Sendable {
    /// Grows with each piece of work.
    let generation = Atomic<Int>(0)
    /// Threads that have not finished the present piece.
    let remaining = Atomic<Int>(0)
    let isStopping = Atomic<Bool>(false)
    var work: (@Sendable (Int) -> Void)?
    let started = Doorbell()
    let finished = Doorbell()
  }

  /// Starts the threads.
  public init(count: Int) {
    precondition(count > 0, "a team needs at least one thread, got \(count)")
    self.count = count
    shared = Shared()
    for rank in 1..<max(count, 1) { start(rank) }
  }

  deinit {
    shared.isStopping.store(true, ordering: .sequentiallyConsistent)
    shared.generation.add(1, ordering: .sequentiallyConsistent)
    shared.started.ring()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `body` once with each rank in 0..<count, each on a thread of its own; 0 is the caller.
  /// Returns when all have returned. Not reentrant, and only for one caller at a time.
  public func run(_ body: @Sendable (Int) -> Void) {
    guard count > 1 else { return body(0) }
    withoutActuallyEscaping(body) { body in
      shared.work = body
      shared.remaining.store(count - 1, ordering: .sequentiallyConsistent)
      shared.generation.add(1, ordering: .sequentiallyConsistent)
      shared.started.ring()
      body(0)
      shared.finished.wait { shared.remaining.load(ordering: .sequentiallyConsistent) == 0 }
      shared.work = nil
    }
  }

  private func start(_ rank: Int) {
    final class Start {
      let shared: Shared
      let rank: Int
      init(_ shared: Shared, _ rank: Int) { (self.shared, self.rank) = (shared, rank) }
    }
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, nil,
      { argument in
        let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        ThreadTeam.loop(start.shared, start.rank)
        return nil
      }, Unmanaged.passRetained(Start(shared, rank)).toOpaque())
    precondition(failure == 0, "cannot start a thread: \(String(cString: strerror(failure)))")
    threads.append(thread)
  }

  private static func loop(_ shared: Shared, _ rank: Int) {
    var seen = 0
    while true {
      shared.started.wait { shared.generation.load(ordering: .sequentiallyConsistent) != seen }
      seen += 1
      if shared.isStopping.load(ordering: .sequentiallyConsistent) { return }
      shared.work?(rank)
      if shared.remaining.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 {
        shared.finished.ring()
      }
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
