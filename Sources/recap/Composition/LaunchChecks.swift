import Configuration
import EpisodeStorage
import Foundation
import Launching
import MPICommunicator
import Messaging
import ZeroMQTransport

// What is asked before anything is made.

extension Composition {
  /// Refuses what could not be launched. Changes nothing, so that --check and --dry-run ask it as well.
  static func check(_ prepared: PreparedLaunch) async throws {
    let launch = prepared.launch
    let isOnKubernetes = launch.cluster.kind == .kubernetes
    if isOnKubernetes { try requireUnlaunched(launch.directory) }
    if case .checked(_, let directory) = prepared.source,
      let run = try? await ArchiveReader(directory: directory).run()
    {
      throw ArchiveError.alreadyExists(directory: directory, run: run.name)
    }
    if isOnKubernetes { return try checkDrivers(of: prepared.configuration) }
    try requireMPI(launch)
    // Others are in the run's directory.
    if launch.cluster.logs.hasPrefix("/") { try LogDirectory.check(launch.logs) }
    if let endpoint = launch.endpoint, let place = try? Endpoint(endpoint, for: .listening),
      place.transport == .ipc
    {
      let folder = (place.address as NSString).deletingLastPathComponent
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory),
        isDirectory.boolValue
      else { throw CannotLaunch(reason: "endpoint \(endpoint): there is no directory \(folder)") }
    }
  }

  /// What a person should know who launches this.
  static func cautions(about prepared: PreparedLaunch, program: String) -> [String] {
    guard prepared.launch.cluster.kind == .slurm else { return [] }
    return [SlurmLaunch(prepared.launch, program: program).caution].compactMap(\.self)
      .map { "note: \($0)" }
  }

  /// Ranks are started by what is here, where they are this machine's or its program's.
  private static func requireMPI(_ launch: Launch) throws {
    let (cluster, roles) = (launch.cluster, launch.cluster.roles)
    let ranked = [("valueLearners", roles.valueLearners), ("policyLearners", roles.policyLearners)]
      .filter { $0.1.ranks > 1 }.map(\.0)
    let isOwn =
      switch cluster.kind {
      case .local, .slurm: !ranked.isEmpty
      case .kubernetes: false
      case .hosts:
        cluster.hosts.contains { host in
          host.ssh == nil && host.program == nil && ranked.contains(where: host.roles.contains)
        }
      }
    guard isOwn, let role = ranked.first else { return }
    func refusal(_ reason: String) -> CannotLaunch {
      CannotLaunch(reason: "roles.\(role).ranks: \(reason)")
    }
    if !isBuiltWithMPI { throw refusal(MPIUnavailable.notBuilt.description) }
    if cluster.kind == .slurm { return }
    let environment = ProcessInfo.processInfo.environment
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    guard folders.contains(where: { access("\($0)/mpirun", X_OK) == 0 }) else {
      throw refusal("there is no mpirun in PATH; Debian has it in openmpi-bin")
    }
    let permissions = ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"]
    if geteuid() == 0, permissions.contains(where: { environment[$0] != "1" }) {
      throw refusal(
        "mpirun refuses to run as root without \(permissions.map { "\($0)=1" }.joined(separator: " "))"
      )
    }
  }

  /// Takes hold, for a moment, of what the processes need outside of the run's directory.
  ///
  /// - Throws: For logs that cannot be written, and an endpoint that another process has: starting the coordinator again
  ///   would not help.
  static func requirePlaces(of launch: Launch) async throws {
    if launch.cluster.logs.hasPrefix("/") { try LogDirectory.make(launch.logs) }
    guard launch.cluster.kind != .slurm, let endpoint = launch.endpoint else { return }
    await (try ZeroMQServer(endpoints: [endpoint], trustsNetwork: true)).close()
  }

  /// Makes the keys that the processes are told of, where they need any and the run has none.
  static func makeKeys(of launch: Launch) throws {
    if let keys = launch.keys { _ = try RunKeys.loadOrMake(keys) }
  }

  /// A path for people: of a directory that is there, without `..` in it.
  static func tidy(_ path: String) -> String {
    guard path.contains(".."), let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}

/// A launch that could not work.
struct CannotLaunch: Error, CustomStringConvertible {
  var reason: String
  var description: String { reason }
}
