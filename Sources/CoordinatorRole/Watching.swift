import Messaging
import RoleRuntime

/// For those who watch the run, and may hold a robot back.
extension Coordinator {
  /// Who is here, and how far each is.
  public func status() -> CoordinatorStatus {
    let now = now
    let workers = attendance.workers.values.map { presence in
      let worker = presence.description
      let order = orders[worker.name]
      let report = reports[worker.name].flatMap { $0.lease == order?.lease ? $0.progress : nil }
      return WorkerStatus(
        name: worker.name, role: worker.role, tasks: worker.tasks.map(\.name),
        embodiment: worker.embodiment?.name,
        silentSeconds: (now - presence.lastHeard).inSeconds, job: order?.job.id, progress: report)
    }
    return CoordinatorStatus(
      upSeconds: now.inSeconds, workers: workers.sorted { $0.name < $1.name })
  }

  /// Lets a worker take no further job, or take jobs again; durable on return. A paused one finishes what it has.
  ///
  /// - Parameters:
  ///   - worker: Its name. A pause also holds for whoever joins under it later.
  ///   - person: Who wants it, for the record.
  /// - Throws: `NoSuchWorker` for a name that the run has never heard of.
  public func setPaused(_ isPaused: Bool, worker: String, by person: String) async throws {
    guard attendance.workers[worker] != nil || plan.paused.contains(worker) else {
      throw NoSuchWorker(name: worker, known: attendance.workers.keys.sorted())
    }
    guard plan.paused.contains(worker) != isPaused else { return }
    try await submit(
      isPaused
        ? .workerPaused(worker: worker, by: person) : .workerResumed(worker: worker, by: person))
  }
}

/// A worker that is not here.
public struct NoSuchWorker: Error, CustomStringConvertible {
  public var name: String
  public var known: [String]

  public var description: String {
    "there is no worker '\(name)' here; there are \(known.joined(separator: ", "))"
  }
}
