import Configuration
import CoordinatorRole
import DurableFiles
import EpisodeStorage
import Foundation
import Launching
import Messaging
import Monitoring
import RecapAlgorithm
import ZeroMQTransport

/// Where a run's coordinator listens, or listened last: the file `coordinator.json` in the run's directory.
struct CoordinatorPlaces: Codable, Sendable {
  /// For the person in charge: a socket of this machine.
  var operating: String?
  /// Where workers with keys connect, as other machines reach it.
  var protected: [String]
  /// The coordinator's public key; nil where it has none.
  var server: PublicKey?
  /// Where whoever reaches them connects without a key; nil in files of earlier versions.
  var open: [String]?

  private static func path(_ run: String) -> String { "\(run)/coordinator.json" }

  func publish(inRun run: String) throws {
    try DurableFile.write(Array((try jsonText(self) + "\n").utf8), to: Self.path(run))
  }

  /// Nil where no coordinator has listened yet.
  static func read(fromRun run: String) throws -> CoordinatorPlaces? {
    try DurableFile.read(path(run)).map {
      try JSONDecoder().decode(CoordinatorPlaces.self, from: Data($0))
    }
  }

  /// Where the person in charge may be heard, the best first: a socket in the run's directory, which decides who reaches
  /// it, unless its path is too long or the file system holds no sockets.
  static func operatingEndpoints(ofRun run: String) -> [String] {
    let process = ProcessInfo.processInfo.processIdentifier
    let name = UInt32.random(in: 0 ... .max)
    return [
      "ipc://\(URL(filePath: run).standardizedFileURL.path)/operator.sock",
      "ipc:///tmp/recap-operator-\(process)-\(name).sock",
    ]
  }
}

/// What the person in charge does about a run's workers, whether or not its coordinator is at work.
extension Composition {
  /// Who does it, for the record.
  static var person: String { "\(NSUserName()) at \(ProcessInfo.processInfo.hostName)" }

  /// Does it through the run's coordinator, or in the archive of a run that is stopped. Durable on return.
  ///
  /// - Throws: `NoSuchWorker`, `AlreadyInvited`; `CoordinatorUnreachable`.
  static func operate(_ run: String, _ operation: WorkerOperation) async throws {
    do {
      try await StoppedRun.with(run) { run in
        let event = try operation.event(
          in: run.plan, knowing: run.configuration.robots.map(\.name), by: person)
        if let event { try await run.store(event) }
      }
    } catch ArchiveError.locked(_, let holder) {
      switch operation {
      case .pause(let worker):
        try await ask(run, PauseRequest(worker: worker, paused: true, person: person), holder)
      case .resume(let worker):
        try await ask(run, PauseRequest(worker: worker, paused: false, person: person), holder)
      case .invite(let invitation):
        try await ask(run, InviteRequest(invitation: invitation, person: person), holder)
      case .remove(let worker):
        try await ask(run, RemoveRequest(worker: worker, person: person), holder)
      }
    }
  }

