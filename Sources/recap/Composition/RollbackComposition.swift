import Configuration
import CoordinatorRole
import EpisodeStorage
import RecapAlgorithm

extension Composition {
  /// Makes a task's policy of iteration k current again: an event of the run's plan.
  ///
  /// - Returns: The iterations that are withdrawn now.
  /// - Throws: `ArchiveError.locked` while a process writes to the run; `CannotRollBack`.
  static func rollBack(_ directory: String, task: String, to k: Int) async throws -> Set<Int> {
    let archive = try await Archive.open(at: directory)
    do {
      let configuration = try RunConfiguration(resolvedJSON: try await archive.run().configuration)
      var plan = try await Plan(of: configuration, in: archive)
      if let obstacle = plan.obstacle(toRollingBack: task, to: k) {
        throw CannotRollBack(directory: directory, reason: obstacle)
      }
      // Workers of the process that was stopped still wait in the plan: none may be given a job.
      let events = [PlanEvent.coordinatorRestarted, .rolledBack(task: task, to: k)]
      try await archive.append(events)
      for event in events { _ = plan.handle(event) }
      try await archive.close()
      return plan.withdrawnIterations(of: task)
    } catch {
      try? await archive.close()
      throw error
    }
  }
}

/// A rollback to what is not there.
struct CannotRollBack: Error, CustomStringConvertible {
  var directory: String
  var reason: String
  var description: String { "\(directory) cannot be rolled back: \(reason)" }
}
