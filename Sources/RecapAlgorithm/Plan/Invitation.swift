/// Who may take part in a run from another machine: a name, and the key that proves it.
public struct Invitation: Codable, Hashable, Sendable {
  /// The name that it joins under. No other key speaks for it.
  public var worker: String
  public var role: WorkerRole
  /// For collectors: the tasks that it is to practise; empty for all that its robot offers.
  public var tasks: [String]
  public var key: PublicKey

  public init(worker: String, role: WorkerRole, tasks: [String] = [], key: PublicKey) {
    self.worker = worker
    self.role = role
    self.tasks = tasks
    self.key = key
  }
}

/// The public half of a worker's CURVE key pair: 32 bytes as 40 characters of Z85 (ZeroMQ's RFC 32).
public struct PublicKey: RawRepresentable, Codable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String

  private static let alphabet = Set(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)

  /// Whether `text` is written as a key is.
  public static func isKey(_ text: String) -> Bool {
    text.utf8.count == 40 && text.utf8.allSatisfy(alphabet.contains)
  }

  /// Nil unless `rawValue` is exactly 40 characters of Z85.
  public init?(rawValue: String) {
    guard Self.isKey(rawValue) else { return nil }
    self.rawValue = rawValue
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let key = PublicKey(rawValue: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected a key of 40 characters of Z85, got '\(text)'")
    }
    self = key
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  public var description: String { rawValue }
}

extension Plan {
  /// Lets a worker in under a key of its own; one that it had before no longer counts.
  mutating func invite(_ invitation: Invitation) -> [PlanCommand] {
    removed.remove(invitation.worker)
    invitations[invitation.worker] = invitation
    return []
  }

  /// Lets a worker in no more, and gives its job to others.
  mutating func expel(_ worker: String) -> [PlanCommand] {
    invitations[worker] = nil
    removed.insert(worker)
    guard let incarnation = workers[worker]?.incarnation else { return [] }
    return lose(worker, incarnation)
  }
}
