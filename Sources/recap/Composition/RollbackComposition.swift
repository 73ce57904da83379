import RecapAlgorithm

extension Composition {
  /// Makes a task's policy of iteration k current again: an event of the run's plan.
  ///
  /// - Returns: The iterations that are withdrawn now.
  /// - Throws: `ArchiveError.locked` while a process writes to the run; `CannotRollBack`.
  static func rollBack(_ directory: String, task: String, to k: Int) async throws -> Set<Int> {
    try await StoppedRun.with(directory) { run in
      if let obstacle = run.plan.obstacle(toRollingBack: task, to: k) {
        throw CannotRollBack(directory: directory, reason: obstacle)
      }
      try await run.store(.rolledBack(task: task, to: k))
      return run.plan.withdrawnIterations(of: task)
    }
  }
}

/// A rollback to what is not there.
struct CannotRollBack: Error, CustomStringConvertible {
  var directory: String
  var reason: String
  var description: String { "\(directory) cannot be rolled back: \(reason)" }
}
