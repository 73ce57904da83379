import Configuration
import CoordinatorRole
import EpisodeStorage
import RecapAlgorithm

/// A run that nobody works on, held while a person decides something about it.
struct StoppedRun {
  let archive: Archive
  let configuration: RunConfiguration
  private(set) var plan: Plan

  /// Holds a run while the body is at work.
  ///
  /// - Throws: `ArchiveError.locked` while a process writes to the run; whatever the body throws.
  static func with<Value>(
    _ directory: String, _ body: (inout StoppedRun) async throws -> Value
  ) async throws -> Value {
    let archive = try await Archive.open(at: directory)
    do {
      let configuration = try await RunConfiguration(of: archive)
      var run = StoppedRun(
        archive: archive, configuration: configuration,
        plan: try await Plan(of: configuration, in: archive))
      let value = try await body(&run)
      try await archive.close()
      return value
    } catch {
      try? await archive.close()
      throw error
    }
  }

  /// Stores an event of the plan; durable on return.
  ///
  /// - Parameter isDispatching: Whether it may give out a job. Workers of the process that was stopped still wait in
  ///   the plan, and none may be given one.
  mutating func store(_ event: PlanEvent, isDispatching: Bool = true) async throws {
    let events = isDispatching && !plan.isPristine ? [.coordinatorRestarted, event] : [event]
    try await archive.append(events)
    for event in events { _ = plan.handle(event) }
  }
}
