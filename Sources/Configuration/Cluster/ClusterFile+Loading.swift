import Foundation
import Messaging

extension ClusterFile {
  /// Reads and checks a cluster file.
  ///
  /// - Parameter robots: The names of the run's robots, each of which needs a place; nil where the run is not known yet.
  /// - Throws: `ConfigurationError` with everything that is wrong.
  public static func load(file path: String, robots: [String]? = nil) throws -> ClusterFile {
    try ClusterFile(yaml: SettingNode.text(ofFile: path), source: path, robots: robots)
  }

  /// Reads and checks YAML text.
  ///
  /// - Parameters:
  ///   - source: What to call the text in errors.
  ///   - robots: As for `load`.
  public init(
    yaml: String, source: String = "cluster file", robots: [String]? = nil
  ) throws {
    var root = try SettingNode(yaml: yaml, source: source)
    if root["tasks"] != nil || root["robots"] != nil {
      throw ConfigurationError(
        source: source,
        problems: [
          .init(
            kind: .wrongType, keyPath: "",
            message: "is a run's configuration; expected a cluster file, such as "
              + "Cluster/local.yaml, and the configuration after it")
        ])
    }
    let misplaced = Self.takeCollectorCount(from: &root)
    // Minutes, which Slurm takes too.
    if case .integer(let minutes)? = root["slurm"]?["time"]?.content {
      root["slurm"]?["time"]?.content = .text("\(minutes)")
    }
    try ShapeChecker.require(root, Self.shape, source: source, known: misplaced)
    self = try Self.decoded(root)
    let problems = inconsistencies(root, robots: robots)
    guard problems.isEmpty else {
      throw ConfigurationError(source: source, problems: problems.sorted())
    }
  }

  /// The whole cluster file as JSON with sorted keys, which `init(resolvedJSON:)` reads.
  public var resolvedJSON: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// Reads what `resolvedJSON` gave; what an earlier version left out has its default.
  ///
  /// - Throws: `DecodingError` for what this version does not understand.
  public init(resolvedJSON: String) throws {
    self = try Self.decoded(
      SettingNode(yaml: resolvedJSON, source: "stored cluster file (of another version of recap?)"))
  }

  /// Says where the number of robots is given, to whoever looks for it here.
  private static func takeCollectorCount(
    from root: inout SettingNode
  ) -> [ConfigurationError.Problem] {
    guard let count = root["roles"]?["collectors"]?["count"] else { return [] }
    root["roles"]?["collectors"]?["count"] = nil
    return [
      .init(
        kind: .unknownKey, keyPath: "roles.collectors.count", origin: count.origin,
        message: "unknown key: there is a collector for each robot of the run; give "
          + "robots[].count in its configuration, or --set robots.NAME.count=5")
    ]
  }

  static func decoded(_ file: SettingNode) throws -> ClusterFile {
    var root = try Resolution.merge(file, over: SettingNode(encoding: defaults))
    let host = try SettingNode(encoding: HostSettings.defaults)
    if var hosts = root["hosts"], case .list(let items) = hosts.content {
      hosts.content = .list(items.map { Resolution.merge($0, over: host) })
      root["hosts"] = hosts
    }
    return try JSONDecoder().decode(ClusterFile.self, from: JSONEncoder().encode(root))
  }
}

// MARK: - What the parts of a file have to do with each other

extension ClusterFile {
  private func inconsistencies(
    _ root: SettingNode, robots: [String]?
  ) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func note(_ path: String, _ node: SettingNode?, _ message: String) {
      problems.append(
        .init(kind: .inconsistent, keyPath: path, origin: node?.origin, message: message))
    }
    for (key, owner) in [
      ("slurm", ClusterKind.slurm), ("kubernetes", .kubernetes), ("hosts", .hosts),
      ("tunnelPort", .hosts),
    ] where kind != owner && root[key] != nil {
      note(
        key, root[key],
        "only for kind: \(owner.rawValue), but the kind is \(kind.rawValue); leave it out")
    }
    if restart.longestDelaySeconds < restart.firstDelaySeconds {
      note(
        "restart.longestDelaySeconds", root["restart"]?["longestDelaySeconds"] ?? root["restart"],
        "got \(restart.longestDelaySeconds); expected at least firstDelaySeconds, which is "
          + "\(restart.firstDelaySeconds)")
    }
    if let problem = endpointProblem { note("endpoint", root["endpoint"] ?? root["kind"], problem) }
    if kind == .kubernetes { problems += kubernetesProblems(root) }
    for (role, size) in [
      ("valueLearners", roles.valueLearners), ("labellers", roles.labellers),
      ("policyLearners", roles.policyLearners),
    ] where size.ranks > 1 {
      let node = root["roles"]?[role]?["ranks"]
      if role == "labellers" {
        note(
          "roles.labellers.ranks", node,
          "got \(size.ranks); expected 1: only learners train together, labellers are more with count"
        )
      } else if kind == .kubernetes {
        note(
          "roles.\(role).ranks", node,
          "got \(size.ranks); expected 1: pods are not started by mpirun or srun. Give the role more "
            + "threads, or use another kind of cluster file")
      }
    }
    if kind == .slurm { problems += slurmProblems(root) }
    if kind == .hosts { problems += hostProblems(root, robots: robots) }
    return problems
  }

  private var endpointProblem: String? {
    guard let endpoint, let place = try? Endpoint(endpoint, for: .listening) else { return nil }
    switch kind {
    case .kubernetes:
      return "Kubernetes gives the coordinator its address, as a Service; leave it out"
    case .hosts where place.transport != .tcp || place.port == nil || !place.isLocal:
      return "got '\(endpoint)'; expected a loopback address with a port of its own, such as "
        + "tcp://127.0.0.1:7700: the other machines come through ssh's tunnels"
    case .slurm where place.transport != .tcp:
      return "got '\(endpoint)'; expected a tcp address: the roles run on several nodes"
    case .local where place.transport == .tcp && place.port == nil:
      return "got '\(endpoint)'; expected a port that the workers can be told, such as 7700; or "
        + "leave it out, for a socket in the run's directory"
    case .local, .slurm, .hosts: return nil
    }
  }
}
