import CZeroMQ
import RecapAlgorithm

/// A CURVE key pair: who holds its secret half is whom its public half names.
public struct KeyPair: Codable, Hashable, Sendable {
  public let publicKey: PublicKey
  public let secretKey: SecretKey

  /// A new one, from the system's random numbers.
  public init() {
    var (publicText, secretText) = (
      [CChar](repeating: 0, count: 41), [CChar](repeating: 0, count: 41)
    )
    let failure = zmq_curve_keypair(&publicText, &secretText)
    guard failure == 0, let publicKey = PublicKey(rawValue: text(publicText)),
      let secretKey = SecretKey(rawValue: text(secretText))
    else { preconditionFailure("libzmq makes no CURVE keys: \(ZeroMQError("make", "keys"))") }
    self.publicKey = publicKey
    self.secretKey = secretKey
  }

  /// The pair that a secret key belongs to.
  public init(secretKey: SecretKey) {
    var publicText = [CChar](repeating: 0, count: 41)
    guard zmq_curve_public(&publicText, secretKey.rawValue) == 0,
      let publicKey = PublicKey(rawValue: text(publicText))
    else { preconditionFailure("no public key belongs to a secret key") }
    self.publicKey = publicKey
    self.secretKey = secretKey
  }
}

/// The secret half of a key pair, as 40 characters of Z85. Its description does not tell it.
public struct SecretKey: RawRepresentable, Codable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String

  /// Nil unless `rawValue` is exactly 40 characters of Z85.
  public init?(rawValue: String) {
    guard PublicKey.isKey(rawValue) else { return nil }
    self.rawValue = rawValue
  }

  public var description: String { "(secret key)" }
}

/// What the answering side of protected connections needs.
public struct ServerKeys: Sendable {
  public var pair: KeyPair
  /// Whether the owner of a key is let in. Asked at every handshake, on a thread that must not wait.
  public var admits: @Sendable (PublicKey) -> Admission

  public enum Admission: Sendable {
    case yes
    case no
    /// It cannot be said yet: the client is to try again.
    case later
  }

  public init(pair: KeyPair, admits: @escaping @Sendable (PublicKey) -> Admission) {
    self.pair = pair
    self.admits = admits
  }
}

/// What the asking side of a protected connection needs.
public struct ClientKeys: Hashable, Sendable {
  public var pair: KeyPair
  /// Whoever cannot prove to hold this key's secret half is not talked to.
  public var server: PublicKey

  public init(pair: KeyPair, server: PublicKey) {
    self.pair = pair
    self.server = server
  }
}

/// The Z85 text of 32 bytes as libzmq hands them over.
func z85(_ bytes: [UInt8]) -> String? {
  guard bytes.count == 32 else { return nil }
  var characters = [CChar](repeating: 0, count: 41)
  guard zmq_z85_encode(&characters, bytes, bytes.count) != nil else { return nil }
  return text(characters)
}

private func text(_ characters: [CChar]) -> String {
  String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
