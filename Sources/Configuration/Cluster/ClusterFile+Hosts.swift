// What is wrong with the machines of `kind: hosts`.

extension ClusterFile {
  /// - Parameter robots: Those of the run; nil where it is not known yet.
  func hostProblems(_ root: SettingNode, robots: [String]?) -> [ConfigurationError.Problem] {
    guard let node = root["hosts"] else {
      return [
        .init(
          kind: .missingKey, keyPath: "hosts", origin: root["kind"]?.origin,
          message: "missing, but required for kind: hosts: give a list of machines, such as "
            + "[{name: here, roles: [valueLearners, labellers, policyLearners]}, "
            + "{name: cell, ssh: me@cell, roles: [collectors]}]")
      ]
    }
    var problems: [ConfigurationError.Problem] = []
    func note(_ path: String, _ node: SettingNode?, _ message: String) {
      problems.append(
        .init(kind: .inconsistent, keyPath: path, origin: node?.origin, message: message))
    }
    for role in HostSettings.roleNames where !hosts.contains(where: { $0.roles.contains(role) }) {
      note("hosts", node, "no host takes \(role); put it among the roles of one")
    }
    var owners: [String: String] = [:]
    for (index, host) in hosts.enumerated() {
      let (path, written) = ("hosts.\(host.name)", node[index])
      if let problem = host.sshProblem { note("\(path).ssh", written?["ssh"], problem) }
      if host.robots != nil, !host.roles.contains("collectors") {
        note(
          "\(path).robots", written?["robots"],
          "expected collectors among the roles of a host that takes robots")
      }
      for (number, robot) in (host.robots ?? []).enumerated() {
        let (place, word) = ("\(path).robots.\(number)", written?["robots"]?[number])
        if let robots, !robots.contains(robot) {
          note(
            place, word,
            "the run has no robot '\(robot)'; \(NearestName.advice(for: robot, among: robots))")
        } else if let owner = owners.updateValue(host.name, forKey: robot) {
          note(place, word, "'\(robot)' is among those of \(owner) too, and a robot is at one host")
        }
      }
    }
    let takesAny = hosts.contains { $0.roles.contains("collectors") && $0.robots == nil }
    for robot in robots ?? [] where !takesAny && owners[robot] == nil {
      note(
        "hosts", node,
        "no host takes the robot '\(robot)': name it among the robots of one, or let one with "
          + "collectors among its roles take any, by leaving its robots out")
    }
    return problems
  }
}

extension HostSettings {
  /// ssh would read what is no destination as an option, or as a name that nobody has.
  fileprivate var sshProblem: String? {
    guard let ssh else { return nil }
    if ssh.hasPrefix("-") || ssh.contains(where: \.isWhitespace) {
      return "got '\(ssh)'; expected a destination alone, such as me@robot-pc: options belong in "
        + "~/.ssh/config"
    }
    if ssh.wholeMatch(of: /[^:\/]+:\d+/) != nil {
      return "got '\(ssh)'; expected a destination without a port, such as me@robot-pc; say "
        + "ssh://\(ssh), or give the port in ~/.ssh/config"
    }
    return nil
  }
}
