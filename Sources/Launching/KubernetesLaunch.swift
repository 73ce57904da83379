import Configuration
import Foundation

/// A launch as Kubernetes' objects: a namespace with a StatefulSet and a Service for the coordinator, whose archive is on a
/// claimed volume, a Deployment for each kind of learner and for each robot's collector, and a NetworkPolicy that lets
/// nobody else reach the coordinator.
public struct KubernetesLaunch: Sendable {
  public let launch: Launch
  public let place: KubernetesPlace
  private let configuration: String

  static let port = 7700
  static let webPort = 8080
  static let scratch = "/var/spool/recap"

  /// - Parameters:
  ///   - configuration: The run's resolved configuration, as JSON.
  ///   - place: Where the run is.
  public init(_ launch: Launch, configuration: String, at place: KubernetesPlace) {
    self.launch = launch
    self.configuration = configuration
    self.place = place
  }

  var settings: KubernetesSettings { launch.cluster.kubernetes }
  private var namespace: String { place.namespace }

  /// The manifests as `kubectl apply -f -` takes them.
  public var text: String {
    get throws {
      let processes = launch.processes(
        coordinator: coordinatorArguments,
        connect: { _ in "tcp://coordinator.\(namespace).svc:\(Self.port)" },
        spool: { "\(Self.scratch)/spool/\($0)" }, states: "\(Self.scratch)/training")
      let first = Dictionary(grouping: processes, by: \.role)
      var documents = [configurationDocument, service, networkPolicy]
      // This one is always there.
      if settings.createNamespace, namespace != "default" {
        documents.insert(namespaceDocument, at: 0)
      }
      documents.append(coordinator(processes[0]))
      for role in [ProcessRole.valueLearner, .labeller, .policyLearner] {
        guard let learners = first[role] else { continue }
        documents.append(learner(learners[0], replicas: learners.count))
      }
      documents += (first[.collector] ?? []).map(collector)
      return try Manifest.yaml(documents)
    }
  }

  // MARK: - Objects

  func metadata(_ name: String, role: String? = nil) -> Manifest {
    .map(
      [("name", .text(name)), ("namespace", .text(namespace)), ("labels", labels(role))]
        + annotations)
  }

  private var annotations: [(String, Manifest)] {
    place.launch.map { [("annotations", .map([(KubernetesPlace.launchAnnotation, .text($0))]))] }
      ?? []
  }

  private func labels(_ role: String?) -> Manifest {
    .map(
      [
        ("app.kubernetes.io/name", "recap"),
        (KubernetesPlace.instanceLabel, .text(place.instance)),
      ] + (role.map { [("app.kubernetes.io/component", .text($0))] } ?? []))
  }

  /// One that the cluster file names may be there for other things too, so it is not labelled as the run's.
  private var namespaceDocument: Manifest {
    [
      "apiVersion": "v1", "kind": "Namespace",
      "metadata": .map(
        [("name", .text(namespace))]
          + (settings.namespace == nil ? [("labels", labels(nil))] : [])),
    ]
  }

  /// The configuration, which is small; the archive has it from the first start on.
  private var configurationDocument: Manifest {
    [
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("run"),
      "data": ["configuration.yaml": .text(configuration + "\n")],
    ]
  }

  private var service: Manifest {
    [
      "apiVersion": "v1", "kind": "Service",
      "metadata": metadata("coordinator", role: "coordinator"),
      "spec": [
        // Of one pod, whose address workers ask for.
        "clusterIP": "None", "selector": labels("coordinator"),
        // A worker may come before the coordinator is ready: it waits for an answer anyway.
        "publishNotReadyAddresses": true,
        "ports": [["name": "recap", "port": .integer(Self.port), "targetPort": "recap"]],
      ],
    ]
  }

