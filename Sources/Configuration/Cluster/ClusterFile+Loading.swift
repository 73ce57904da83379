import Foundation

extension ClusterFile {
  /// Reads and checks a cluster file.
  ///
  /// - Throws: `ConfigurationError` with everything that is wrong.
  public static func load(file path: String) throws -> ClusterFile {
    try ClusterFile(yaml: SettingNode.text(ofFile: path), source: path)
  }

  /// Reads and checks YAML text.
  ///
  /// - Parameter source: What to call the text in errors.
  public init(yaml: String, source: String = "cluster file") throws {
    let root = try SettingNode(yaml: yaml, source: source)
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
    try ShapeChecker.require(root, Self.shape, source: source)
    self = try Self.decoded(root)
    let problems = inconsistencies(root)
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
  private func inconsistencies(_ root: SettingNode) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func note(_ path: String, _ node: SettingNode?, _ message: String) {
      problems.append(
        .init(kind: .inconsistent, keyPath: path, origin: node?.origin, message: message))
    }
    for (key, owner) in [
      ("slurm", ClusterKind.slurm), ("kubernetes", .kubernetes), ("hosts", .hosts),
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
    if kind == .hosts { problems += hostProblems(root) }
    return problems
  }

  private var endpointProblem: String? {
    guard let endpoint else { return nil }
    switch kind {
    case .kubernetes:
      return "Kubernetes gives the coordinator its address, as a Service; leave it out"
    case .hosts:
      if endpoint.hasPrefix("tcp://"), !endpoint.hasSuffix("*"), Self.isLoopback(endpoint) { break }
      return "got '\(endpoint)'; expected a loopback address with a port of its own, such as "
        + "tcp://127.0.0.1:7700: the other machines come through ssh's tunnels"
    case .slurm:
      if endpoint.hasPrefix("tcp://") { break }
      return "got '\(endpoint)'; expected a tcp address: the roles run on several nodes"
    case .local: break
    }
    guard endpoint.hasPrefix("tcp://"), !Self.isLoopback(endpoint), !trustedNetwork else {
      return nil
    }
    return "got '\(endpoint)', which other machines reach, although connections are neither "
      + "encrypted nor authenticated; give a loopback address, or say trustedNetwork: true if "
      + "everybody on that network may take part in the run"
  }

  private static func isLoopback(_ endpoint: String) -> Bool {
    endpoint.hasPrefix("tcp://127.") || endpoint.hasPrefix("tcp://[::1]:")
  }

  private func hostProblems(_ root: SettingNode) -> [ConfigurationError.Problem] {
    guard root["hosts"] != nil else {
      return [
        .init(
          kind: .missingKey, keyPath: "hosts", origin: root["kind"]?.origin,
          message: "missing, but required for kind: hosts: give a list of machines, such as "
            + "[{name: here, roles: [valueLearners, labellers, policyLearners]}, "
            + "{name: cell, ssh: me@cell, roles: [collectors]}]")
      ]
    }
    return HostSettings.roleNames.filter { role in !hosts.contains { $0.roles.contains(role) } }
      .map { role in
        .init(
          kind: .inconsistent, keyPath: "hosts", origin: root["hosts"]?.origin,
          message: "no host takes \(role); put it among the roles of one")
      }
  }
}
