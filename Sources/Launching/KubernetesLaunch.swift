import Configuration
import Foundation

/// A launch as Kubernetes' objects: a namespace with a StatefulSet and a Service for the coordinator, whose archive is on a
/// claimed volume, a Deployment for each kind of learner and for each robot's collector, and a NetworkPolicy that lets
/// nobody else reach the coordinator.
public struct KubernetesLaunch: Sendable {
  private let launch: Launch
  private let configuration: String

  static let port = 7700
  static let healthPort = 8080
  private static let archive = "/var/lib/recap"
  private static let keys = "/etc/recap/keys"
  private static let scratch = "/var/spool/recap"

  /// - Parameter configuration: The run's resolved configuration, as JSON.
  public init(_ launch: Launch, configuration: String) {
    self.launch = launch
    self.configuration = configuration
  }

  private var settings: KubernetesSettings { launch.cluster.kubernetes }

  /// The namespace that all is in.
  public var namespace: String {
    settings.namespace ?? Self.label("recap-\(folder)")
  }

  /// What tells the run from others of its name: the last part of its directory.
  private var folder: String { (launch.directory as NSString).lastPathComponent }

  /// The manifests as `kubectl apply -f -` takes them.
  public var text: String {
    get throws {
      let processes = launch.processes(
        coordinator: coordinatorArguments,
        connect: { _ in "tcp://coordinator.\(namespace).svc:\(Self.port)" },
        spool: { "\(Self.scratch)/spool/\($0)" }, states: "\(Self.scratch)/training")
      let first = Dictionary(grouping: processes, by: \.role)
      var documents = [namespaceDocument, configurationDocument, service, networkPolicy]
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

  private func metadata(_ name: String, role: String? = nil) -> Manifest {
    .map([("name", .text(name)), ("namespace", .text(namespace)), ("labels", labels(role))])
  }

  private func labels(_ role: String?) -> Manifest {
    .map(
      [
        ("app.kubernetes.io/name", "recap"),
        ("app.kubernetes.io/instance", .text(Self.label(folder))),
      ] + (role.map { [("app.kubernetes.io/component", .text($0))] } ?? []))
  }

  private var namespaceDocument: Manifest {
    [
      "apiVersion": "v1", "kind": "Namespace",
      "metadata": .map([("name", .text(namespace)), ("labels", labels(nil))]),
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
      "/etc/recap/run/configuration.yaml", "--dir", "\(Self.archive)/\(folder)", "--or-resume",
      "--listen", "tcp://0.0.0.0:\(Self.port)", "--linger",
    ] + (settings.keysSecret == nil ? ["--trusted-network"] : [])
      + (settings.probes == .http ? ["--http", "0.0.0.0:\(Self.healthPort)"] : [])
  }

  /// What every role is told of the keys that are mounted.
  private var keysArguments: [String] {
    settings.keysSecret == nil ? [] : ["--keys", Self.keys]
  }

  private func coordinator(_ process: RoleProcess) -> Manifest {
    var ports: [Manifest] = [["name": "recap", "containerPort": .integer(Self.port)]]
    if settings.probes == .http {
      ports.append(["name": "http", "containerPort": .integer(Self.healthPort)])
    }
    let mounts: [Manifest] = [
      ["name": "archive", "mountPath": .text(Self.archive)],
      ["name": "run", "mountPath": "/etc/recap/run", "readOnly": true],
    ]
    let container = container(
      process, mounts: mounts, extra: [("ports", .list(ports))] + probes)
    let spec = pod(
      container, volumes: [["name": "run", "configMap": ["name": "run"]]])
    return [
      "apiVersion": "apps/v1", "kind": "StatefulSet",
      "metadata": metadata("coordinator", role: "coordinator"),
      "spec": [
        "serviceName": "coordinator", "replicas": 1,
        "selector": ["matchLabels": labels("coordinator")],
        "template": ["metadata": ["labels": labels("coordinator")], "spec": spec],
        "volumeClaimTemplates": [
          [
            "metadata": ["name": "archive"],
            "spec": .map(
              [("accessModes", ["ReadWriteOnce"])]
                + (settings.storageClass.map { [("storageClassName", .text($0))] } ?? [])
                + [("resources", ["requests": ["storage": .text(settings.storage)]])]),
          ]
        ],
      ],
    ]
  }

  private var probes: [(String, Manifest)] {
    func probe(_ path: String, failures: Int) -> Manifest {
      let question: (String, Manifest) =
        switch settings.probes {
        case .exec:
          (
            "exec",
            [
              "command": .texts(
                [
                  "/usr/local/bin/recap", "probe", "--connect", "tcp://127.0.0.1:\(Self.port)",
                ] + keysArguments)
            ]
          )
        case .http: ("httpGet", ["path": .text(path), "port": "http"])
        }
      return .map([
        question, ("periodSeconds", 10), ("timeoutSeconds", 10),
        ("failureThreshold", .integer(failures)),
      ])
    }
    // Reading a large archive's events takes its time.
    return [
      ("startupProbe", probe("/healthz", failures: 60)),
      ("readinessProbe", probe("/readyz", failures: 3)),
      ("livenessProbe", probe("/healthz", failures: 6)),
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
      name: process.role.rawValue, role: process.role.rawValue, replicas: replicas, strategy: nil,
      container(process, mounts: [scratchMount], extra: [("env", environment)]))
  }

  /// A robot is one: its next collector begins when the last has ended.
  private func collector(_ process: RoleProcess) -> Manifest {
    deployment(
      name: Self.label(process.name), role: Self.label(process.name), replicas: 1,
      strategy: "Recreate", container(process, mounts: [scratchMount], extra: []))
  }

  private func deployment(
    name: String, role: String, replicas: Int, strategy: String?, _ container: Manifest
  ) -> Manifest {
    let spec = pod(container, volumes: [["name": "scratch", "emptyDir": [:]]])
    return [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name, role: role),
      "spec": .map(
        [("replicas", .integer(replicas)), ("selector", ["matchLabels": labels(role)])]
          + (strategy.map { [("strategy", ["type": .text($0)])] } ?? [])
          + [("template", ["metadata": ["labels": labels(role)], "spec": spec])]),
    ]
  }

  // MARK: - Pods

  private var scratchMount: Manifest {
    ["name": "scratch", "mountPath": .text(Self.scratch)]
  }

  private func container(
    _ process: RoleProcess, mounts: [Manifest], extra: [(String, Manifest)]
  ) -> Manifest {
    let keys: [Manifest] =
      settings.keysSecret == nil
      ? [] : [["name": "keys", "mountPath": .text(Self.keys), "readOnly": true]]
    let memory = "\(Int((process.size.memoryGB * 1000).rounded(.up)))M"
    return .map(
      [
        ("name", .text(process.role.rawValue)), ("image", .text(settings.image)),
        ("imagePullPolicy", .text(settings.imagePullPolicy)),
        ("command", ["/usr/local/bin/recap"]), ("args", .texts(process.arguments + keysArguments)),
      ] + extra + [
        (
          "resources",
          [
            "requests": ["cpu": .text("\(process.size.threads)"), "memory": .text(memory)],
            "limits": ["memory": .text(memory)],
          ]
        ),
        (
          "securityContext",
          [
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": ["drop": ["ALL"]],
          ]
        ),
        ("volumeMounts", .list(mounts + keys + [["name": "tmp", "mountPath": "/tmp"]])),
      ])
  }

  private func pod(_ container: Manifest, volumes: [Manifest]) -> Manifest {
    let keys: [Manifest] =
      settings.keysSecret.map { [["name": "keys", "secret": ["secretName": .text($0)]]] } ?? []
    return [
      "terminationGracePeriodSeconds": .integer(Int(launch.cluster.stopSeconds.rounded(.up))),
      "securityContext": [
        "runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
        "seccompProfile": ["type": "RuntimeDefault"],
      ],
      // A run needs nothing of the cluster it is in.
      "automountServiceAccountToken": false,
      "containers": .list([container]),
      "volumes": .list(volumes + keys + [["name": "tmp", "emptyDir": [:]]]),
    ]
  }

  /// A name as Kubernetes' labels take it: at most 63 lower-case letters, digits and '-'.
  static func label(_ name: String) -> String {
    let text = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
    return String(text.prefix(63)).trimmingCharacters(in: CharacterSet(charactersIn: "-"))
  }
}
