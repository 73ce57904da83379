import Foundation
import Monitoring
import Yams

/// What Kubernetes has, as `kubectl get --output json` prints it, and what it was given.
public enum KubernetesObjects {
  // MARK: - Manifests that were applied

  /// What `kubectl get --filename -` takes to ask for the objects of manifests: their kinds and names, and the claim of the
  /// coordinator's volume, which Kubernetes makes. Not the namespace, which may be there before.
  public static func names(inManifests manifests: String) throws -> String {
    let objects = try parsed(manifests).filter { $0.kind != "Namespace" }
    let claims = objects.filter { $0.kind == "StatefulSet" }.map {
      Applied(
        apiVersion: "v1", kind: "PersistentVolumeClaim",
        metadata: .init(name: KubernetesPlace.claim, namespace: $0.metadata.namespace))
    }
    return try Manifest.yaml(
      (objects + claims).map { object in
        [
          "apiVersion": .text(object.apiVersion), "kind": .text(object.kind),
          "metadata": .map(
            [("name", .text(object.metadata.name))]
              + (object.metadata.namespace.map { [("namespace", .text($0))] } ?? [])),
        ]
      })
  }

  /// The run's resolved configuration in manifests.
  ///
  /// - Throws: `BadManifests` where there is none.
  public static func configuration(inManifests manifests: String) throws -> String {
    for object in try parsed(manifests) {
      if let text = object.data?["configuration.yaml"] { return text }
    }
    throw BadManifests(reason: "they hold no ConfigMap with the run's configuration")
  }

  private struct Applied: Decodable {
    struct Metadata: Decodable {
      var name: String
      var namespace: String?
    }
    var apiVersion: String
    var kind: String
    var metadata: Metadata
    var data: [String: String]?
  }

  private static func parsed(_ manifests: String) throws -> [Applied] {
    do {
      return try Yams.compose_all(yaml: manifests).map {
        try YAMLDecoder().decode(Applied.self, from: $0)
      }
    } catch { throw BadManifests(reason: "\(error)") }
  }

  // MARK: - Objects that are there

  private struct List: Decodable {
    var items: [Object]
  }

  private struct Object: Decodable {
    var kind: String
    var metadata: Metadata
    var spec: Spec?
    var status: Status?

    struct Metadata: Decodable {
      var name: String
      var labels: [String: String]?
      var annotations: [String: String]?
      var deletionTimestamp: String?
    }
    struct Spec: Decodable {
      var replicas: Int?
    }
    struct Status: Decodable {
      var phase: String?
      var conditions: [Condition]?
      var containerStatuses: [Container]?
    }
    struct Condition: Decodable {
      var status: String?
      var reason: String?
    }
    struct Container: Decodable {
      var restartCount: Int?
      /// One of `running`, `waiting` and `terminated`, with what Kubernetes says of it.
      var state: [String: Detail]?
    }
    struct Detail: Decodable {
      var reason: String?
    }

    /// The part of the run that it is of.
    var component: String { metadata.labels?["app.kubernetes.io/component"] ?? metadata.name }
  }

  /// Nothing at all where there is nothing; one object, or a list of several.
  private static func objects(_ json: String) throws -> [Object] {
    let data = Data(json.utf8)
    if json.allSatisfy(\.isWhitespace) { return [] }
    if let list = try? JSONDecoder().decode(List.self, from: data) { return list.items }
    return [try JSONDecoder().decode(Object.self, from: data)]
  }

  /// Those of the objects that are not the launch's, in words, so that applying would take them from somebody else.
  ///
  /// - Parameters:
  ///   - json: What is there under the names of the launch's objects.
  ///   - isNew: Whether the run begins, so that nothing can be its own.
  public static func foreign(
    _ json: String, to place: KubernetesPlace, isNew: Bool
  ) throws -> [String] {
    try objects(json).filter { object in
      if isNew { return true }
      guard let launch = place.launch else {
        return object.metadata.labels?[KubernetesPlace.instanceLabel] != place.instance
      }
      return object.metadata.annotations?[KubernetesPlace.launchAnnotation] != launch
    }.map { object in
      let run = object.metadata.labels?[KubernetesPlace.instanceLabel].map { " of run '\($0)'" }
      return "\(object.kind) \(object.metadata.name)\(run ?? "")"
    }
  }

  /// How a run's pods are, and which of its roles have none.
  ///
  /// - Parameter json: Its StatefulSets, Deployments and Pods.
  public static func processes(_ json: String) throws -> [ProcessStatus] {
    // A pod in which the archive is read is none of the run's processes.
    let objects = try objects(json).filter { $0.component != KubernetesPlace.reader }
    let pods = objects.filter { $0.kind == "Pod" }
    let withPods = Set(pods.map(\.component))
    let absent = objects.filter { $0.kind != "Pod" && !withPods.contains($0.component) }.map {
      ProcessStatus(
        pod: $0.metadata.name, role: role(of: $0),
        state: $0.spec?.replicas == 0 ? "stopped" : "waiting", restarts: 0)
    }
    let present = pods.map {
      ProcessStatus(
        pod: $0.metadata.name, role: role(of: $0), state: state(of: $0),
        restarts: $0.status?.containerStatuses?.first?.restartCount ?? 0)
    }
    func rank(_ status: ProcessStatus) -> Int {
      ProcessRole.allCases.firstIndex(of: status.role) ?? 0
    }
    return (present + absent).sorted { (rank($0), $0.name) < (rank($1), $1.name) }
  }

  /// Collectors' components have names of their own.
  private static func role(of object: Object) -> ProcessRole {
    ProcessRole(rawValue: object.component) ?? .collector
  }

  private static func state(of pod: Object) -> String {
    if pod.metadata.deletionTimestamp != nil { return "stopping" }
    guard let (state, detail) = pod.status?.containerStatuses?.first?.state?.first else {
      // Such as one that no node has room for.
      let reason = pod.status?.conditions?.first { $0.status == "False" }?.reason
      return "waiting (\(reason ?? pod.status?.phase ?? "Pending"))"
    }
    switch (state, detail.reason) {
    case ("running", _): return "running"
    case ("terminated", "Completed"?): return "done"
    default: return "waiting (\(detail.reason ?? state))"
    }
  }
}

extension ProcessStatus {
  /// Of a pod, whose process has its number in a world of its own.
  init(pod: String, role: ProcessRole, state: String, restarts: Int) {
    name = pod
    self.role = role
    self.state = state
    self.restarts = restarts
    pid = nil
  }
}

/// Kept manifests that cannot be read.
public struct BadManifests: Error, CustomStringConvertible {
  public var reason: String
  public var description: String {
    "the manifests that the run was launched with cannot be read: \(reason)"
  }
}
