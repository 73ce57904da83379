import Configuration
import EpisodeStorage
import Foundation
import Robots

/// A run's directory with its archive open for writing.
struct RunDirectory: Sendable {
  let directory: String
  let archive: Archive
  let configuration: RunConfiguration

  /// Makes the directory of a new run, or opens that of a stopped one.
  static func open(_ source: RunOptions.Source) async throws -> RunDirectory {
    switch source {
    case .configuration(let file, let overrides, let directory):
      let configuration = try RunConfiguration.load(
        file: file, overrides: overrides, workcellTasks: WorkcellTasks.names)
      let place = directory ?? unusedDirectory("runs/\(configuration.name)-\(configuration.seed)")
      let archive = try await Archive.create(
        at: place,
        run: RunDescription(
          name: configuration.name, configuration: try configuration.resolvedJSON,
          version: recapVersion))
      return RunDirectory(directory: place, archive: archive, configuration: configuration)
    case .resume(let directory):
      let archive = try await Archive.open(at: directory)
      let configuration = try RunConfiguration(
        resolvedJSON: try await archive.run().configuration)
      return RunDirectory(directory: directory, archive: archive, configuration: configuration)
    }
  }

  /// `wanted`, or that with the first number from 2 that makes it new.
  private static func unusedDirectory(_ wanted: String) -> String {
    var place = wanted
    var number = 2
    while FileManager.default.fileExists(atPath: place) {
      place = "\(wanted)-\(number)"
      number += 1
    }
    return place
  }
}
