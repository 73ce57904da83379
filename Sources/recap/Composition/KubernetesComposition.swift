import Configuration
import DurableFiles
import EpisodeStorage
import Foundation
import Launching
import Messaging
import Monitoring

// Launches that Kubernetes carries out. The archive is on a volume of the cluster; the run's directory here says where,
// and how to go on.

extension Composition {
  /// A run on Kubernetes has no archive here: what tells of it is the record of its launch.
  ///
  /// - Throws: `LaunchedBefore`.
  static func requireUnlaunched(_ directory: String) throws {
    if let record = try LaunchRecord.read(from: directory) {
      throw LaunchedBefore(directory: directory, kind: record.cluster.kind)
    }
  }

  /// A collector's pod has one container: whoever drives the robot is started in it, or is reached over the network.
  ///
  /// - Throws: `UnreachableDrivers`.
  static func checkDrivers(of configuration: RunConfiguration) throws {
    var unreachable: [String] = []
    for robot in configuration.robots {
      guard let driver = robot.driver else { continue }
      if let command = driver.command {
        say(
          "\(robot.name): its driver is started in the pod, so the image must have it: "
            + command.map(Shell.word).joined(separator: " "))
      } else if let endpoint = driver.endpoint,
        let place = try? Endpoint(endpoint, for: .connecting),
        place.isLocal || place.address == "localhost"
      {
        unreachable.append("robots.\(robot.name).driver.endpoint: got '\(endpoint)'")
      }
    }
    if !unreachable.isEmpty { throw UnreachableDrivers(robots: unreachable) }
  }

  /// A new run's objects.
  static func newOnKubernetes(_ prepared: PreparedLaunch) throws -> KubernetesLaunch {
    let launch = prepared.launch
    return KubernetesLaunch(
      launch, configuration: try prepared.configuration.resolvedJSON,
      at: KubernetesPlace(
        ofRunAt: launch.directory, namespace: launch.cluster.kubernetes.namespace,
        launch: UUID().uuidString.lowercased()))
  }

  /// Hands a launch to Kubernetes.
  static func apply(_ prepared: PreparedLaunch) async throws {
    let kubernetes = try newOnKubernetes(prepared)
    try await requireOwn(try kubernetes.text, at: kubernetes.place, isNew: true)
    try await apply(
      kubernetes, LaunchRecord(cluster: prepared.launch.cluster, file: prepared.file))
  }

