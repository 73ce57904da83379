import Dispatch
import Executors

/// A few threads for work that blocks (writing, flushing, hashing), so that it never holds up the
/// small pool of threads that all actors share.
///
/// Several, since flushes of different files overlap well on one disk, and some hash meanwhile; few,
/// since each holds a blob in memory.
struct BlockingQueues: Sendable {
  private let queues: [DispatchQueue]
  /// How many bodies each queue has yet to finish.
  private let load: Locked<[Int]>

  init(label: String, count: Int = 8) {
    queues = (0..<count).map { DispatchQueue(label: "\(label).\($0)") }
    load = Locked([Int](repeating: 0, count: count))
  }

  /// Runs `body` on the queue that has least to do.
  func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    let index = load.withLock { load in
      let index = load.indices.min { load[$0] < load[$1] } ?? 0
      load[index] += 1
      return index
    }
    defer { load.withLock { $0[index] -= 1 } }
    return try await withCheckedThrowingContinuation { continuation in
      queues[index].async { continuation.resume(with: Result(catching: body)) }
    }
  }
}
