import Messaging
import RoleRuntime

/// For those who watch the run.
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
        silentSeconds: (now - presence.lastHeard).inSeconds, job: order?.job.id, progress: report,
        clockSkewSeconds: presence.clockSkew, vitals: presence.vitals)
    }
    return CoordinatorStatus(
      upSeconds: now.inSeconds, workers: workers.sorted { $0.name < $1.name })
  }
}
