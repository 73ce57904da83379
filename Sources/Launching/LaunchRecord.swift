import Configuration
import DurableFiles
import Foundation
import Monitoring

/// What a run's directory says of its latest launch: `launch.json`.
public struct LaunchRecord: Codable, Sendable {
  public var cluster: ClusterFile
  /// The file that the cluster was read from.
  public var file: String
  public var launched: Date
  /// Of `kind: local` and `hosts`, as they were when they last changed.
  public var processes: [ProcessStatus]
  /// Of `kind: slurm`: the numbers of its jobs.
  public var jobs: [String]
  /// Of `kind: kubernetes`.
  public var kubernetes: KubernetesPlace?

  public init(cluster: ClusterFile, file: String, launched: Date = Date()) {
    self.cluster = cluster
    self.file = file
    self.launched = launched
    processes = []
    jobs = []
  }

  public init(from decoder: any Decoder) throws {
    let stored = try decoder.container(keyedBy: CodingKeys.self)
    cluster = try stored.decode(StoredClusterFile.self, forKey: .cluster).file
    file = try stored.decode(String.self, forKey: .file)
    launched = try stored.decode(Date.self, forKey: .launched)
    processes = try stored.decode([ProcessStatus].self, forKey: .processes)
    jobs = try stored.decode([String].self, forKey: .jobs)
    kubernetes = try stored.decodeIfPresent(KubernetesPlace.self, forKey: .kubernetes)
  }

  /// Where it is.
  public static func path(_ directory: String) -> String { "\(directory)/launch.json" }

  /// The record of a run's directory; nil where it was never launched.
  ///
  /// - Throws: `DecodingError` for one of another version.
  public static func read(from directory: String) throws -> LaunchRecord? {
    guard let data = FileManager.default.contents(atPath: path(directory)) else { return nil }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return try decoder.decode(LaunchRecord.self, from: data)
  }

  /// Where a run of `kind: kubernetes` is; earlier versions kept no more than its directory says.
  public func kubernetesPlace(ofRunAt directory: String) -> KubernetesPlace {
    kubernetes
      ?? KubernetesPlace(ofRunAt: directory, namespace: cluster.kubernetes.namespace, launch: nil)
  }

  /// Replaces the record.
  public func write(to directory: String) throws {
    try DurableFile.write(Array(try jsonText(self).utf8), to: Self.path(directory))
  }
}

/// A launcher's claim on a run's directory.
public enum LaunchLock {
  /// - Throws: `LaunchedAlready`, naming the process that has the run.
  public static func claim(_ directory: String) throws -> FileLock {
    do {
      return try FileLock(path: "\(directory)/launch.lock")
    } catch let held as FileLockHeld {
      throw LaunchedAlready(directory: directory, holder: held.holderDescription)
    }
  }

  /// The process that has launched a run and is still there; nil when there is none.
  public static func holder(of directory: String) -> FileLockHeld? {
    FileLock.holder(path: "\(directory)/launch.lock")
  }
}

/// A run that another launcher has.
public struct LaunchedAlready: Error, CustomStringConvertible {
  public var directory: String
  /// In words.
  public var holder: String

  public init(directory: String, holder: String) {
    self.directory = directory
    self.holder = holder
  }

  public var description: String {
    "\(directory) is launched already, by \(holder); 'recap launch stop \(directory)' stops it"
  }
}
