import Foundation
import Testing

@testable import Configuration

/// Cluster files.
@Suite struct ClusterFileTests {
  /// What is wrong, one line each; empty where nothing is.
  private func messages(_ yaml: String) throws -> [String] {
    do {
      _ = try ClusterFile(yaml: yaml, source: "test.yaml")
      return []
    } catch let error as ConfigurationError {
      #expect(error.source == "test.yaml")
      return error.problems.map(\.description)
    }
  }

  @Test(
    "the project's own files are right", arguments: ["local", "slurm", "kubernetes", "hosts"])
  func ownFiles(kind: String) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = try ClusterFile.load(file: root.appending(path: "Cluster/\(kind).yaml").path)
    #expect(file.kind.rawValue == kind)
    #expect(try ClusterFile(resolvedJSON: file.resolvedJSON) == file)
  }

  @Test func whatAFileLeavesOutHasItsDefault() throws {
    let file = try ClusterFile(
      yaml: "kind: local\nroles: {policyLearners: {count: 3}}\nrestart: {limit: 2}")
    #expect(file.roles.policyLearners == RoleSize(count: 3, threads: 1, memoryGB: 1))
    #expect(file.roles.collectors == ClusterFile.defaults.roles.collectors)
    #expect(file.restart.limit == 2 && file.restart.forgottenAfterSeconds == 60)
    #expect(file.endpoint == nil && file.runs == "runs")
  }

  @Test(
    "what is wrong is said with its line",
    arguments: [
      (
        "kind: lokal",
        "kind (line 1): got 'lokal'; did you mean 'local'? (valid: hosts, kubernetes, local, slurm)"
      ),
      (
        "kind: local\nroles:\n  policyLearner: {count: 2}",
        "roles.policyLearner (line 3): unknown key; did you mean 'policyLearners'?"
      ),
      (
        "kind: local\nroles:\n  labellers:\n    count: 0",
        "roles.labellers.count (line 4): got 0; expected an integer, at least 1"
      ),
      (
        "kind: local\nroles: {collectors: {count: 2}}",
        "roles.collectors.count (line 2): unknown key: there is a collector for each robot of the run"
      ),
      ("roles: {}", "kind (line 1): missing, but required"),
      (
        "kind: local\nslurm: {partition: main}",
        "slurm (line 2): only for kind: slurm, but the kind is local"
      ),
      (
        "kind: local\nendpoint: tcp://127.0.0.1:99999",
        "endpoint (line 2): got the text 'tcp://127.0.0.1:99999'; expected an endpoint such as"
      ),
      ("kind: local\nendpoint: tcp://127.0.0.1", "a port is 1 to 65535, or * for any free one"),
      (
        "kind: local\nendpoint: tcp://127.0.0.1:*",
        "endpoint (line 2): got 'tcp://127.0.0.1:*'; expected a port that the workers can be told"
      ),
      (
        "kind: hosts\nendpoint: tcp://127.0.0.1:*\nhosts: [{name: a, roles: [collectors]}]",
        "endpoint (line 2): got 'tcp://127.0.0.1:*'; expected a loopback address with a port"
      ),
      (
        "kind: slurm\nslurm: {time: soon}",
        "slurm.time (line 2): got the text 'soon'; expected minutes, or a time limit as Slurm"
      ),
      (
        "kind: slurm\nslurm:\n  learnerOptions: [nodelist=foo]",
        "slurm.learnerOptions.0 (line 3): got 'nodelist=foo'; expected an option of sbatch"
      ),
      (
        "kind: slurm\nslurm: {collectorOptions: [--nice, --array=0-3]}",
        "slurm.collectorOptions.1 (line 2): got '--array=0-3'; expected none of --array, -a"
      ),
      ("kind: slurm\nslurm: {coordinatorOptions: [-n9]}", "expected none of --ntasks, -n"),
      (
        "kind: local\ntunnelPort: 20000",
        "tunnelPort (line 2): only for kind: hosts, but the kind is local"
      ),
      (
        "kind: local\nroles: {labellers: {memoryGB: 0.0001}}",
        "roles.labellers.memoryGB (line 2): got 0.0001; expected a number, at least 0.01"
      ),
      ("kind: slurm\nendpoint: ipc:///tmp/x", "expected a tcp address"),
      ("kind: kubernetes", "trustedNetwork (line 1): expected true"),
      (
        "kind: kubernetes\ntrustedNetwork: true\nendpoint: tcp://0.0.0.0:1",
        "Kubernetes gives the coordinator its address"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {namespace: Lab}",
        "kubernetes.namespace (line 3): got 'Lab'; expected lower-case letters"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {namespace: lab-}",
        "kubernetes.namespace (line 3): got 'lab-'; expected lower-case letters"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {storage: lots}",
        "kubernetes.storage (line 3): got the text 'lots'; expected an amount such as 20Gi"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {storage: 0Gi}",
        "kubernetes.storage (line 3): got the text '0Gi'; expected an amount"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {storage: 20GB}",
        "kubernetes.storage (line 3): got the text '20GB'; expected an amount"
      ),
      (
        "kind: kubernetes\nkubernetes: {keysSecret: Bad_Secret}",
        "kubernetes.keysSecret (line 2): got the text 'Bad_Secret'; expected a name of lower-case letters"
      ),
      (
        "kind: kubernetes\nkubernetes: {keysSecret: keys, imagePullSecrets: [a_b]}",
        "kubernetes.imagePullSecrets.0 (line 2): got the text 'a_b'; expected a name of lower-case letters"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {storageClass: -fast}",
        "kubernetes.storageClass (line 3): got the text '-fast'; expected a name"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {nodeSelector: {gpu: true}}",
        "kubernetes.nodeSelector.gpu (line 3): got true; expected a text"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {tolerations: [{keys: a}]}",
        "kubernetes.tolerations.0.keys (line 3): unknown key; did you mean 'key'?"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {probes: http}",
        "kubernetes.probes (line 3): got http, which asks the dashboard"
      ),
      (
        "kind: local\nroles: {labellers: {ranks: 2}}",
        "roles.labellers.ranks (line 2): got 2; expected 1: only learners train together"
      ),
      (
        "kind: kubernetes\ntrustedNetwork: true\nroles: {policyLearners: {ranks: 4}}",
        "roles.policyLearners.ranks (line 3): got 4; expected 1: pods are not started by mpirun"
      ),
      ("kind: hosts", "hosts (line 1): missing, but required for kind: hosts"),
      (
        "kind: hosts\nhosts: [{name: a, roles: [collectors, labellers, valueLearners]}]",
        "hosts (line 2): no host takes policyLearners"
      ),
      (
        "kind: hosts\nhosts: [{name: a, roles: [collector]}]",
        "got 'collector'; did you mean 'collectors'?"
      ),
      (
        "kind: local\nrestart: {firstDelaySeconds: 5, longestDelaySeconds: 1}",
        "restart.longestDelaySeconds (line 2): got 1.0; expected at least firstDelaySeconds"
      ),
      ("name: demo\ntasks: [{name: espresso}]", "is a run's configuration"),
    ])
  func problems(yaml: String, expected: String) throws {
    let found = try messages(yaml)
    #expect(found.contains { $0.contains(expected) }, "\(found)")
  }

  @Test func amountsAndPlacesAreAsKubernetesWritesThem() throws {
    for storage in ["20Gi", "500G", "1.5Ti", "\"1000000000\"", "20000M"] {
      let yaml = "kind: kubernetes\ntrustedNetwork: true\nkubernetes: {storage: \(storage)}"
      #expect(try messages(yaml).isEmpty)
    }
    let file = try ClusterFile(
      yaml: """
        kind: kubernetes
        kubernetes:
          {keysSecret: lab.keys, nodeSelector: {pool: robots}, tolerations: [{operator: Exists}],
           httpTokenSecret: token, probes: http}
        """)
    #expect(file.kubernetes.nodeSelector == ["pool": "robots"])
    #expect(file.kubernetes.tolerations == [Toleration(operator: "Exists")])
    #expect(file.kubernetes.createNamespace)
    #expect(try ClusterFile(resolvedJSON: file.resolvedJSON) == file)
  }

  @Test(
    "what is right is accepted",
    arguments: [
      // Keys let the workers in.
      "kind: slurm\nendpoint: tcp://*:*", "kind: local\nendpoint: tcp://0.0.0.0:7700",
      "kind: slurm\nendpoint: tcp://*:*\ntrustedNetwork: true",
      "kind: local\nendpoint: tcp://127.0.0.1:7700", "kind: local\nendpoint: ipc:///tmp/x",
      "kind: slurm\nslurm: {learnerOptions: [--gres=gpu:1, --nodelist n1, -N2]}",
    ])
  func accepted(yaml: String) throws { #expect(try messages(yaml).isEmpty) }

  @Test(
    "Slurm's time limits are taken as they are written, quoted or not",
    arguments: [
      ("2:00:00", "2:00:00"), ("\"2:00:00\"", "2:00:00"), ("90", "90"), ("1:30", "1:30"),
      ("2-00:00:00", "2-00:00:00"), ("1-12", "1-12"), ("UNLIMITED", "UNLIMITED"),
    ])
  func times(written: String, expected: String) throws {
    #expect(try ClusterFile(yaml: "kind: slurm\nslurm: {time: \(written)}").slurm.time == expected)
  }

  /// Two hosts that take collectors, as `hosts` goes on.
  private func hostMessages(_ hosts: String, robots: [String]?) throws -> [String] {
    let yaml = """
      kind: hosts
      hosts:
        - {name: here, roles: [valueLearners, labellers, policyLearners]}
      \(hosts)
      """
    do {
      _ = try ClusterFile(yaml: yaml, robots: robots)
      return []
    } catch let error as ConfigurationError {
      return error.problems.map(\.description)
    }
  }

  @Test(
    "every robot of the run has a place, and every place's robot is one of the run",
    arguments: [
      ("  - {name: b, roles: [collectors]}", nil),
      ("  - {name: b, roles: [collectors], robots: [cell-1, cell-2]}", nil),
      (
        "  - {name: a, roles: [collectors]}\n  - {name: b, roles: [collectors], robots: [cel-2]}",
        "hosts.b.robots.0 (line 5): the run has no robot 'cel-2'; did you mean 'cell-2'?"
      ),
      (
        "  - {name: b, roles: [collectors], robots: [cell-1]}",
        "hosts (line 2): no host takes the robot 'cell-2'"
      ),
      (
        "  - {name: a, roles: [collectors]}\n  - {name: b, roles: [labellers], robots: [cell-2]}",
        "hosts.b.robots (line 5): expected collectors among the roles"
      ),
      (
        "  - {name: a, roles: [collectors], robots: [cell-1, cell-2]}\n"
          + "  - {name: b, roles: [collectors], robots: [cell-2]}",
        "hosts.b.robots.0 (line 5): 'cell-2' is among those of a too"
      ),
    ] as [(String, String?)])
  func robots(hosts: String, expected: String?) throws {
    let found = try hostMessages(hosts, robots: ["cell-1", "cell-2"])
    guard let expected else {
      #expect(found.isEmpty, "\(found)")
      return
    }
    #expect(found.count == 1 && found.first?.hasPrefix(expected) == true, "\(found)")
    if expected.contains("the run") || expected.contains("no host takes") {
      #expect(try hostMessages(hosts, robots: nil).isEmpty)
    }
  }

  @Test(
    "a host is a destination that ssh takes for one",
    arguments: [
      ("-oProxyCommand=reboot", "expected a destination alone"),
      ("me@c -p 22", "expected a destination alone"),
      ("me@c:2222", "say ssh://me@c:2222, or give the port in ~/.ssh/config"),
      ("ssh://me@c:2222", nil), ("me@c", nil), ("me@fe80::1", nil),
    ] as [(String, String?)])
  func destinations(ssh: String, expected: String?) throws {
    let found = try hostMessages("  - {name: b, ssh: '\(ssh)', roles: [collectors]}", robots: nil)
    #expect(found.count == (expected == nil ? 0 : 1), "\(found)")
    if let expected {
      #expect(found.first?.hasPrefix("hosts.b.ssh (line 4): got '\(ssh)'; ") == true)
      #expect(found.first?.contains(expected) == true)
    }
  }
}
