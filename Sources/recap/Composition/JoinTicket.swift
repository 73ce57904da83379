import DurableFiles
import Foundation
import RecapAlgorithm
import ZeroMQTransport

/// All that a robot's machine needs to take part in a run, in one word: where the coordinator is, whom it answers to,
/// and the robot's own name and key. Whoever has it can act as the robot.
struct JoinTicket: Codable, Equatable, Sendable {
  /// The run's name, for people, and its id.
  var run: String
  var runID: String
  /// The robot's name.
  var worker: String
  /// What it is to practise; empty for all that it offers.
  var tasks: [String]
  /// The coordinator's endpoint, as the robot's machine reaches it.
  var endpoint: String
  /// The coordinator's public key.
  var server: PublicKey
  /// The robot's.
  var secretKey: SecretKey

  private static let prefix = "recap-join-1."

  init(
    run: String, runID: String, worker: String, tasks: [String], endpoint: String,
    server: PublicKey, secretKey: SecretKey
  ) {
    self.run = run
    self.runID = runID
    self.worker = worker
    self.tasks = tasks
    self.endpoint = endpoint
    self.server = server
    self.secretKey = secretKey
  }

  /// One word of letters, digits, `-`, `_` and `.`, which no shell changes.
  var text: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let base64 = try encoder.encode(self).base64EncodedString()
      return Self.prefix
        + base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
  }

  /// Reads a ticket as `text` writes it.
  ///
  /// - Throws: `BadTicket` for anything else.
  init(parsing text: String) throws {
    let word = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard word.hasPrefix(Self.prefix) else {
      throw BadTicket(reason: "it does not begin with '\(Self.prefix)'")
    }
    var base64 = String(word.dropFirst(Self.prefix.count)).replacing("-", with: "+")
      .replacing("_", with: "/")
    base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
    guard let json = Data(base64Encoded: base64),
      let ticket = try? JSONDecoder().decode(JoinTicket.self, from: json)
    else { throw BadTicket(reason: "it is not complete: paste the whole line") }
    self = ticket
  }

  /// A ticket from the command line: the ticket itself, a file that holds it, or `-` for standard input.
  init(argument: String) throws {
    if argument == "-" {
      guard let line = readLine() else { throw BadTicket(reason: "standard input is empty") }
      try self.init(parsing: line)
    } else if FileManager.default.fileExists(atPath: argument) {
      try self.init(parsing: String(contentsOfFile: argument, encoding: .utf8))
    } else {
      try self.init(parsing: argument)
    }
  }

  /// Keeps the ticket in a file that only its owner may read, for the next start.
  ///
  /// - Returns: The file.
  func keep() throws -> String {
    let folder = Self.place("XDG_CONFIG_HOME", ".config")
    let path = "\(folder)/\(runID)-\(worker).ticket"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    try DurableFile.write(Array(try text.utf8), to: path, permissions: 0o600)
    return path
  }

  /// Where the robot's episodes wait to be acknowledged: a directory that a reboot leaves alone.
  var spool: String { "\(Self.place("XDG_STATE_HOME", ".local/state"))/spool-\(worker)" }

  private static func place(_ variable: String, _ usual: String) -> String {
    func path(_ variable: String) -> String? {
      ProcessInfo.processInfo.environment[variable].flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    // NSHomeDirectory() is the account's home, whatever HOME says.
    return (path(variable) ?? "\(path("HOME") ?? NSHomeDirectory())/\(usual)") + "/recap"
  }

  var keys: ClientKeys { ClientKeys(pair: KeyPair(secretKey: secretKey), server: server) }
}

/// What is no ticket.
struct BadTicket: Error, CustomStringConvertible {
  var reason: String
  var description: String { "this is no invitation of 'recap robots invite': \(reason)" }
}
