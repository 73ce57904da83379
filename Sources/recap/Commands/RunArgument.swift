import ArgumentParser
import EpisodeStorage
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

  /// The run in a directory, or those below it, down to an experiment's in a directory of experiments.
  static func runs(in directory: String, depth: Int = 4) -> [String] {
    let isRun = FileManager.default.fileExists(atPath: "\(directory)/catalogue.sqlite")
    if isRun { return [directory] }
    if depth == 0 { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.sorted().flatMap { runs(in: "\(directory)/\($0)", depth: depth - 1) }
  }
}
