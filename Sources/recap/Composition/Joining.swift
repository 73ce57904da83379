import DurableFiles
import Foundation
import Launching
import Logging
import Messaging
import RoleRuntime
import ZeroMQTransport

// How workers find their coordinator.

extension Composition {
  /// Runs a worker's `body` with the coordinator's endpoint until it returns or a signal stops it. When the coordinator
  /// publishes another endpoint, since it was started on another machine for example, `body` is cancelled and begins
  /// anew with that.
  ///
  /// - Parameters:
  ///   - address: An endpoint, or `file:` and the path of a file that the coordinator publishes it in.
  ///   - keys: For an endpoint that asks for them.
  static func joining(
    _ address: String, keys: ClientKeys?,
    _ body: @escaping @Sendable (CoordinatorContact) async throws -> Void
  ) async throws {
    try await stoppingOnSignals {
      guard let file = CoordinatorAddress.file(of: address) else {
        return try await body(CoordinatorContact(endpoint: address, keys: keys))
      }
      while true {
        let endpoint = try await CoordinatorAddress.published(in: file)
        let hasMoved = try await withThrowingTaskGroup(of: Bool.self) { group in
          group.addTask {
            try await body(CoordinatorContact(endpoint: endpoint, keys: keys))
            return false
          }
          group.addTask {
            try await CoordinatorAddress.change(of: file, from: endpoint)
            return true
          }
          let hasMoved = try await group.next() ?? false
          group.cancelAll()
          // What a worker says of its being cancelled does not matter.
          while case .some = await group.nextResult() {}
          return hasMoved
        }
        if !hasMoved { return }
        Logger(label: "recap.worker").notice("the coordinator is at another place now")
      }
    }
  }

  /// Asks the coordinator, which may yet have to start.
  static func description(
    ofRunAt coordinator: CoordinatorContact
  ) async throws -> DescribeRunRequest.Reply {
    let client = try coordinator.client()
    let waiting = Task {
      try await Task.sleep(for: .seconds(2))
      let trouble = await client.trouble().map { ": \($0)" } ?? ""
      Logger(label: "recap.worker").notice(
        "waiting for a coordinator at \(coordinator.endpoint)\(trouble)")
    }
    defer { waiting.cancel() }
    let reply = try await Backoff().retrying(on: ContinuousClock()) {
      try await client.send(DescribeRunRequest(), timeout: .seconds(10))
    }
    await client.close()
    return reply
  }

  /// Whether a coordinator answers, for those who watch over its process.
  ///
  /// - Throws: `NoAnswer`.
  static func probe(_ address: String, keys: ClientKeys?, patience: Duration) async throws {
    let endpoint =
      try CoordinatorAddress.file(of: address).map { file in
        guard let endpoint = try CoordinatorAddress.read(file) else {
          throw NoAnswer(endpoint: file, patience: .zero)
        }
        return endpoint
      } ?? address
    let client = try ZeroMQClient(endpoint: endpoint, keys: keys)
    do {
      let reply = try await client.send(DescribeRunRequest(), timeout: patience)
      await client.close()
      print("run \(reply.run)")
    } catch {
      let trouble = await client.trouble()
      await client.close()
      if case RequestError.refused(_, let reason) = error {
        throw NoAnswer(endpoint: endpoint, patience: patience, trouble: reason)
      }
      throw NoAnswer(endpoint: endpoint, patience: patience, trouble: trouble)
    }
  }
}

/// A coordinator that says nothing.
struct NoAnswer: Error, CustomStringConvertible {
  var endpoint: String
  var patience: Duration
  var trouble: String?
  var description: String {
    if patience == .zero { return "no coordinator has published its endpoint in \(endpoint)" }
    if let trouble { return "no coordinator answered at \(endpoint): \(trouble)" }
    return "no coordinator answered at \(endpoint) within \(patience)"
  }
}

extension CoordinatorAddress {
  /// Writes where a coordinator that listens at `endpoint` is found from other machines.
  static func publish(_ endpoint: String, in file: String) throws {
    try DurableFile.write(
      Array("\(reachable(endpoint, host: ProcessInfo.processInfo.hostName))\n".utf8), to: file)
  }

  /// The endpoint in a file; nil where there is none yet.
  static func read(_ file: String) throws -> String? {
    let text = try DurableFile.read(file).map { String(decoding: $0, as: UTF8.self) }
    let endpoint = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    return endpoint.isEmpty ? nil : endpoint
  }

  /// Waits until an endpoint is published.
  static func published(in file: String) async throws -> String {
    var waited = 0
    while true {
      if let endpoint = try read(file) { return endpoint }
      if waited == 2 {
        Logger(label: "recap.worker").notice("waiting for a coordinator to write \(file)")
      }
      waited += 1
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// Waits until another endpoint is published.
  static func change(of file: String, from endpoint: String) async throws {
    while true {
      try await Task.sleep(for: .seconds(1))
      // A file system may be away for a moment; the endpoint is not.
      if let now = try? read(file), now != endpoint { return }
    }
  }
}

/// A coordinator that no worker could reach.
struct NowhereToListen: Error, CustomStringConvertible {
  var description: String {
    "no worker could reach this coordinator: say where it listens, "
      + "as in --listen tcp://127.0.0.1:7700, or with runtime.listen in the configuration"
  }
}

/// A collector's name that the run does not know.
struct UnknownRobot: Error, CustomStringConvertible {
  var name: String
  var known: [String]

  var description: String {
    "the run has no robot '\(name)'; it has \(known.joined(separator: ", ")), "
      + "or attach another with --driver ENDPOINT"
  }
}
