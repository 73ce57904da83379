import GRDB

/// Commits changes of the catalogue that are asked for at the same time in one transaction, so that
/// they share its flushes.
///
/// A change that comes while a transaction is under way waits for the next one, with all others that
/// have come by then. Each has a savepoint of its own: one that fails is undone alone.
actor GroupCommit<Answer: Sendable> {
  typealias Change = @Sendable (Database) throws -> Answer

  private enum Turn {
    case answered(Result<Answer, any Error>)
    /// To commit the next group, with one's own change first.
    case lead
  }

  private struct Follower {
    var change: Change
    var turn: CheckedContinuation<Turn, Never>
  }

  private let catalogue: any DatabaseWriter
  private var isCommitting = false
  private var followers: [Follower] = []

  /// Changes that wait for the next transaction.
  var waiting: Int { followers.count }

  init(to catalogue: any DatabaseWriter) { self.catalogue = catalogue }

  /// Makes a change durable.
  ///
  /// Not cut short by cancellation: others may be in the same transaction.
  ///
  /// - Throws: What `change` throws, or what kept its transaction from being committed.
  func callAsFunction(_ change: @escaping Change) async throws -> Answer {
    if isCommitting {
      let turn = await withCheckedContinuation {
        followers.append(Follower(change: change, turn: $0))
      }
      if case .answered(let result) = turn { return try result.get() }
    }
    isCommitting = true
    let group = followers
    followers = []
    let results = await commit([change] + group.map(\.change))
    for (follower, result) in zip(group, results.dropFirst()) {
      follower.turn.resume(returning: .answered(result))
    }
    if followers.isEmpty {
      isCommitting = false
    } else {
      followers.removeFirst().turn.resume(returning: .lead)
    }
    return try results[0].get()
  }

  private func commit(_ changes: [Change]) async -> [Result<Answer, any Error>] {
    await withCheckedContinuation { continuation in
      catalogue.asyncWrite { database in
        try changes.map { try Self.result(of: $0, database) }
      } completion: { _, results in
        switch results {
        case .success(let results): continuation.resume(returning: results)
        case .failure(let error):
          continuation.resume(returning: changes.map { _ in .failure(error) })
        }
      }
    }
  }

  /// - Throws: What ended the whole transaction, as a full disk does.
  private static func result(
    of change: Change, _ database: Database
  ) throws -> Result<Answer, any Error> {
    do {
      var answer: Answer?
      try database.inSavepoint {
        answer = try change(database)
        return .commit
      }
      // Set above, or there was an error.
      return .success(answer!)
    } catch {
      guard database.isInsideTransaction else { throw error }
      return .failure(error)
    }
  }
}
