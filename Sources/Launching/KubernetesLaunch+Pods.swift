import Configuration

// What the pods of a launch are made of.

extension KubernetesLaunch {
  private static let keys = "/etc/recap/keys"
  static let web = "/etc/recap/http"

  var archiveMount: Manifest {
    ["name": "archive", "mountPath": .text(KubernetesPlace.volume)]
  }

  var scratchMount: Manifest {
    ["name": "scratch", "mountPath": .text(Self.scratch)]
  }

  // MARK: - Secrets

  /// What every role is told of the keys that are mounted.
  private var keysArguments: [String] {
    settings.keysSecret == nil ? [] : ["--keys", Self.keys]
  }

  /// The files of the Secret that a role needs: no worker holds the key of another role or of the coordinator.
  private func keyFiles(of role: ProcessRole) -> [String] {
    let server = ProcessRole.coordinator.rawValue
    guard role == .coordinator else { return ["\(role.rawValue).key", "\(server).pub"] }
    let workers = ProcessRole.allCases.filter { $0 != .coordinator }.map { "\($0.rawValue).pub" }
    // 'recap probe' in its container asks as a collector does.
    let probe = settings.probes == .exec ? ["\(ProcessRole.collector.rawValue).key"] : []
    return ["\(server).key", "\(server).pub"] + workers + probe
  }

  static func secretVolume(_ name: String, secret: String, files: [String]) -> Manifest {
    [
      "name": .text(name),
      "secret": [
        "secretName": .text(secret),
        "items": .list(files.map { ["key": .text($0), "path": .text($0)] }),
      ],
    ]
  }

  // MARK: - Containers and pods

  var probes: [(String, Manifest)] {
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

  func container(
    _ process: RoleProcess, mounts: [Manifest], extra: [(String, Manifest)]
  ) -> Manifest {
    let keys: [Manifest] =
      settings.keysSecret == nil
      ? [] : [["name": "keys", "mountPath": .text(Self.keys), "readOnly": true]]
    return container(
      process.role.rawValue, command: "/usr/local/bin/recap",
      arguments: process.arguments + keysArguments, size: process.size, mounts: mounts + keys,
      extra: extra)
  }

  private func container(
    _ name: String, command: String, arguments: [String], size: ProcessSize, mounts: [Manifest],
    extra: [(String, Manifest)]
  ) -> Manifest {
    let memory = "\(Int((size.memoryGB * 1000).rounded(.up)))M"
    return .map(
      [
        ("name", .text(name)), ("image", .text(settings.image)),
        ("imagePullPolicy", .text(settings.imagePullPolicy)),
        ("command", [.text(command)]), ("args", .texts(arguments)),
      ] + extra + [
        (
          "resources",
          [
            "requests": ["cpu": .text("\(size.threads)"), "memory": .text(memory)],
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
        ("volumeMounts", .list(mounts + [["name": "tmp", "mountPath": "/tmp"]])),
      ])
  }

  func pod(of role: ProcessRole, _ container: Manifest, volumes: [Manifest]) -> Manifest {
    let keys = settings.keysSecret.map {
      [Self.secretVolume("keys", secret: $0, files: keyFiles(of: role))]
    }
    return pod(container, volumes: volumes + (keys ?? []))
  }

  private func pod(_ container: Manifest, volumes: [Manifest]) -> Manifest {
    .map(
      placement + [
        (
          "terminationGracePeriodSeconds",
          .integer(Int(launch.cluster.stopSeconds.rounded(.up)))
        ),
        (
          "securityContext",
          [
            "runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
            "seccompProfile": ["type": "RuntimeDefault"],
          ]
        ),
        // A run needs nothing of the cluster it is in.
        ("automountServiceAccountToken", false),
        ("containers", .list([container])),
        ("volumes", .list(volumes + [["name": "tmp", "emptyDir": [:]]])),
      ])
  }

  /// Where pods may be put, and how their image is had.
  private var placement: [(String, Manifest)] {
    var entries: [(String, Manifest)] = []
    if !settings.imagePullSecrets.isEmpty {
      entries.append(
        ("imagePullSecrets", .list(settings.imagePullSecrets.map { ["name": .text($0)] })))
    }
    if !settings.nodeSelector.isEmpty {
      let labels = settings.nodeSelector.sorted { $0.key < $1.key }
      entries.append(("nodeSelector", .map(labels.map { ($0.key, .text($0.value)) })))
    }
    if !settings.tolerations.isEmpty {
      entries.append(("tolerations", .list(settings.tolerations.map(\.manifest))))
    }
    return entries
  }

  // MARK: - Reading the archive of a stopped run

  /// A pod that does nothing but hold the coordinator's volume, so that the archive of a run whose pods are gone can be
  /// read and copied in it.
  public var reader: String {
    get throws {
      let container = container(
        KubernetesPlace.reader, command: "/bin/sleep", arguments: ["infinity"],
        size: launch.cluster.roles.coordinator, mounts: [archiveMount], extra: [])
      let claim: Manifest = [
        "name": "archive", "persistentVolumeClaim": ["claimName": .text(KubernetesPlace.claim)],
      ]
      return try Manifest.yaml([
        [
          "apiVersion": "v1", "kind": "Pod",
          "metadata": metadata(KubernetesPlace.reader, role: KubernetesPlace.reader),
          "spec": pod(container, volumes: [claim]),
        ]
      ])
    }
  }
}

extension Toleration {
  fileprivate var manifest: Manifest {
    let texts = [("key", key), ("operator", `operator`), ("value", value), ("effect", effect)]
    return .map(
      texts.compactMap { name, text in text.map { (name, .text($0)) } }
        + (tolerationSeconds.map { [("tolerationSeconds", .integer($0))] } ?? []))
  }
}
