import Configuration
import Foundation
import Testing
import Yams

@testable import Launching

/// What tells one run's objects on Kubernetes from another's, what its pods hold, and how they are.
@Suite struct KubernetesTests {
  private static let configuration = "{\n  \"name\": \"demo\"\n}"

  private func kubernetes(
    _ yaml: String, directory: String = "/shared/runs/demo-1", launch: String = "first",
    robots: [String] = ["cell-1"]
  ) throws -> KubernetesLaunch {
    let cluster = try ClusterFile(yaml: "kind: kubernetes\ntrustedNetwork: true\n\(yaml)")
    return KubernetesLaunch(
      Launch(cluster: cluster, directory: directory, run: "demo", robots: robots),
      configuration: Self.configuration,
      at: KubernetesPlace(
        ofRunAt: directory, namespace: cluster.kubernetes.namespace, launch: launch))
  }

  private func nodes(_ text: String) throws -> [Node] { Array(try Yams.compose_all(yaml: text)) }

  // MARK: - Names

  @Test(
    "what Kubernetes takes stays, and what had to be changed is told from its like",
    arguments: [
      ("demo-1", "demo-1"), ("foo-bar-1", "foo-bar-1"), ("Foo_Bar.1", nil), ("Demo-1", nil),
      ("--", nil), (String(repeating: "x", count: 63), String(repeating: "x", count: 63)),
      (String(repeating: "x", count: 64), nil), ("über", nil),
    ])
  func names(name: String, expected: String?) {
    let label = KubernetesPlace.label(name)
    if let expected { #expect(label == expected) } else { #expect(label != name) }
    #expect(label.count <= 63 && label.first != "-" && label.last != "-")
    #expect(
      label.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }, "\(label)")
  }

  @Test func differentNamesAreNeverTheSame() {
    let long = String(repeating: "x", count: 60)
    let names = [
      "Foo_Bar.1", "foo-bar-1", "foo_bar.1", "FOO-BAR-1", "\(long)-one", "\(long)-two", "-", "--",
    ]
    #expect(Set(names.map(KubernetesPlace.label)).count == names.count)
    let places = names.map { KubernetesPlace(ofRunAt: "runs/\($0)", namespace: nil, launch: nil) }
    #expect(Set(places.map(\.namespace)).count == names.count)
    #expect(Set(places.map(\.instance)).count == names.count)
  }

  @Test func robotsWhoseNamesAreAlikeHaveADeploymentEach() throws {
    let text = try kubernetes("", robots: ["arm_1", "arm-1"]).text
    let names = try nodes(text).compactMap { $0["metadata"]?["name"]?.string }
    #expect(names.filter { $0.hasPrefix("collector-arm-1") }.count == 2)
    #expect(
      Set(names).subtracting(["coordinator"]).count == names.filter { $0 != "coordinator" }.count)
  }

  // MARK: - The namespace

  @Test func aNamespaceIsMadeWhereItIsTheRunsToMake() throws {
    func namespace(_ yaml: String) throws -> Node? {
      try nodes(kubernetes(yaml).text).first { $0["kind"]?.string == "Namespace" }
    }
    #expect(try namespace("")?["metadata"]?["labels"] != nil)
    // One that a person names may hold other things too.
    let named = try namespace("kubernetes: {namespace: lab}")
    #expect(named != nil && named?["metadata"]?["labels"] == nil)
    #expect(try namespace("kubernetes: {namespace: lab, createNamespace: false}") == nil)
    #expect(try namespace("kubernetes: {namespace: default}") == nil)
  }

  // MARK: - Pods

  private func pods(_ yaml: String) throws -> [(role: String, pod: Node)] {
    try nodes(kubernetes(yaml).text).compactMap { object in
      object["spec"]?["template"]?["spec"].map {
        ($0["containers"]?[0]?["name"]?.string ?? "", $0)
      }
    }
  }

  private func texts(_ node: Node?) -> [String] {
    (node?.array() ?? []).compactMap { $0.string ?? $0["name"]?.string }
  }

  @Test(
    "a role holds its own keys and the coordinator's public one",
    arguments: [ProbeKind.exec, .http])
  func keys(probes: ProbeKind) throws {
    let pods = try pods(
      "kubernetes: {keysSecret: recap-keys, httpTokenSecret: recap-http, probes: \(probes.rawValue)}"
    )
    #expect(pods.map(\.role).count == 5)
    for (role, pod) in pods {
      let volume = (pod["volumes"]?.array() ?? []).first { $0["name"]?.string == "keys" }
      #expect(volume?["secret"]?["secretName"]?.string == "recap-keys")
      let items = (volume?["secret"]?["items"]?.array() ?? []).compactMap { $0["key"]?.string }
      if role == "coordinator" {
        let workers = ["value-learner.pub", "labeller.pub", "policy-learner.pub", "collector.pub"]
        #expect(
          Set(items)
            == Set(
              ["coordinator.key", "coordinator.pub"] + workers
                + (probes == .exec ? ["collector.key"] : [])))
      } else {
        #expect(items == ["\(role).key", "coordinator.pub"])
      }
    }
  }

  @Test func aTokenIsForTheCoordinatorAlone() throws {
    for (role, pod) in try pods("kubernetes: {httpTokenSecret: recap-http}") {
      let arguments = texts(pod["containers"]?[0]?["args"])
      let isServed = role == "coordinator"
      #expect(arguments.contains("--http-token-file") == isServed)
      #expect(texts(pod["volumes"]).contains("web") == isServed)
      // The dashboard is there, and the health is asked for as ever.
      if isServed { #expect(pod["containers"]?[0]?["livenessProbe"]?["exec"] != nil) }
    }
  }

  @Test func podsArePutWhereTheFileSays() throws {
    let yaml = """
      kubernetes:
        imagePullSecrets: [registry]
        nodeSelector: {pool: robots, gpu: "true"}
        tolerations: [{key: robots, operator: Exists, effect: NoSchedule, tolerationSeconds: 60}]
      """
    let all = try pods(yaml).map(\.pod) + nodes(kubernetes(yaml).reader).compactMap { $0["spec"] }
    #expect(all.count == 6)
    for pod in all {
      #expect(texts(pod["imagePullSecrets"]) == ["registry"])
      #expect(pod["nodeSelector"]?["pool"]?.string == "robots")
      #expect(pod["nodeSelector"]?["gpu"]?.tag.description == Tag.Name.str.rawValue)
      let toleration = pod["tolerations"]?[0]
      #expect(toleration?["key"]?.string == "robots" && toleration?["value"] == nil)
      #expect(toleration?["tolerationSeconds"]?.int == 60)
    }
    for (_, pod) in try pods("") {
      for key in ["imagePullSecrets", "nodeSelector", "tolerations"] { #expect(pod[key] == nil) }
    }
  }

  @Test func theReaderHoldsTheCoordinatorsVolume() throws {
    let launch = try kubernetes("")
    let reader = try #require(nodes(launch.reader).first)
    let stateful = try nodes(launch.text).first { $0["kind"]?.string == "StatefulSet" }
    let template = stateful?["spec"]?["volumeClaimTemplates"]?[0]?["metadata"]?["name"]?.string
    // As a StatefulSet names the claims of its first pod.
    let claim = "\(template ?? "")-\(stateful?["metadata"]?["name"]?.string ?? "")-0"
    let volume = reader["spec"]?["volumes"]?[0]?["persistentVolumeClaim"]?["claimName"]?.string
    #expect(volume == claim)
    #expect(
      reader["spec"]?["containers"]?[0]?["volumeMounts"]?[0]?["mountPath"]?.string
        == "/var/lib/recap")
  }

  // MARK: - Whose objects they are

  @Test func everythingThatWouldBeAppliedIsAskedFor() throws {
    let launch = try kubernetes("")
    func name(_ node: Node) -> String {
      "\(node["kind"]?.string ?? "") \(node["metadata"]?["name"]?.string ?? "") "
        + (node["metadata"]?["namespace"]?.string ?? "")
    }
    let asked = try nodes(KubernetesObjects.names(inManifests: launch.text))
    let applied = try nodes(launch.text).filter { $0["kind"]?.string != "Namespace" }
    #expect(
      asked.map(name)
        == applied.map(name) + ["PersistentVolumeClaim archive-coordinator-0 recap-demo-1"])
    #expect(asked.allSatisfy { $0["spec"] == nil && $0["data"] == nil })
  }

  @Test func theConfigurationIsReadFromWhatWasApplied() throws {
    let text = try kubernetes("").text
    #expect(
      try KubernetesObjects.configuration(inManifests: text) == "\(Self.configuration)\n")
    #expect(throws: BadManifests.self) {
      try KubernetesObjects.configuration(inManifests: "kind: Pod")
    }
  }

  /// Objects of a launch as kubectl prints them.
  private func stored(_ launch: KubernetesLaunch) throws -> String {
    let items = try nodes(launch.text).map { node in
      let annotation = node["metadata"]?["annotations"]?["recap/launch"]?.string ?? ""
      let instance = node["metadata"]?["labels"]?["app.kubernetes.io/instance"]?.string ?? ""
      return """
        {"kind": "\(node["kind"]?.string ?? "")", "metadata": {
          "name": "\(node["metadata"]?["name"]?.string ?? "")",
          "labels": {"app.kubernetes.io/instance": "\(instance)"},
          "annotations": {"recap/launch": "\(annotation)"}}}
        """
    }
    return "{\"kind\": \"List\", \"items\": [\(items.joined(separator: ","))]}"
  }

  @Test func anotherLaunchOfTheSameNameIsNotTheOwn() throws {
    let launch = try kubernetes("kubernetes: {createNamespace: false}")
    let text = try stored(launch)
    #expect(try KubernetesObjects.foreign(text, to: launch.place, isNew: false).isEmpty)
    let taken = try KubernetesObjects.foreign(text, to: launch.place, isNew: true)
    #expect(taken.contains("StatefulSet coordinator of run 'demo-1'"))
    var other = launch.place
    other.launch = "second"
    #expect(try KubernetesObjects.foreign(text, to: other, isNew: false).count == taken.count)
    // Objects of a version that gave no identifier are told by their label.
    other.launch = nil
    #expect(try KubernetesObjects.foreign(text, to: other, isNew: false).isEmpty)
    other.instance = "demo-2"
    #expect(try KubernetesObjects.foreign(text, to: other, isNew: false).count == taken.count)
    let alone = #"{"kind": "ConfigMap", "metadata": {"name": "run"}}"#
    #expect(
      try KubernetesObjects.foreign(alone, to: launch.place, isNew: false) == ["ConfigMap run"])
    #expect(try KubernetesObjects.foreign("\n", to: launch.place, isNew: true).isEmpty)
  }

  @Test func theVolumeIsMarkedAsTheLaunchsToo() throws {
    let stateful = try nodes(kubernetes("").text).first { $0["kind"]?.string == "StatefulSet" }
    let claim = stateful?["spec"]?["volumeClaimTemplates"]?[0]
    #expect(claim?["metadata"]?["annotations"]?["recap/launch"]?.string == "first")
  }

  // MARK: - How they are

  @Test func podsAreProcesses() throws {
    func workload(_ kind: String, _ name: String, replicas: Int) -> String {
      """
      {"kind": "\(kind)", "metadata": {"name": "\(name)",
        "labels": {"app.kubernetes.io/component": "\(name)"}}, "spec": {"replicas": \(replicas)}}
      """
    }
    func pod(_ component: String, _ suffix: String, _ status: String, more: String = "") -> String {
      """
      {"kind": "Pod", "metadata": {"name": "\(component)-\(suffix)"\(more),
        "labels": {"app.kubernetes.io/component": "\(component)"}}, "spec": {}, "status": \(status)}
      """
    }
    let items = [
      workload("Deployment", "policy-learner", replicas: 2),
      workload("Deployment", "labeller", replicas: 0),
      workload("Deployment", "value-learner", replicas: 1),
      workload("StatefulSet", "coordinator", replicas: 1),
      pod(
        "collector-cell-1", "x",
        #"{"containerStatuses": [{"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}"#
      ),
      pod(
        "policy-learner", "a",
        #"{"containerStatuses": [{"restartCount": 0, "state": {"terminated": {"reason": "Completed"}}}]}"#
      ),
      pod(
        "policy-learner", "b",
        #"{"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}"#
      ),
      pod(
        "coordinator", "0",
        #"{"containerStatuses": [{"restartCount": 1, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}"#
      ),
      pod("collector-cell-2", "y", "{}", more: #", "deletionTimestamp": "2026-01-01T00:00:00Z""#),
      pod("reader", "", "{}"),
    ]
    let found = try KubernetesObjects.processes("{\"items\": [\(items.joined(separator: ","))]}")
    #expect(
      found.map { "\($0.name) \($0.role.rawValue) \($0.state) \($0.restarts)" } == [
        "coordinator-0 coordinator running 1", "value-learner value-learner waiting 0",
        "labeller labeller stopped 0", "policy-learner-a policy-learner done 0",
        "policy-learner-b policy-learner waiting (Unschedulable) 0",
        "collector-cell-1-x collector waiting (CrashLoopBackOff) 3",
        "collector-cell-2-y collector stopping 0",
      ])
    #expect(try KubernetesObjects.processes("").isEmpty)
  }

  // MARK: - Records

  @Test func aRecordOfAnEarlierVersionIsRead() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let launch = try kubernetes("kubernetes: {namespace: lab}")
    try LaunchRecord(cluster: launch.launch.cluster, file: "k.yaml").write(to: folder.path)
    // Without the keys that the earlier version did not know.
    let file = URL(filePath: LaunchRecord.path(folder.path))
    var json = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    var cluster = try #require(json["cluster"] as? [String: Any])
    var settings = try #require(cluster["kubernetes"] as? [String: Any])
    for key in ["createNamespace", "imagePullSecrets", "nodeSelector", "tolerations"] {
      #expect(settings.removeValue(forKey: key) != nil)
    }
    cluster["kubernetes"] = settings
    json["cluster"] = cluster
    try JSONSerialization.data(withJSONObject: json).write(to: file)
    let record = try #require(try LaunchRecord.read(from: folder.path))
    #expect(record.cluster == launch.launch.cluster)
    #expect(
      record.kubernetesPlace(ofRunAt: "runs/demo-1")
        == KubernetesPlace(ofRunAt: "runs/demo-1", namespace: "lab", launch: nil))
  }
}
