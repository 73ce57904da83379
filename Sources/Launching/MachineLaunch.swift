import Configuration
import Foundation
import Messaging
import Monitoring

/// A launch whose processes are this machine's: `kind: local`, and `kind: hosts`, where those of other machines are
/// ssh's, which end with them.
public struct MachineLaunch: Sendable {
  public let processes: [RoleProcess]
  /// How each is started, in the same order.
  public let commands: [ProcessCommand]
  /// Where the coordinator listens.
  public let endpoint: String

  /// The processes of `kind: local`.
  ///
  /// - Parameters:
  ///   - program: The path of `recap`.
  ///   - workingDirectory: What a relative run directory is relative to.
  ///   - fallback: A path for the coordinator's socket, should the run's directory be too deep for one.
  public init(
    local launch: Launch, program: String, workingDirectory: String, fallback: String
  ) {
    let directory = launch.directory
    let absolute = directory.hasPrefix("/") ? directory : "\(workingDirectory)/\(directory)"
    let socket = "\(absolute)/coordinator.sock"
    endpoint =
      launch.endpoint
      ?? "ipc://\(socket.utf8.count <= Endpoint.longestPath ? socket : fallback)"
    let place = CoordinatorAddress.reachable(endpoint, host: "127.0.0.1")
    processes = launch.processes(
      coordinator: launch.coordinatorArguments(listen: endpoint), connect: { _ in place },
      spool: { "\(directory)/spool/\($0)" }, states: "\(directory)/training")
    commands = processes.map {
      ProcessCommand(name: $0.name, words: $0.words(program: program))
    }
  }

  /// The processes of `kind: hosts`: the coordinator here, each other one on the host that takes it. ssh carries the
  /// connection to the coordinator, so that it needs to listen at a loopback address only.
  ///
  /// - Throws: `UnplacedRobot` for one that no host takes.
  public init(hosts launch: Launch, program: String) throws {
    let place = launch.endpoint ?? ""
    endpoint = place
    let firstPort = launch.cluster.tunnelPort ?? Self.firstTunnelPort
    let directory = launch.directory
    var placement = HostPlacement(launch.cluster.hosts)
    let base = launch.processes(
      coordinator: launch.coordinatorArguments(listen: place), connect: { _ in place },
      spool: { "\(directory)/spool/\($0)" }, states: "\(directory)/training")
    processes = base
    commands = try base.enumerated().map { index, process in
      guard let role = process.role.hostRole else {
        return ProcessCommand(name: process.name, words: [program] + process.arguments)
      }
      let host = try placement.host(for: role, robot: process.robot)
      guard let destination = host.ssh else {
        return ProcessCommand(
          name: process.name, words: process.words(program: host.program ?? program))
      }
      // A port of its own for each process, so that several on one host do not meet.
      let port = firstPort + index
      var there = process
      there.arguments = Self.arguments(
        process.arguments, place: place, port: port, local: directory)
      return ProcessCommand(
        name: process.name,
        words: [
          "ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o",
          "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3", "-o",
          "ExitOnForwardFailure=yes",
          // A connection of its own: a shared one would outlive the process, and keep its port.
          "-o", "ControlMaster=no", "-o", "ControlPath=none", "-R",
          "127.0.0.1:\(port):\(place.dropFirst("tcp://".count))", destination,
          Self.shell(there, program: host.program ?? program, directory: host.directory),
        ])
    }
  }

  /// The first of the ports at which other machines find the coordinator on their own loopback address, unless the
  /// cluster file says another.
  static let firstTunnelPort = 17700

  /// A process's arguments as they are on another machine: another endpoint, and directories below the one there.
  private static func arguments(
    _ arguments: [String], place: String, port: Int, local: String
  ) -> [String] {
    arguments.map { word in
      if word == place { return "tcp://127.0.0.1:\(port)" }
      return word.hasPrefix("\(local)/") ? String(word.dropFirst(local.count + 1)) : word
    }
  }

  private static func shell(_ process: RoleProcess, program: String, directory: String) -> String {
    let words = process.words(program: program).map { $0 == program ? path($0) : Shell.word($0) }
    let place = path(directory)
    return "mkdir -p \(place) && cd \(place) && exec env \(Lifeline.variable)=1 "
      + words.joined(separator: " ")
  }

  /// A path as a word of a shell, which is to see a ~ for the home directory.
  private static func path(_ path: String) -> String {
    path.hasPrefix("~/") ? "~/" + Shell.word(String(path.dropFirst(2))) : Shell.word(path)
  }

  /// What would be run, a line a process.
  public var text: String {
    commands.map { $0.words.map(Shell.word).joined(separator: " ") + "\n" }.joined()
  }

  /// What the processes need together.
  public var need: ProcessSize {
    ProcessSize(
      threads: processes.reduce(0) { $0 + $1.size.threads * ($1.ranks ?? 1) },
      memoryGB: processes.reduce(0) { $0 + $1.size.memoryGB * Double($1.ranks ?? 1) })
  }
}

extension Launch {
  /// What follows `recap coordinator` where the run is there already.
  func coordinatorArguments(listen: String, publish: String? = nil) -> [String] {
    ["--resume", directory, "--listen", listen]
      + (cluster.trustedNetwork ? ["--trusted-network"] : [])
      + (publish.map { ["--publish", $0] } ?? [])
  }
}

/// Deals processes to the hosts that take their role, one after the other.
struct HostPlacement {
  let hosts: [HostSettings]
  private var turns: [String: Int] = [:]

  init(_ hosts: [HostSettings]) { self.hosts = hosts }

  /// - Throws: `UnplacedRobot` for a collector that no host takes.
  mutating func host(for role: String, robot: String?) throws -> HostSettings {
    if let robot,
      let named = hosts.first(where: {
        $0.roles.contains(role) && $0.robots?.contains(robot) == true
      })
    {
      return named
    }
    let able = hosts.filter { $0.roles.contains(role) && (robot == nil || $0.robots == nil) }
    guard !able.isEmpty else { throw UnplacedRobot(robot: robot ?? role) }
    let turn = turns[role, default: 0]
    turns[role] = turn + 1
    return able[turn % able.count]
  }
}

/// A robot that no host of the cluster file takes.
struct UnplacedRobot: Error, CustomStringConvertible {
  var robot: String
  var description: String {
    "no host takes the robot '\(robot)': name it among the robots of one, or let one with "
      + "collectors among its roles take any, by leaving its robots out"
  }
}
