import Foundation
import Launching
import Testing

/// `recap launch` on Kubernetes. There is none here: a program in kubectl's place notes what it is asked and answers from
/// files.
@Suite(.serialized)
struct KubernetesLaunchTests {
  /// A folder with a `kubectl`, a cluster file and runs.
  private struct Place {
    var folder: URL
    var cluster: String { folder.appending(path: "cluster.yaml").path }

    init() throws {
      folder = try RecapProcess.temporaryFolder()
      let kubectl = folder.appending(path: "bin/kubectl")
      try FileManager.default.createDirectory(
        at: kubectl.deletingLastPathComponent(), withIntermediateDirectories: true)
      try write(
        """
        #!/bin/sh
        cd '\(folder.path)' && echo "$@" >> calls
        case "$1" in
          get) cat > asked; cat there 2>/dev/null; exit 0 ;;
          apply) cp "$3" applied && echo applied ;;
          exec) cat progress ;;
        esac
        """, to: "bin/kubectl")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: kubectl.path)
      try cluster()
    }

    func cluster(_ settings: String = "image: one", roles: String = "{}") throws {
      try write(
        """
        kind: kubernetes
        trustedNetwork: true
        roles: \(roles)
        kubernetes: {\(settings)}
        """, to: "cluster.yaml")
    }

    func write(_ text: String, to name: String) throws {
      try Data(text.utf8).write(to: folder.appending(path: name))
    }

    func read(_ name: String) -> String {
      (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
    }

    /// What kubectl was asked since this was last called.
    func calls() -> [String] {
      defer { remove("calls") }
      return read("calls").split(separator: "\n").map(String.init)
    }

    func remove(_ name: String) {
      try? FileManager.default.removeItem(at: folder.appending(path: name))
    }

    /// Runs `recap` with kubectl in its path.
    func recap(_ arguments: String...) async throws -> RecapProcess.Result {
      let (out, err) = (folder.appending(path: "out"), folder.appending(path: "err"))
      for file in [out, err] { try Data().write(to: file) }
      let process = Process()
      process.executableURL = RecapProcess.program
      process.arguments = arguments
      process.currentDirectoryURL = RecapProcess.root
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: out)
      process.standardError = try FileHandle(forWritingTo: err)
      var environment = ProcessInfo.processInfo.environment
      environment["PATH"] =
        folder.appending(path: "bin").path + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
      process.environment = environment
      try process.run()
      await process.ended()
      return RecapProcess.Result(
        status: process.terminationStatus, output: read("out"), errors: read("err"))
    }

