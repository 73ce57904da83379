import Configuration
import Messaging
import RecapAlgorithm

/// What the person in charge does about a worker.
public enum WorkerOperation: Hashable, Sendable {
  /// It takes no further job; a collector finishes its episode.
  case pause(worker: String)
  /// It takes jobs again.
  case resume(worker: String)
  /// It is let in with a key of its own.
  case invite(Invitation)
  /// It is let in no more.
  case remove(worker: String)

  /// The event that a plan is to be told of; nil where it is so already.
  ///
  /// - Parameters:
  ///   - here: Workers that the run knows besides those of its plan.
  ///   - person: Who wants it, for the record.
  /// - Throws: `NoSuchWorker`; `WorkerRemoved` for what only one that is here can do; `AlreadyInvited`.
  public func event(
    in plan: Plan, knowing here: some Sequence<String>, by person: String
  ) throws -> PlanEvent? {
    func check(_ worker: String) throws(NoSuchWorker) {
      let known = Set(here).union(plan.knownWorkers)
      guard known.contains(worker) else { throw NoSuchWorker(name: worker, known: known.sorted()) }
    }
    switch self {
    case .pause(let worker):
      try check(worker)
      if plan.removed.contains(worker) { throw WorkerRemoved(name: worker) }
      return plan.paused.contains(worker) ? nil : .workerPaused(worker: worker, by: person)
    case .resume(let worker):
      try check(worker)
      if plan.removed.contains(worker) { throw WorkerRemoved(name: worker) }
      return plan.paused.contains(worker) ? .workerResumed(worker: worker, by: person) : nil
    case .invite(let invitation):
      if let earlier = plan.invitations[invitation.worker] {
        guard earlier == invitation else { throw AlreadyInvited(name: invitation.worker) }
        return nil
      }
      return .workerInvited(invitation, by: person)
    case .remove(let worker):
      try check(worker)
      return plan.removed.contains(worker) ? nil : .workerRemoved(worker: worker, by: person)
    }
  }
}

extension Coordinator {
  /// Does what the person in charge wants; durable on return.
  ///
  /// - Parameter person: Who wants it, for the record.
  /// - Throws: `NoSuchWorker` for a name that the run has never heard of; `AlreadyInvited`.
  public func carryOut(_ operation: WorkerOperation, by person: String) async throws {
    let known = Set(attendance.workers.keys).union(configuration.robots.map(\.name))
    guard let event = try operation.event(in: plan, knowing: known, by: person) else { return }
    if case .remove(let worker) = operation { dismiss(worker) }
    try await submit(event)
  }
}

/// A worker that the run does not know.
public struct NoSuchWorker: Error, CustomStringConvertible {
  public var name: String
  public var known: [String]

  public init(name: String, known: [String]) {
    self.name = name
    self.known = known
  }

  public var description: String {
    "there is no worker '\(name)' here; "
      + (known.isEmpty ? "none has joined yet" : "there are \(known.joined(separator: ", "))")
  }
}

extension Coordinator {
  /// Whether a person has removed a worker and not invited it again.
  public func hasRemoved(_ worker: String) -> Bool { plan.removed.contains(worker) }
}

/// A worker that has a key already.
public struct AlreadyInvited: Error, CustomStringConvertible {
  public var name: String

  public var description: String {
    "'\(name)' has been invited already; 'recap robots invite … --again' makes a new key, and the old one counts no more"
  }
}

/// A worker that a person has removed.
struct WorkerRemoved: Error, CustomStringConvertible {
  var name: String
  var description: String {
    "'\(name)' was removed from the run; it may come back when it is invited again"
  }
}