  /// Makes a key for a robot and lets it in with it.
  ///
  /// - Parameters:
  ///   - tasks: What it is to practise, of the run's tasks; nil for all that it offers, or with `again` for
  ///     what it was invited for before.
  ///   - endpoint: The coordinator's, as the robot reaches it; nil for where it listens.
  ///   - again: Whether an earlier key of the robot is to count no more.
  /// - Throws: `CannotInvite`, and what `operate` throws.
  static func invite(
    _ robot: String, to run: String, tasks: [String]?, endpoint: String?, again: Bool
  ) async throws -> JoinTicket {
    let archive = try ArchiveReader(directory: run)
    let description = try await archive.run()
    let configuration = try RunConfiguration(resolvedJSON: description.configuration)
    let practised = configuration.tasks.map(\.name)
    let plan = try await Plan(of: configuration, in: archive)
    let tasks = tasks ?? (again ? plan.invitations[robot]?.tasks : nil) ?? []
    if let foreign = tasks.first(where: { !practised.contains($0) }) {
      throw CannotInvite(
        reason: "the run has no task '\(foreign)'; it has \(practised.joined(separator: ", "))")
    }
    let places = try CoordinatorPlaces.read(fromRun: run)
    if let endpoint, places?.open?.contains(endpoint) == true {
      throw CannotInvite(
        reason: "\(endpoint) is open to this machine without a key, so nobody needs an invitation; "
          + "start the robot with: recap collector --connect \(endpoint) --name \(robot) "
          + "--driver ENDPOINT")
    }
    let listening = places?.protected.first
    let known = configuration.runtime.listen.first {
      !ZeroMQServer.isLocal($0) && !$0.hasSuffix(":*")
    }
    let host = ProcessInfo.processInfo.hostName
    guard
      let place = endpoint ?? listening
        ?? known.map({ CoordinatorAddress.reachable($0, host: host) })
    else {
      throw CannotInvite(
        reason: "the run's coordinator listens nowhere that other machines reach; start it with "
          + "--listen tcp://0.0.0.0:7700, or say with --endpoint where robots will find that; robots "
          + "of this machine need no invitation (recap collector --connect)")
    }
    let server =
      try places?.server
      ?? RunKeys.loadOrMake(RunKeys.directory(ofRun: run)).server.publicKey
    let pair = KeyPair()
    if again { try await operate(run, .remove(worker: robot), ifKnown: true) }
    try await operate(
      run,
      .invite(
        Invitation(worker: robot, role: .collector, tasks: tasks, key: pair.publicKey)))
    return JoinTicket(
      run: description.name, runID: description.id, worker: robot, tasks: tasks, endpoint: place,
      server: server, secretKey: pair.secretKey)
  }

  private static func operate(_ run: String, _ operation: WorkerOperation, ifKnown: Bool)
    async throws
  {
    do {
      try await operate(run, operation)
    } catch  where ifKnown && (error is NoSuchWorker || error is OperationRefused) {
      // There is nothing to undo.
    }
  }

  /// How far the workers of a run are; nil where no coordinator is at work.
  static func liveStatus(_ run: String) async -> CoordinatorStatus? {
    guard ArchiveReader.writer(of: run) != nil else { return nil }
    return try? await ask(run, StatusRequest(), "")
  }

  /// Asks the coordinator at work on a run, as the person in charge.
  ///
  /// - Parameter holder: The process that has the run, in words.
  /// - Throws: `CoordinatorUnreachable`; `OperationRefused`.
  @discardableResult
  static func ask<R: Request>(
    _ run: String, _ request: R, _ holder: String
  ) async throws -> R.Reply {
    guard let endpoint = try CoordinatorPlaces.read(fromRun: run)?.operating else {
      throw CoordinatorUnreachable(run: run, holder: holder)
    }
    let client = try ZeroMQClient(endpoint: endpoint)
    do {
      let reply = try await client.send(request, timeout: .seconds(10))
      await client.close()
      return reply
    } catch {
      await client.close()
      switch error {
      case RequestError.timeout: throw CoordinatorUnreachable(run: run, holder: holder)
      case RequestError.refused(_, let reason): throw OperationRefused(reason: reason)
      default: throw error
      }
    }
  }
}

/// A robot that cannot be invited.
struct CannotInvite: Error, CustomStringConvertible {
  var reason: String
  var description: String { reason }
}

/// A coordinator that does not hear the person in charge.
struct CoordinatorUnreachable: Error, CustomStringConvertible {
  var run: String
  var holder: String
  var description: String {
    "\(run) is in use by \(holder), which does not answer here; give the command on the machine, and as the user, of "
      + "its coordinator"
  }
}

/// What a coordinator said no to, in its words.
struct OperationRefused: Error, CustomStringConvertible {
  var reason: String
  var description: String { reason }
}