    func launch(_ run: String) async throws -> RecapProcess.Result {
      try await recap("launch", "--cluster", cluster, "Configs/smoke.yaml", "--dir", run)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }
  }

  private func configMap(run: String, launch: String) -> String {
    """
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "run",
      "labels": {"app.kubernetes.io/instance": "\(run)"}, "annotations": {"recap/launch": "\(launch)"}}}
    """
  }

  @Test("a launch takes nothing from another: not its directory, not its namespace")
  func refusals() async throws {
    let place = try Place()
    defer { place.remove() }
    let run = place.folder.appending(path: "demo-1").path
    let ask = "get --filename - --ignore-not-found --output json"

    try place.write(configMap(run: "demo-1", launch: "of somebody else"), to: "there")
    let taken = try await place.launch(run)
    #expect(taken.status != 0)
    #expect(
      taken.errors.contains(
        "nothing was applied: namespace recap-demo-1 is in use: it has ConfigMap run of run 'demo-1'"
      ),
      "\(taken.errors)")
    #expect(place.calls() == [ask])
    #expect(!FileManager.default.fileExists(atPath: run))

    place.remove("there")
    let first = try await place.launch(run)
    #expect(first.status == 0, "\(first.errors)")
    #expect(place.calls() == [ask, "apply --filename \(run)/launch/manifests.yaml"])
    #expect(place.read("asked").contains("kind: PersistentVolumeClaim"))
    let applied = place.read("applied")
    let launch = try #require(try LaunchRecord.read(from: run)?.kubernetes?.launch)
    #expect(
      applied.contains("recap/launch: \"\(launch)\"") || applied.contains("recap/launch: \(launch)")
    )

    for purpose in [[], ["--check"], ["--dry-run"]] {
      let again = try await RecapProcess.run(
        ["launch", "--cluster", place.cluster, "Configs/smoke.yaml", "--dir", run] + purpose)
      #expect(again.status != 0)
      #expect(again.errors.contains("\(run) is in use: it was launched before"), "\(again.errors)")
    }
    #expect(place.calls().isEmpty)

    try place.write(configMap(run: "demo-1", launch: launch), to: "there")
    let resumed = try await place.recap("launch", "--resume", run)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(place.calls().count == 2 && place.read("applied") == applied)

    // Deleted, and launched anew by somebody else under the same name.
    try place.write(configMap(run: "demo-1", launch: "of somebody else"), to: "there")
    let lost = try await place.recap("launch", "--resume", run)
    #expect(
      lost.status != 0 && lost.errors.contains("what it has is of another launch"), "\(lost.errors)"
    )
    #expect(place.calls() == [ask])
  }

  @Test("a run goes on with another cluster file, where its archive is")
  func anotherClusterFile() async throws {
    let place = try Place()
    defer { place.remove() }
    let run = place.folder.appending(path: "demo-1").path
    #expect(try await place.launch(run).status == 0)
    let before = place.read("applied")
    _ = place.calls()
    func resume(_ purpose: String...) async throws -> RecapProcess.Result {
      try await RecapProcess.run(["launch", "--resume", run, "--cluster", place.cluster] + purpose)
    }

    for (settings, expected) in [
      ("namespace: lab", "kubernetes.namespace is lab in the cluster file; expected recap-demo-1"),
      ("storage: 30Gi", "kubernetes.storage is 30Gi in the cluster file; expected 20Gi"),
      ("storageClass: fast", "is fast in the cluster file; expected the cluster's default"),
    ] {
      try place.cluster(settings)
      let refused = try await resume("--check")
      #expect(refused.status != 0 && refused.errors.contains(expected), "\(refused.errors)")
    }
    try place.write("kind: local", to: "cluster.yaml")
    let local = try await resume()
    #expect(
      local.status != 0
        && local.errors.contains("is on a volume of Kubernetes in namespace recap-demo-1"),
      "\(local.errors)")
    #expect(place.calls().isEmpty)

    try place.cluster("image: two", roles: "{policyLearners: {count: 3}}")
    #expect(try await resume("--check").status == 0)
    let shown = try await resume("--dry-run").output
    let resumed = try await place.recap("launch", "--resume", run, "--cluster", place.cluster)
    #expect(resumed.status == 0, "\(resumed.errors)")
    let after = place.read("applied")
    #expect(after == shown)
    #expect(after.contains("replicas: 3") && after.contains("image: two"))
    // All else is as it was: the run, its names, its launch.
    #expect(
      after.replacing("replicas: 3", with: "replicas: 1").replacing(
        "image: two", with: "image: one")
        == before)
    #expect(try LaunchRecord.read(from: run)?.cluster.roles.policyLearners.count == 3)
  }

  @Test("stop and status are about the run's own objects")
  func ownObjects() async throws {
    struct Status: Decodable {
      struct Process: Decodable { var name: String, state: String, restarts: Int }
      struct Kubernetes: Decodable { var namespace: String, archive: String }
      var state: String?
      var jobsDone: Int?
      var processes: [Process]
      var kubernetes: Kubernetes
    }
    let place = try Place()
    defer { place.remove() }
    try place.cluster("namespace: default")
    let run = place.folder.appending(path: "demo-1").path
    #expect(try await place.launch(run).status == 0)
    #expect(!place.read("applied").contains("kind: Namespace"))
    _ = place.calls()
    let selector = "app.kubernetes.io/name=recap,app.kubernetes.io/instance=demo-1"

    try place.write(
      """
      {"items": [{"kind": "Pod", "metadata": {"name": "coordinator-0",
        "labels": {"app.kubernetes.io/component": "coordinator"}},
        "status": {"containerStatuses": [{"restartCount": 2, "state": {"running": {}}}]}}]}
      """, to: "there")
    try place.write(#"{"state": "running", "jobsDone": 3, "jobs": 8}"#, to: "progress")
    let status = try await place.recap("launch", "status", run, "--json")
    #expect(status.status == 0, "\(status.errors)")
    let decoded = try JSONDecoder().decode(Status.self, from: Data(status.output.utf8))
    #expect(decoded.state == "running" && decoded.jobsDone == 3)
    #expect(
      decoded.processes.map { "\($0.name) \($0.state) \($0.restarts)" } == [
        "coordinator-0 running 2"
      ])
    #expect(decoded.kubernetes.namespace == "default")
    #expect(decoded.kubernetes.archive == "/var/lib/recap/demo-1")
    #expect(
      place.calls() == [
        "get statefulsets,deployments,pods --namespace default --selector \(selector) --output json",
        "exec --namespace default coordinator-0 -- /usr/local/bin/recap runs show "
          + "/var/lib/recap/demo-1 --json",
      ])
    // Nobody to ask how far the run is: not a mistake.
    place.remove("progress")
    let text = try await place.recap("launch", "status", run)
    #expect(text.status == 0 && text.output.contains("coordinator-0"), "\(text.output)")
    _ = place.calls()

    #expect(try await place.recap("launch", "stop", run).status == 0)
    #expect(
      place.calls() == [
        "scale --replicas=0 statefulset,deployment --namespace default --selector \(selector)"
      ])

    for arguments in [["report", run], ["runs", "show", run], ["status", run]] {
      let result = try await RecapProcess.run(arguments)
      #expect(result.status != 0)
      #expect(
        result.errors.contains(
          "kubectl exec --namespace default coordinator-0 -- recap report /var/lib/recap/demo-1"),
        "\(result.errors)")
    }
    #expect(FileManager.default.fileExists(atPath: "\(run)/launch/reader.yaml"))
  }

  @Test("a driver that no pod reaches is refused, and one that the pod starts is told")
  func drivers() async throws {
    let place = try Place()
    defer { place.remove() }
    let smoke = try String(
      contentsOf: RecapProcess.root.appending(path: "Configs/smoke.yaml"), encoding: .utf8)
    func check(_ driver: String) async throws -> RecapProcess.Result {
      let robots = "- {name: arm, kind: driver, driver: {\(driver)}}"
      try place.write(
        smoke.replacing("- {name: cell, kind: workcell, count: 2}", with: robots), to: "run.yaml")
      return try await RecapProcess.run(
        "launch", "--cluster", place.cluster, place.folder.appending(path: "run.yaml").path,
        "--check")
    }
    for endpoint in ["ipc:///run/arm.sock", "tcp://127.0.0.1:7801", "tcp://localhost:7801"] {
      let refused = try await check("endpoint: '\(endpoint)'")
      #expect(
        refused.status != 0
          && refused.errors.contains("robots.arm.driver.endpoint: got '\(endpoint)'"),
        "\(refused.errors)")
    }
    let started = try await check("command: [arm-driver, '{endpoint}']")
    #expect(started.status == 0 && started.errors.contains("the image must have it: arm-driver"))
    let reached = try await check("endpoint: tcp://robot-pc:7801")
    #expect(reached.status == 0 && reached.errors.isEmpty, "\(reached.errors)")
  }
}
