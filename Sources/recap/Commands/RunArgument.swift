import ArgumentParser
import EpisodeStorage
import Experiments
import Foundation
import Monitoring

/// A run on the command line: its directory, or its name in `runs`.
struct RunArgument: ExpressibleByArgument {
  var directory: String

  init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    directory = argument
    if !FileManager.default.fileExists(atPath: argument),
      FileManager.default.fileExists(atPath: "runs/\(argument)")
    {
      directory = "runs/\(argument)"
    }
  }

  /// The run's archive, for reading; works beside a run that is still going on.
  func archive() throws -> ArchiveReader { try Composition.archive(ofRunAt: directory) }

  /// Follows the run; with heartbeats where a coordinator of this machine is at work on it.
  func watch() async throws -> RunWatch {
    let directory = directory
    return try await RunWatch(
      archive: archive(), live: { await Composition.liveStatus(directory) })
  }

  /// What to say where a run was wanted and a directory with runs was given; nil for other errors.
  static func hint(for error: any Error) -> (any Error)? {
    guard case ArchiveError.notFound(let directory) = error else { return nil }
    let runs = runs(in: directory)
    if runs.isEmpty || runs == [directory] { return nil }
    return HoldsRuns(
      directory: directory, isExperiment: ExperimentRecord.exists(in: directory), runs: runs)
  }

  /// The run in a directory, or those below it, down to an experiment's in a directory of experiments.
  static func runs(in directory: String, depth: Int = 4) -> [String] {
    let isRun = FileManager.default.fileExists(atPath: "\(directory)/catalogue.sqlite")
    if isRun { return [directory] }
    if depth == 0 { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.sorted().flatMap { runs(in: "\(directory)/\($0)", depth: depth - 1) }
  }
}

/// A directory with runs in place of one of them.
private struct HoldsRuns: Error, CustomStringConvertible {
  var directory: String
  var isExperiment: Bool
  var runs: [String]

  var description: String {
    let shown = runs.prefix(8).joined(separator: ", ") + (runs.count > 8 ? ", …" : "")
    return
      "\(directory) is \(isExperiment ? "an experiment" : "a directory of runs"), and this is for "
      + "one run; its runs: \(shown)"
  }
}
