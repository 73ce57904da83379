import CoordinatorRole
import DurableFiles
import Foundation
import RecapAlgorithm
import ZeroMQTransport

/// The keys of a coordinator and of the roles: a directory with NAME.key, the secret half that only its owner may read,
/// and NAME.pub, the public one, for each of them. A run has them in `keys`; a cluster's Secret is such a directory too.
struct RunKeys: Sendable {
  /// The coordinator's.
  var server: KeyPair
  /// Keys that any workers of a role share.
  var roles: [PublicKey: WorkerRole]
  private var files: [String: String]

  private static let serverName = "coordinator"

  /// The directory of a run's own keys.
  static func directory(ofRun run: String) -> String { "\(run)/keys" }

  /// New keys for a coordinator and every role.
  init() {
    server = KeyPair()
    roles = [:]
    files = Self.files(of: server, name: Self.serverName)
    for role in WorkerRole.allCases {
      let pair = KeyPair()
      roles[pair.publicKey] = role
      files.merge(Self.files(of: pair, name: role.defaultName)) { first, _ in first }
    }
  }

  private static func files(of pair: KeyPair, name: String) -> [String: String] {
    ["\(name).key": pair.secretKey.rawValue, "\(name).pub": pair.publicKey.rawValue]
  }

  private init(server: KeyPair, roles: [PublicKey: WorkerRole]) {
    self.server = server
    self.roles = roles
    files = [:]
  }

  /// The keys in a directory; nil where there are none.
  ///
  /// - Throws: `BadKeys` for a file that holds no key.
  static func load(_ directory: String) throws -> RunKeys? {
    guard FileManager.default.fileExists(atPath: directory),
      let server = try pair(serverName, in: directory)
    else { return nil }
    var roles: [PublicKey: WorkerRole] = [:]
    for role in WorkerRole.allCases {
      let name = role.defaultName
      if let key = try publicKey(name, in: directory) ?? pair(name, in: directory)?.publicKey {
        roles[key] = role
      }
    }
    return RunKeys(server: server, roles: roles)
  }

  /// The keys in a directory, made where there are none.
  static func loadOrMake(_ directory: String) throws -> RunKeys {
    if let keys = try load(directory) { return keys }
    let keys = RunKeys()
    try keys.save(in: directory)
    return try load(directory) ?? keys
  }

  /// Writes new keys; those that were loaded are there already.
  ///
  /// - Throws: `BadKeys` where another process has written others; `FileError`.
  func save(in directory: String) throws {
    if files.isEmpty { return }
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    // The coordinator's last: its key says that all are there.
    for (name, text) in files.sorted(by: { $0.key > $1.key }) {
      let path = "\(directory)/\(name)"
      let own = "\(path).\(UUID().uuidString)"
      try DurableFile.write(
        Array("\(text)\n".utf8), to: own, permissions: name.hasSuffix(".key") ? 0o600 : 0o644)
      defer { unlink(own) }
      guard DurableFile.link(own, to: path) else {
        throw BadKeys(reason: "\(path) is there already; start again to use it")
      }
    }
    try DurableFile.syncDirectory(containing: "\(directory)/.")
  }

  /// What a worker of a role needs from a directory of keys.
  ///
  /// - Throws: `BadKeys` where a file is missing or holds no key.
  static func client(_ role: WorkerRole, from directory: String) throws -> ClientKeys {
    guard let pair = try pair(role.defaultName, in: directory) else {
      throw BadKeys(reason: "there is no \(role.defaultName).key in \(directory)")
    }
    guard
      let server = try publicKey(serverName, in: directory)
        ?? Self.pair(serverName, in: directory)?.publicKey
    else { throw BadKeys(reason: "there is no \(serverName).pub in \(directory)") }
    return ClientKeys(pair: pair, server: server)
  }

  private static func pair(_ name: String, in directory: String) throws -> KeyPair? {
    guard let text = try text("\(directory)/\(name).key") else { return nil }
    guard let key = SecretKey(rawValue: text) else {
      throw BadKeys(reason: "\(directory)/\(name).key holds no key of 40 characters of Z85")
    }
    return KeyPair(secretKey: key)
  }

  private static func publicKey(_ name: String, in directory: String) throws -> PublicKey? {
    guard let text = try text("\(directory)/\(name).pub") else { return nil }
    guard let key = PublicKey(rawValue: text) else {
      throw BadKeys(reason: "\(directory)/\(name).pub holds no key of 40 characters of Z85")
    }
    return key
  }

  private static func text(_ path: String) throws -> String? {
    try DurableFile.read(path).map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}

/// Files of keys that cannot be used.
struct BadKeys: Error, CustomStringConvertible {
  var reason: String
  var description: String { reason }
}
