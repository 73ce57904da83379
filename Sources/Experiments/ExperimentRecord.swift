import Configuration
import DurableFiles
import Foundation
import Monitoring

/// What an experiment's directory says of itself, in `experiment.json`: enough to go on with it and
/// to report on it without the file that it was started from.
public struct ExperimentRecord: Codable, Sendable {
  /// The experiment as it was read last. Its `base` may be gone.
  public var experiment: Experiment
  /// The file, as it was named on the command line.
  public var file: String
  /// The text of that file.
  public var text: String
  /// The text of the base configuration.
  public var baseText: String
  /// The version of recap that began it.
  public var version: String
  /// The resolved configuration of each arm, for seed 1.
  public var configurations: [String: RunConfiguration]
  /// The seeds that were asked for so far, ascending.
  public var seeds: [Int]
  /// Runs and experiments that were named for their results to be taken over.
  public var reuse: [String]

  public init(
    experiment: Experiment, file: String, text: String, baseText: String, version: String,
    configurations: [String: RunConfiguration], seeds: [Int] = [], reuse: [String] = []
  ) {
    self.experiment = experiment
    self.file = file
    self.text = text
    self.baseText = baseText
    self.version = version
    self.configurations = configurations
    self.seeds = seeds
    self.reuse = reuse
  }

  private static let fileName = "experiment.json"

  /// Whether a directory holds an experiment.
  public static func exists(in directory: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(directory)/\(fileName)")
  }

  /// What a directory says; nil where there is no experiment.
  ///
  /// - Throws: `ExperimentError.unreadable`.
  public static func read(from directory: String) throws -> ExperimentRecord? {
    let path = "\(directory)/\(fileName)"
    guard let bytes = try DurableFile.read(path) else { return nil }
    do {
      return try JSONDecoder().decode(
        ExperimentRecord.self, from: Self.withEverySetting(Data(bytes)))
    } catch {
      throw ExperimentError.unreadable(path: path, reason: "\(error)")
    }
  }

  /// What a file says, with what an earlier version did not know: settings have their defaults, as in a
  /// run's own configuration.
  private static func withEverySetting(_ json: Data) throws -> Data {
    guard var record = try JSONSerialization.jsonObject(with: json) as? [String: Any],
      let configurations = record["configurations"] as? [String: Any]
    else { return json }
    record["configurations"] = try configurations.mapValues { stored in
      let text = String(decoding: try JSONSerialization.data(withJSONObject: stored), as: UTF8.self)
      let resolved = try RunConfiguration(resolvedJSON: text).resolvedJSON
      return try JSONSerialization.jsonObject(with: Data(resolved.utf8))
    }
    for key in ["seeds", "reuse"] where record[key] == nil { record[key] = [Any]() }
    return try JSONSerialization.data(withJSONObject: record)
  }

  /// Makes the directory where it is missing, and says in it what its runs are.
  public func write(to directory: String) throws {
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    try DurableFile.write(
      Array(try jsonText(self).utf8), to: "\(directory)/\(Self.fileName)")
  }

  /// Where an arm's run with a seed is.
  public static func runDirectory(_ directory: String, seed: Int, arm: String) -> String {
    "\(directory)/seed-\(seed)/\(arm)"
  }

  /// The seeds of which a directory holds runs, ascending.
  public static func seeds(in directory: String) -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.compactMap { name in
      name.hasPrefix("seed-") ? Int(name.dropFirst("seed-".count)) : nil
    }.sorted()
  }

  /// Takes over what an earlier record of the directory says besides what `differences` compares.
  public mutating func goOn(from earlier: ExperimentRecord) {
    version = earlier.version
    seeds = Set(earlier.seeds + seeds).sorted()
    reuse = earlier.reuse + reuse.filter { !earlier.reuse.contains($0) }
  }

  /// The command that runs an experiment or goes on with it.
  ///
  /// - Parameter directory: Nil for the one that is named after the experiment.
  public static func command(
    file: String, seeds: ClosedRange<Int>, directory: String?, reuse: [String]
  ) -> String {
    var words = ["recap", "experiment", file, "--seeds", "\(seeds.count)"]
    if seeds.lowerBound != 1 { words += ["--first-seed", "\(seeds.lowerBound)"] }
    if let directory { words += ["--dir", directory] }
    for place in reuse { words += ["--reuse", place] }
    return words.map(Shell.word).joined(separator: " ")
  }

  /// Why runs of `newer` cannot stand beside those of this record, in a line each; empty where they
  /// can.
  ///
  /// Titles, figures, further arms and further seeds change no run that there is.
  public func differences(from newer: ExperimentRecord) throws -> [String] {
    if experiment.name != newer.experiment.name {
      return ["experiment was \(experiment.name), is \(newer.experiment.name)"]
    }
    var changed: [(arm: String, changes: [String])] = []
    for arm in experiment.arms.map(\.name) {
      guard let before = configurations[arm] else { continue }
      guard let after = newer.configurations[arm] else {
        changed.append((arm, ["is no longer there"]))
        continue
      }
      let changes = try before.changes(to: after)
      if !changes.isEmpty { changed.append((arm, changes)) }
    }
    // What changed everywhere, in the base for example, is said once.
    let everywhere =
      experiment.arms.count == 1 || changed.count < experiment.arms.count
      ? []
      : (changed.first?.changes ?? []).filter { change in
        changed.allSatisfy { $0.changes.contains(change) }
      }
    return everywhere.map { "every arm: \($0)" }
      + changed.flatMap { arm, changes in
        changes.filter { !everywhere.contains($0) }.map { "arm \(arm): \($0)" }
      }
  }
}

/// Why an experiment cannot go on, or be reported on.
public enum ExperimentError: Error, CustomStringConvertible {
  /// The directory's own description cannot be read.
  case unreadable(path: String, reason: String)
  /// The directory holds runs of something else.
  case changed(directory: String, differences: [String])
  /// The directory is that of a run.
  case holdsRun(directory: String)
  /// Some arms' runs failed.
  case failedArms([String], outOf: Int)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "\(path) cannot be read (\(reason)); was it written by another version of recap?"
    case .changed(let directory, let differences):
      "\(directory) holds an experiment that is not the file's any more; undo the change, or give "
        + "another --dir, where '--reuse \(Shell.word(directory))' takes over what is the same:\n"
        + differences.map { "  \($0)" }.joined(separator: "\n")
    case .holdsRun(let directory):
      "\(directory) holds a run; expected a directory of the experiment's own: give another --dir"
    case .failedArms(let failures, let count):
      "\(failures.count) of \(count) runs failed:\n"
        + failures.map { "  \($0)" }.joined(separator: "\n")
    }
  }
}