  /// Without keys connections are not protected, so only this run's pods may make them.
  private var networkPolicy: Manifest {
    [
      "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
      "metadata": metadata("coordinator", role: "coordinator"),
      "spec": [
        "podSelector": ["matchLabels": labels("coordinator")], "policyTypes": ["Ingress"],
        "ingress": [
          [
            "from": [["podSelector": ["matchLabels": labels(nil)]]],
            "ports": [["protocol": "TCP", "port": .integer(Self.port)]],
          ]
        ],
      ],
    ]
  }

  private var coordinatorArguments: [String] {
    [
      "/etc/recap/run/configuration.yaml", "--dir", place.archive, "--or-resume",
      "--listen", "tcp://0.0.0.0:\(Self.port)", "--linger",
    ] + (settings.keysSecret == nil ? ["--trusted-network"] : [])
      + (settings.httpTokenSecret == nil
        ? []
        : ["--http", "0.0.0.0:\(Self.webPort)", "--http-token-file", "\(Self.web)/token"])
  }

  private func coordinator(_ process: RoleProcess) -> Manifest {
    var ports: [Manifest] = [["name": "recap", "containerPort": .integer(Self.port)]]
    var mounts: [Manifest] = [
      archiveMount, ["name": "run", "mountPath": "/etc/recap/run", "readOnly": true],
    ]
    var volumes: [Manifest] = [["name": "run", "configMap": ["name": "run"]]]
    if let secret = settings.httpTokenSecret {
      ports.append(["name": "http", "containerPort": .integer(Self.webPort)])
      mounts.append(["name": "web", "mountPath": .text(Self.web), "readOnly": true])
      volumes.append(Self.secretVolume("web", secret: secret, files: ["token"]))
    }
    let container = container(
      process, mounts: mounts, extra: [("ports", .list(ports))] + probes)
    let spec = pod(of: .coordinator, container, volumes: volumes)
    return [
      "apiVersion": "apps/v1", "kind": "StatefulSet",
      "metadata": metadata("coordinator", role: "coordinator"),
      "spec": [
        "serviceName": "coordinator", "replicas": 1,
        "selector": ["matchLabels": labels("coordinator")],
        "template": ["metadata": ["labels": labels("coordinator")], "spec": spec],
        "volumeClaimTemplates": [
          [
            "metadata": .map([("name", "archive")] + annotations),
            "spec": .map(
              [("accessModes", ["ReadWriteOnce"])]
                + (settings.storageClass.map { [("storageClassName", .text($0))] } ?? [])
                + [("resources", ["requests": ["storage": .text(settings.storage)]])]),
          ]
        ],
      ],
    ]
  }

  /// Learners are alike, so their pods' names do for theirs.
  private func learner(_ process: RoleProcess, replicas: Int) -> Manifest {
    var process = process
    if let name = process.arguments.firstIndex(of: "--name") {
      process.arguments[name + 1] = "$(POD_NAME)"
    }
    let environment: Manifest = [
      ["name": "POD_NAME", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]]
    ]
    return deployment(
      name: process.role.rawValue, role: process.role, replicas: replicas, strategy: nil,
      container(process, mounts: [scratchMount], extra: [("env", environment)]))
  }

  /// A robot is one: its next collector begins when the last has ended.
  private func collector(_ process: RoleProcess) -> Manifest {
    deployment(
      name: KubernetesPlace.label(process.name), role: process.role, replicas: 1,
      strategy: "Recreate", container(process, mounts: [scratchMount], extra: []))
  }

  private func deployment(
    name: String, role: ProcessRole, replicas: Int, strategy: String?, _ container: Manifest
  ) -> Manifest {
    let spec = pod(of: role, container, volumes: [["name": "scratch", "emptyDir": [:]]])
    let labels = labels(name)
    return [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name, role: name),
      "spec": .map(
        [("replicas", .integer(replicas)), ("selector", ["matchLabels": labels])]
          + (strategy.map { [("strategy", ["type": .text($0)])] } ?? [])
          + [("template", ["metadata": ["labels": labels], "spec": spec])]),
    ]
  }
}
