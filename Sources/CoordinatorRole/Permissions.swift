import Messaging
import RecapAlgorithm

// What the holder of a key may ask for. Whoever needs no key may ask for everything.

/// Who may send a type of request, and in whose name it speaks.
struct Permission<R: Request>: Sendable {
  /// The roles whose keys may send it.
  var roles: Set<WorkerRole>
  /// The worker in whose name a request speaks; nil for nobody's.
  var worker: @Sendable (R) -> String?

  /// For every worker, about the run as a whole.
  static var everyWorker: Permission { Permission(roles: Set(WorkerRole.allCases)) { _ in nil } }

  /// For every worker, in its own name alone.
  static func everyWorker(as worker: @escaping @Sendable (R) -> String) -> Permission {
    Permission(roles: Set(WorkerRole.allCases), worker: worker)
  }

  /// For workers of these roles.
  static func only(_ roles: WorkerRole...) -> Permission {
    Permission(roles: Set(roles)) { _ in nil }
  }

  /// For nobody with a key: the person in charge is at the coordinator's machine.
  static var personInCharge: Permission { Permission(roles: []) { _ in nil } }
}

extension Coordinator {
  /// - Returns: The key's holder.
  /// - Throws: `NotPermitted` for a key that no longer counts, or that is not for this.
  func check<R: Request>(
    _ permission: Permission<R>, for request: R, with key: PublicKey
  ) throws(NotPermitted) -> KeyHolder {
    guard let holder = keys.holder(of: key) else {
      throw NotPermitted(reason: "this key is not let in any more: its worker was removed")
    }
    guard permission.roles.contains(holder.role) else {
      throw NotPermitted(reason: "\(holder) is not for \(R.type)")
    }
    if let worker = permission.worker(request) { try check(holder, speaksFor: worker) }
    return holder
  }

  private func check(_ holder: KeyHolder, speaksFor worker: String) throws(NotPermitted) {
    let may =
      switch holder {
      case .worker(let invitation): invitation.worker == worker
      case .role(let role):
        plan.invitations[worker] == nil
          && (attendance.workers[worker]?.description.role ?? role) == role
      }
    guard may else { throw NotPermitted(reason: "\(holder) does not speak for '\(worker)'") }
  }

  /// A worker as its key has it: of the key's role, and with no tasks but those that it was invited for.
  func admitted(
    _ worker: WorkerDescription, under holder: KeyHolder?
  ) throws(NotPermitted) -> WorkerDescription {
    guard let holder else { return worker }
    guard worker.role == holder.role else {
      throw NotPermitted(reason: "\(holder) is not for the role \(worker.role.rawValue)")
    }
    guard case .worker(let invitation) = holder, !invitation.tasks.isEmpty else { return worker }
    var admitted = worker
    admitted.tasks = worker.tasks.filter { invitation.tasks.contains($0.name) }
    guard !admitted.tasks.isEmpty else {
      throw NotPermitted(
        reason: "'\(worker.name)' was invited for \(invitation.tasks.joined(separator: ", ")); it "
          + "offers \(worker.tasks.map(\.name).joined(separator: ", "))")
    }
    return admitted
  }
}

/// Something that a key is not for.
struct NotPermitted: Error, Equatable, CustomStringConvertible {
  var reason: String
  var description: String { "not permitted: \(reason)" }
}
