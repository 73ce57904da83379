import Configuration
import Messaging

/// One process of a run: a role with its `recap` command line.
public struct RoleProcess: Codable, Hashable, Sendable {
  /// Unique within the run, and the name of its log: "coordinator", "policy-learner-2",
  /// "collector-cell-1".
  public var name: String
  public var role: ProcessRole
  /// What follows `recap`.
  public var arguments: [String]
  /// Of each rank, where there are several.
  public var size: ProcessSize
  /// The robot of a collector.
  public var robot: String?
  /// Of a learner that is several processes; nil for one.
  public var ranks: Int?

  public init(
    name: String, role: ProcessRole, arguments: [String], size: ProcessSize, robot: String? = nil,
    ranks: Int? = nil
  ) {
    self.name = name
    self.role = role
    self.arguments = arguments
    self.size = size
    self.robot = robot
    self.ranks = ranks
  }

  /// What starts it on one machine. Ranks share the machine with other processes, so none is bound to a core of its own
  /// or refused for the lack of one; and they get the time to stop by themselves.
  ///
  /// - Parameter program: The path of `recap`.
  func words(program: String) -> [String] {
    guard let ranks else { return [program] + arguments }
    return [
      "mpirun", "-n", "\(ranks)", "--oversubscribe", "--bind-to", "none", "--mca",
      "odls_base_sigkill_timeout", "10", program,
    ] + arguments
  }
}

/// The roles that are processes; their names are those of `recap`'s commands.
public enum ProcessRole: String, Codable, Hashable, Sendable, CaseIterable {
  case coordinator
  case valueLearner = "value-learner"
  case labeller
  case policyLearner = "policy-learner"
  case collector

  /// What a cluster file's hosts call it; nil for the coordinator, which they cannot take.
  var hostRole: String? {
    switch self {
    case .coordinator: nil
    case .valueLearner: "valueLearners"
    case .labeller: "labellers"
    case .policyLearner: "policyLearners"
    case .collector: "collectors"
    }
  }
}

/// What is launched: a run in its directory, and where its processes are.
public struct Launch: Sendable {
  public var cluster: ClusterFile
  /// The run's directory, which holds the run already.
  public var directory: String
  /// The run's name.
  public var run: String
  /// The names of the run's robots.
  public var robots: [String]

  public init(cluster: ClusterFile, directory: String, run: String, robots: [String]) {
    self.cluster = cluster
    self.directory = directory
    self.run = run
    self.robots = robots
  }

  /// The directory of the processes' logs.
  public var logs: String {
    cluster.logs.hasPrefix("/") ? cluster.logs : "\(directory)/\(cluster.logs)"
  }

  /// Where the coordinator listens; nil for a Unix socket in the run's directory (local), and for what Kubernetes gives.
  /// Under Slurm it is every address of its node, since nobody knows beforehand where the other jobs are.
  public var endpoint: String? {
    switch cluster.kind {
    case .slurm: cluster.endpoint ?? "tcp://*:*"
    case .hosts: cluster.endpoint ?? "tcp://127.0.0.1:7700"
    case .local, .kubernetes: cluster.endpoint
    }
  }

  /// Whether other machines reach the coordinator.
  var isReached: Bool {
    endpoint.map { (try? Endpoint($0, for: .listening))?.isLocal == false } ?? false
  }

  /// The directory of the run's keys, where its processes need them to be let in; nil where they need none, and on
  /// Kubernetes, which has a Secret for them.
  public var keys: String? {
    isReached && !cluster.trustedNetwork ? "\(directory)/keys" : nil
  }

  /// A process for everything that the run needs: the coordinator, the learners, and a collector for each robot.
  ///
  /// - Parameters:
  ///   - coordinator: What follows `recap coordinator`.
  ///   - connect: What a process of this name is to give `--connect`.
  ///   - spool: The directory for what a robot has not sent yet.
  ///   - states: The directory for interrupted trainings.
  func processes(
    coordinator: [String], connect: (String) -> String, spool: (String) -> String, states: String
  ) -> [RoleProcess] {
    let roles = cluster.roles
    let keyArguments = keys.map { ["--keys", $0] } ?? []
    func learners(_ role: ProcessRole, _ size: RoleSize) -> [RoleProcess] {
      Self.names(of: role, count: size.count).map { name in
        var arguments = [role.rawValue, "--connect", connect(name), "--name", name] + keyArguments
        if role != .labeller { arguments += ["--states", states] }
        arguments += ["--threads", "\(size.threads)"]
        if size.ranks > 1 { arguments.append("--mpi") }
        return RoleProcess(
          name: name, role: role, arguments: arguments, size: size.size,
          ranks: size.ranks > 1 ? size.ranks : nil)
      }
    }
    let first = RoleProcess(
      name: ProcessRole.coordinator.rawValue, role: .coordinator,
      arguments: [ProcessRole.coordinator.rawValue] + coordinator, size: roles.coordinator)
    return [first] + learners(.valueLearner, roles.valueLearners)
      + learners(.labeller, roles.labellers) + learners(.policyLearner, roles.policyLearners)
      + robots.map { robot in
        let name = "\(ProcessRole.collector.rawValue)-\(robot)"
        return RoleProcess(
          name: name, role: .collector,
          arguments: [
            ProcessRole.collector.rawValue, "--connect", connect(name), "--name", robot, "--spool",
            spool(robot),
          ] + keyArguments, size: roles.collectors, robot: robot)
      }
  }

  /// One worker has the role's name, several have numbers too.
  static func names(of role: ProcessRole, count: Int) -> [String] {
    count == 1 ? [role.rawValue] : (1...count).map { "\(role.rawValue)-\($0)" }
  }
}
