import Executors
import RecapAlgorithm

/// Whose keys a run lets in now. The coordinator keeps it up to date; the transport asks it at every handshake, and the
/// coordinator at every request, so that a key that is removed counts for nothing at once.
public final class KeyRing: Sendable {
  private let roles: [PublicKey: WorkerRole]
  /// Nil until the coordinator knows the run's invitations.
  private let invitations = Locked<[PublicKey: Invitation]?>(nil)

  /// - Parameter roles: Keys that any workers of a role share, such as those of a cluster's Secret.
  public init(roles: [PublicKey: WorkerRole] = [:]) { self.roles = roles }

  /// Whether a key's owner is let in; nil while that is not known.
  public func admits(_ key: PublicKey) -> Bool? {
    if roles[key] != nil { return true }
    return invitations.withLock { known in known.map { $0[key] != nil } }
  }

  /// Takes over which workers have keys of their own.
  func update(_ invited: some Sequence<Invitation>) {
    let known = Dictionary(invited.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    invitations.withLock { $0 = known }
  }

  func holder(of key: PublicKey) -> KeyHolder? {
    if let role = roles[key] { return .role(role) }
    return invitations.withLock { $0?[key] }.map { .worker($0) }
  }
}

/// Who holds a key.
enum KeyHolder: Equatable, CustomStringConvertible {
  /// One worker.
  case worker(Invitation)
  /// Any worker of a role.
  case role(WorkerRole)

  var role: WorkerRole {
    switch self {
    case .worker(let invitation): invitation.role
    case .role(let role): role
    }
  }

  var description: String {
    switch self {
    case .worker(let invitation): "the key of '\(invitation.worker)'"
    case .role(let role): "the key of the role \(role.rawValue)"
    }
  }
}
