import Dispatch
import GRDB
import Synchronization
import Testing

@testable import EpisodeStorage

@Suite struct GroupCommitTests {
  private struct Refused: Error {}

  private let database: DatabaseQueue
  private let commit: GroupCommit<Int>
  private let commits = CommitCounter()

  init() throws {
    database = try DatabaseQueue()
    try database.write { try $0.execute(sql: "CREATE TABLE rows (number INTEGER PRIMARY KEY)") }
    database.add(transactionObserver: commits)
    commit = GroupCommit(to: database)
  }

  private static func insert(_ number: Int, _ database: Database) throws -> Int {
    try database.execute(sql: "INSERT INTO rows (number) VALUES (?)", arguments: [number])
    return number
  }

  private func rows() async throws -> [Int] {
    try await database.read {
      try Int.fetchAll($0, sql: "SELECT number FROM rows ORDER BY number")
    }
  }

  /// Commits number 0 and, while its transaction is under way, numbers 1 to 5 with `body` in them.
  ///
  /// - Returns: What came of each.
  private func commitTogether(
    cancelled: Int? = nil, _ body: @escaping @Sendable (Int, Database) throws -> Void = { _, _ in }
  ) async -> [Result<Int, any Error>] {
    let (begun, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let first = Task {
      try await commit { database in
        begun.signal()
        mayEnd.wait()
        return try Self.insert(0, database)
      }
    }
    await wait(for: begun)
    var tasks = [first]
    for number in 1...5 {
      tasks.append(
        Task {
          try await commit { database in
            let answer = try Self.insert(number, database)
            try body(number, database)
            return answer
          }
        })
      while await commit.waiting < number { await Task.yield() }
    }
    if let cancelled { tasks[cancelled].cancel() }
    mayEnd.signal()
    var results: [Result<Int, any Error>] = []
    for task in tasks { results.append(await task.result) }
    return results
  }

  private func wait(for semaphore: DispatchSemaphore) async {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        semaphore.wait()
        continuation.resume()
      }
    }
  }

  @Test func changesThatComeDuringATransactionShareTheNext() async throws {
    let results = await commitTogether()
    #expect(try results.map { try $0.get() } == [0, 1, 2, 3, 4, 5])
    #expect(try await rows() == [0, 1, 2, 3, 4, 5])
    #expect(commits.count == 2)
    // And one that comes later leads its own.
    #expect(try await commit { try Self.insert(6, $0) } == 6)
    #expect(commits.count == 3)
  }

  @Test func aChangeThatFailsIsUndoneAlone() async throws {
    let results = await commitTogether { number, _ in if number == 3 { throw Refused() } }
    #expect(throws: Refused.self) { try results[3].get() }
    #expect(results.compactMap { try? $0.get() } == [0, 1, 2, 4, 5])
    #expect(try await rows() == [0, 1, 2, 4, 5])
  }

  @Test func whereATransactionIsLostNoneOfItsChangesIsAnswered() async throws {
    let results = await commitTogether { number, database in
      guard number == 3 else { return }
      // As SQLite does by itself on a full disk.
      try database.execute(sql: "ROLLBACK")
      throw Refused()
    }
    #expect(results.compactMap { try? $0.get() } == [0])
    #expect(try await rows() == [0])
    #expect(try await commit { try Self.insert(7, $0) } == 7)
    #expect(try await rows() == [0, 7])
  }

  @Test(arguments: [0, 1, 4])
  func whoIsCancelledTakesNobodyAlong(cancelled: Int) async throws {
    let results = await commitTogether(cancelled: cancelled)
    #expect(try results.map { try $0.get() } == [0, 1, 2, 3, 4, 5])
    #expect(try await rows() == [0, 1, 2, 3, 4, 5])
  }
}

/// Counts transactions that were committed.
private final class CommitCounter: TransactionObserver, Sendable {
  private let number = Atomic<Int>(0)
  var count: Int { number.load(ordering: .relaxed) }

  func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
  func databaseDidChange(with event: DatabaseEvent) {}
  func databaseDidCommit(_ database: Database) { number.wrappingAdd(1, ordering: .relaxed) }
  func databaseDidRollback(_ database: Database) {}
}
