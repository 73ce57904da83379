import ArgumentParser
import EpisodeStorage
import Foundation

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
  func archive() throws -> ArchiveReader { try ArchiveReader(directory: directory) }
}