  private static func apply(_ kubernetes: KubernetesLaunch, _ record: LaunchRecord) async throws {
    let directory = kubernetes.launch.directory
    let file = manifestFile(directory)
    let folder = (file as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (path, text) in [
      (file, try kubernetes.text), ("\(folder)/reader.yaml", try kubernetes.reader),
    ] {
      try DurableFile.write(Array(text.utf8), to: path)
    }
    var record = record
    record.kubernetes = kubernetes.place
    try record.write(to: directory)
    try await applyKept(directory)
  }

  private static func applyKept(_ directory: String) async throws {
    print(
      try await ExternalTool.run(["kubectl", "apply", "--filename", manifestFile(directory)]),
      terminator: "")
    print("recap launch status \(Shell.word(directory))")
  }

  /// Goes on with a run that Kubernetes had before: with the same manifests, or with another cluster file, whose image,
  /// sizes and numbers may differ.
  static func goOnOnKubernetes(
    _ directory: String, _ record: LaunchRecord, _ options: LaunchOptions
  ) async throws {
    let kept = try String(contentsOfFile: manifestFile(directory), encoding: .utf8)
    let place = record.kubernetesPlace(ofRunAt: directory)
    guard let file = options.cluster else {
      switch options.purpose {
      case .check: print("\(manifestFile(directory)) is what Kubernetes was given")
      case .dryRun: print(kept, terminator: "")
      case .launch:
        try await requireOwn(kept, at: place, isNew: false)
        try await applyKept(directory)
      }
      return
    }
    let cluster = try ClusterFile.load(file: file)
    try requireSameVolume(cluster, as: record, at: place, directory: directory)
    let text = try KubernetesObjects.configuration(inManifests: kept)
    let configuration = try RunConfiguration(resolvedJSON: text)
    let launch = Launch(
      cluster: cluster, directory: directory, run: configuration.name,
      robots: configuration.robots.map(\.name))
    let kubernetes = KubernetesLaunch(
      launch, configuration: text.trimmingCharacters(in: .newlines), at: place)
    switch options.purpose {
    case .check:
      print("\(file) is a cluster file of kind kubernetes; \(directory) can go on with it")
    case .dryRun: print(try kubernetes.text, terminator: "")
    case .launch:
      try await requireOwn(try kubernetes.text, at: place, isNew: false)
      try await apply(kubernetes, LaunchRecord(cluster: cluster, file: file))
    }
  }

  /// - Throws: `ArchiveStays` where the cluster file would look for the archive at another place.
  private static func requireSameVolume(
    _ cluster: ClusterFile, as record: LaunchRecord, at place: KubernetesPlace, directory: String
  ) throws {
    guard cluster.kind == .kubernetes else {
      throw ArchiveStays(
        directory: directory, place: place,
        reason: "the cluster file's kind is \(cluster.kind.rawValue)")
    }
    let (old, new) = (record.cluster.kubernetes, cluster.kubernetes)
    let asked = KubernetesPlace(ofRunAt: directory, namespace: new.namespace, launch: nil).namespace
    func word(_ name: String?) -> String { name ?? "the cluster's default" }
    for (key, before, now) in [
      ("namespace", place.namespace, asked), ("storage", old.storage, new.storage),
      ("storageClass", word(old.storageClass), word(new.storageClass)),
    ] where before != now {
      throw ArchiveStays(
        directory: directory, place: place,
        reason: "kubernetes.\(key) is \(now) in the cluster file; expected \(before)")
    }
  }

  /// Asks Kubernetes whether what would be applied is there already as somebody else's.
  ///
  /// - Throws: `NamespaceTaken`.
  private static func requireOwn(
    _ manifests: String, at place: KubernetesPlace, isNew: Bool
  ) async throws {
    let found = try await ExternalTool.run(
      ["kubectl", "get", "--filename", "-", "--ignore-not-found", "--output", "json"],
      input: KubernetesObjects.names(inManifests: manifests))
    let foreign = try KubernetesObjects.foreign(found, to: place, isNew: isNew)
    if !foreign.isEmpty {
      throw NamespaceTaken(
        namespace: place.namespace, object: foreign[0], others: foreign.count - 1, isNew: isNew)
    }
  }

  private static func manifestFile(_ directory: String) -> String {
    "\(directory)/launch/manifests.yaml"
  }

  // MARK: - Asking and stopping

  /// How the pods of a run are.
  static func kubernetesProcesses(at place: KubernetesPlace) async throws -> [ProcessStatus] {
    try KubernetesObjects.processes(
      try await ExternalTool.run([
        "kubectl", "get", "statefulsets,deployments,pods", "--namespace", place.namespace,
        "--selector", place.selector, "--output", "json",
      ]))
  }

  /// How far a run is, if its coordinator's pod says so.
  static func progressOnKubernetes(
    at place: KubernetesPlace, _ processes: [ProcessStatus]
  ) async -> RunProgress? {
    guard
      processes.contains(where: {
        $0.name == KubernetesPlace.coordinator && $0.state == "running"
      })
    else { return nil }
    let text = try? await ExternalTool.run([
      "kubectl", "exec", "--namespace", place.namespace, KubernetesPlace.coordinator, "--",
      "/usr/local/bin/recap", "runs", "show", place.archive, "--json",
    ])
    return text.flatMap { try? JSONDecoder().decode(RunProgress.self, from: Data($0.utf8)) }
  }

  /// What of a run's summary a launch's status has.
  struct RunProgress: Decodable {
    var state: RunState
    var jobsDone: Int
    var jobs: Int
  }

  /// Takes a run's pods away; its volume stays.
  static func stopOnKubernetes(at place: KubernetesPlace) async throws {
    print(
      try await ExternalTool.run([
        "kubectl", "scale", "--replicas=0", "statefulset,deployment", "--namespace",
        place.namespace, "--selector", place.selector,
      ]), terminator: "")
  }

  /// The archive of a run that is here.
  ///
  /// - Throws: `ArchiveOnKubernetes` for one that is not; `ArchiveError`.
  static func archive(ofRunAt directory: String) throws -> ArchiveReader {
    do {
      return try ArchiveReader(directory: directory)
    } catch ArchiveError.notFound(let place) {
      if let record = try? LaunchRecord.read(from: directory), record.cluster.kind == .kubernetes {
        throw ArchiveOnKubernetes(
          directory: directory, place: record.kubernetesPlace(ofRunAt: directory))
      }
      throw ArchiveError.notFound(directory: place)
    }
  }
}

extension KubernetesPlace {
  /// A command that reads the run's archive.
  var reading: String {
    "kubectl exec --namespace \(namespace) \(Self.coordinator) -- recap report "
      + Shell.word(archive)
  }
}

/// A directory that was given to Kubernetes before.
struct LaunchedBefore: Error, CustomStringConvertible {
  var directory: String
  var kind: ClusterKind
  var description: String {
    "\(directory) is in use: it was launched before, with a cluster file of kind \(kind.rawValue). To go on: "
      + "recap launch --resume \(Shell.word(directory)); for a new run choose another --dir"
  }
}

/// Objects that are somebody else's.
struct NamespaceTaken: Error, CustomStringConvertible {
  var namespace: String
  /// One of them, in words.
  var object: String
  var others: Int
  var isNew: Bool
  var description: String {
    "nothing was applied: namespace \(namespace) is in use: it has \(object)"
      + (others == 0 ? "" : " and \(others) more objects") + ". "
      + "A namespace takes one run: "
      + (isNew
        ? "choose another, with kubernetes.namespace or --dir, or delete what is there"
        : "what it has is of another launch, so this run cannot go on until that is deleted")
  }
}

/// Drivers that no pod reaches.
struct UnreachableDrivers: Error, CustomStringConvertible {
  var robots: [String]
  var description: String {
    robots.joined(separator: "; ")
      + "; expected an address that a pod reaches, such as tcp://robot-pc:7801, or a command: nothing "
      + "else runs in a collector's pod on Kubernetes"
  }
}

/// A run that cannot go on elsewhere.
struct ArchiveStays: Error, CustomStringConvertible {
  var directory: String
  var place: KubernetesPlace
  var reason: String
  var description: String {
    "\(directory) cannot go on so, for its archive is on a volume of Kubernetes in namespace "
      + "\(place.namespace): \(reason). On another volume it is a new run, with another --dir"
  }
}

/// A run that is read in its cluster.
struct ArchiveOnKubernetes: Error, CustomStringConvertible {
  var directory: String
  var place: KubernetesPlace
  var description: String {
    "the archive of \(directory) is on a volume of Kubernetes; there, \(place.reading) reads it, and after "
      + "'recap launch stop' the pod of \(Shell.word("\(directory)/launch/reader.yaml")) does"
  }
}
