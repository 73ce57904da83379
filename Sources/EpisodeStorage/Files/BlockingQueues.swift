import Dispatch
import Synchronization

/// A few threads for work that blocks (writing, flushing, hashing), so that it never holds up the
/// small pool of threads that all actors share.
///
/// Several, since flushes of different files overlap well on one disk; few, since each holds a blob
/// in memory.
struct BlockingQueues: Sendable {
  private let queues: [DispatchQueue]
  private let turn = Turn()

  init(label: String, count: Int = 4) {
    queues = (0..<count).map { DispatchQueue(label: "\(label).\($0)") }
  }

  /// Runs `body` on one of the queues, in turn.
  func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    let queue = queues[turn.next(of: queues.count)]
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result(catching: body)) }
    }
  }

  private final class Turn: Sendable {
    private let count = Atomic<Int>(0)
    func next(of queues: Int) -> Int {
      (count.wrappingAdd(1, ordering: .relaxed).oldValue & Int.max) % queues
    }
  }
}
