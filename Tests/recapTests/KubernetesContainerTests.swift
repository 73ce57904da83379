import Foundation
import HTTPService
import Testing
import Yams

/// What the manifests say, done: their commands as they are, but for folders in the place of volumes and free ports.
@Suite(.serialized)
struct KubernetesContainerTests {
  /// Files of a Secret or a ConfigMap, by name.
  private typealias Files = [String: Data]

  /// A pod's container as a process here.
  private struct Container {
    var pod: Node
    /// Where its volumes are.
    var folder: URL
    /// Ports here by those of the manifests.
    var ports: [Int: Int]
    private var mounts: [(path: String, folder: String)] = []

    var node: Node? { pod["containers"]?[0] }

    init(_ pod: Node, in folder: URL, ports: [Int: Int], files: [String: Files]) throws {
      (self.pod, self.folder, self.ports) = (pod, folder, ports)
      for mount in node?["volumeMounts"]?.array() ?? [] {
        let name = try #require(mount["name"]?.string)
        let place = folder.appending(path: name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let volume = (pod["volumes"]?.array() ?? []).first { $0["name"]?.string == name }
        let source =
          volume?["secret"]?["secretName"]?.string ?? volume?["configMap"]?["name"]?.string
        if let source {
          let all = try #require(files[source])
          let items = volume?["secret"]?["items"]?.array().compactMap { $0["key"]?.string }
          for item in items ?? Array(all.keys) {
            try #require(all[item], "\(source) has no \(item)")
              .write(to: place.appending(path: item))
          }
        }
        mounts.append((try #require(mount["mountPath"]?.string), place.path))
      }
    }

    /// Words of the manifests as they are said here.
    func words(_ node: Node?) -> [String] {
      (node?.array() ?? []).compactMap(\.string).map { word in
        var word = word.replacing("coordinator.recap-demo-1.svc", with: "127.0.0.1")
          .replacing("$(POD_NAME)", with: folder.lastPathComponent)
        // Once: the folders here may lie where a container has a mount of its own, such as /tmp.
        if let (path, folder) = mounts.first(where: { word.hasPrefix($0.path) }) {
          word = folder + word.dropFirst(path.count)
        }
        for (port, here) in ports { word = word.replacing(":\(port)", with: ":\(here)") }
        return word
      }
    }

    func start(errors: FileHandle = .nullDevice) throws -> Process {
      #expect(words(node?["command"]) == ["/usr/local/bin/recap"])
      return try RecapProcess.start(
        words(node?["args"]), output: .nullDevice, errors: errors)
    }
  }

  private static func freePort() async throws -> Int {
    let server = try await HTTPServer.bind(host: "127.0.0.1", port: 0)
    defer { Task { await server.close() } }
    return server.port
  }

  private struct TooLate: Error {}

  private func wait(seconds: Double = 90, _ isDone: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !(try await isDone()) {
      if ContinuousClock.now > deadline { throw TooLate() }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  @Test(
    "the coordinator starts with its container's words, its probes hold, and workers join with their own keys",
    arguments: ["http", "exec"])
  func containers(probes: String) async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let cluster = folder.appending(path: "cluster.yaml")
    try Data(
      """
      kind: kubernetes
      kubernetes: {keysSecret: recap-keys, httpTokenSecret: recap-http, probes: \(probes)}
      """.utf8
    ).write(to: cluster)
    let rendered = try await RecapProcess.run(
      "launch", "--cluster", cluster.path, "Configs/smoke.yaml", "--dir",
      folder.appending(path: "demo-1").path, "--dry-run")
    #expect(rendered.status == 0, "\(rendered.errors)")
    let objects = Array(try Yams.compose_all(yaml: rendered.output))

    // The Secrets as the README makes them.
    let made = folder.appending(path: "made").path
    #expect(try await RecapProcess.run("keys", made).status == 0)
    var keys: Files = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: made) {
      keys[name] = FileManager.default.contents(atPath: "\(made)/\(name)")
    }
    let configuration = objects.first { $0["kind"]?.string == "ConfigMap" }?["data"]?
      .mapping?.map { ($0.key.string ?? "", Data(($0.value.string ?? "").utf8)) }
    let token = "0123456789abcdef0123456789abcdef"
    let files: [String: Files] = [
      "recap-keys": keys, "recap-http": ["token": Data("\(token)\n".utf8)],
      "run": Dictionary(uniqueKeysWithValues: configuration ?? []),
    ]
    let ports = [7700: try await Self.freePort(), 8080: try await Self.freePort()]
    let containers = try objects.compactMap { object -> Container? in
      guard let pod = object["spec"]?["template"]?["spec"] else { return nil }
      let name = try #require(object["metadata"]?["name"]?.string)
      return try Container(
        pod, in: folder.appending(path: "pod-\(name)"), ports: ports, files: files)
    }
    #expect(containers.count == 6)

    let coordinator = try containers[0].start()
    defer { kill(coordinator.processIdentifier, SIGKILL) }
    for name in ["startupProbe", "readinessProbe", "livenessProbe"] {
      let probe = try #require(containers[0].node?[name])
      try await wait {
        #expect(coordinator.isRunning)
        if !coordinator.isRunning { throw TooLate() }
        if let path = probe["httpGet"]?["path"]?.string {
          #expect(probe["httpGet"]?["port"]?.string == "http")
          return try await status(path, ports) == 200
        }
        let command = containers[0].words(probe["exec"]?["command"])
        #expect(command.first == "/usr/local/bin/recap")
        return try await RecapProcess.run(Array(command.dropFirst())).status == 0
      }
    }
    // The health is for all, what the run does is not.
    try await wait { try await status("/healthz", ports) == 200 }
    #expect(try await status("/api/run", ports) == 401)
    #expect(
      try await status("/api/run", ports, ["Authorization": "Bearer \(token)"]) == 200)

    for container in containers.dropFirst() {
      let errors = Pipe()
      let worker = try container.start(errors: errors.fileHandleForWriting)
      try errors.fileHandleForWriting.close()
      defer { kill(worker.processIdentifier, SIGKILL) }
      var said: [String] = []
      for await line in errors.fileHandleForReading.lines {
        said.append(line)
        if line.contains("joined run smoke") { break }
      }
      #expect(said.last?.contains("joined run smoke") == true, "\(said)")
    }
    coordinator.terminate()
    await coordinator.ended()
    #expect(coordinator.terminationStatus == 130)
  }

  /// The status of an answer of the dashboard; nil while nobody answers.
  private func status(
    _ path: String, _ ports: [Int: Int], _ headers: [String: String] = [:]
  ) async throws -> Int? {
    try? await HTTPClient.get("http://127.0.0.1:\(ports[8080] ?? 0)\(path)", headers: headers)
      .status
  }
}
