import Episodes
import Foundation

/// Where a run is on Kubernetes, and how its objects are told from those of others. The first launch decides it, and
/// whatever goes on with the run keeps it.
public struct KubernetesPlace: Codable, Hashable, Sendable {
  public var namespace: String
  /// The label `app.kubernetes.io/instance` of all objects of the run.
  public var instance: String
  /// The run's directory on the volume of its coordinator.
  public var archive: String
  /// The annotation `recap/launch` of all objects of the run, which no other launch has; nil for objects of a version that
  /// gave none.
  public var launch: String?

  /// The coordinator's pod, in whose container the archive can be read.
  public static let coordinator = "coordinator-0"
  /// The pod, and component, in which the archive of a stopped run can be read.
  static let reader = "reader"
  /// The claim of the coordinator's volume.
  static let claim = "archive-coordinator-0"
  static let launchAnnotation = "recap/launch"
  static let instanceLabel = "app.kubernetes.io/instance"
  static let volume = "/var/lib/recap"

  /// - Parameters:
  ///   - directory: The run's, here; its last part tells the run from others in the cluster.
  ///   - namespace: Nil for one of the run's own.
  ///   - launch: A text that no other launch has.
  public init(ofRunAt directory: String, namespace: String?, launch: String?) {
    let folder = (directory as NSString).lastPathComponent
    self.namespace = namespace ?? Self.label("recap-\(folder)")
    instance = Self.label(folder)
    archive = "\(Self.volume)/\(folder)"
    self.launch = launch
  }

  /// What `kubectl --selector` takes for the objects of the run.
  public var selector: String {
    "app.kubernetes.io/name=recap,\(Self.instanceLabel)=\(instance)"
  }

  /// A name as Kubernetes' labels, namespaces and objects take it: at most 63 lower-case letters, digits and '-'. One that
  /// had to be changed ends in a digest of what it was, so that different names stay different.
  public static func label(_ name: String) -> String {
    func trimmed(_ text: String) -> String {
      text.trimmingCharacters(in: CharacterSet(charactersIn: "-"))
    }
    let text = String(
      name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
    if text == name, trimmed(text) == text, !text.isEmpty, text.count <= 63 { return text }
    let digest = ContentDigest(hashing: Array(name.utf8)).rawValue.prefix(8)
    let kept = trimmed(String(text.prefix(63 - 1 - digest.count)))
    return "\(kept.isEmpty ? "run" : kept)-\(digest)"
  }
}
