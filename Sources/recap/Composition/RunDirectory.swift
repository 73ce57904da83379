import Configuration
import CoordinatorRole
import EpisodeStorage
import Foundation
import Robots

/// A run's directory with its archive open for writing.
struct RunDirectory: Sendable {
  let directory: String
  let archive: Archive
  let configuration: RunConfiguration

  /// Makes the directory of a new run, or opens that of a stopped one.
  ///
  /// - Parameters:
  ///   - prepare: Gets ready for the configuration and the directory. What it throws refuses the start: no directory is made.
  ///   - discard: Lets go of what was prepared where the directory cannot be made.
  static func open<Prepared>(
    _ source: RunOptions.Source,
    preparing prepare: (RunConfiguration, String) async throws -> Prepared,
    discarding discard: (Prepared) async -> Void = { _ in }
  ) async throws -> (RunDirectory, Prepared) {
    switch source {
    case .configuration(let file, let overrides, let directory):
      let configuration = try RunConfiguration.load(
        file: file, overrides: overrides, workcellTasks: WorkcellTasks.names)
      let place = directory ?? unusedDirectory("runs/\(configuration.name)-\(configuration.seed)")
      return try await open(
        .checked(configuration, directory: place), preparing: prepare, discarding: discard)
    case .checked(let configuration, let directory):
      let prepared = try await prepare(configuration, directory)
      do {
        let archive = try await Archive.create(
          at: directory,
          run: RunDescription(
            name: configuration.name, configuration: try configuration.resolvedJSON,
            version: recapVersion))
        let run = RunDirectory(
          directory: directory, archive: archive, configuration: configuration)
        return (run, prepared)
      } catch {
        await discard(prepared)
        throw error
      }
    case .resumeOrBegin(let directory, let file, let overrides):
      // A catalogue without a run is what a process left that ended at once: it is begun anew.
      if case .some = try? await ArchiveReader(directory: directory).run() {
        return try await open(
          .resume(directory: directory), preparing: prepare, discarding: discard)
      }
      return try await open(
        .configuration(file: file, overrides: overrides, directory: directory), preparing: prepare,
        discarding: discard)
    case .resume(let directory):
      let archive = try await Archive.open(at: directory)
      do {
        let configuration = try await RunConfiguration(of: archive)
        let prepared = try await prepare(configuration, directory)
        let run = RunDirectory(
          directory: directory, archive: archive, configuration: configuration)
        return (run, prepared)
      } catch {
        try? await archive.close()
        throw error
      }
    }
  }

  /// `wanted`, or that with the first number from 2 that makes it new.
  static func unusedDirectory(_ wanted: String) -> String {
    var place = wanted
    var number = 2
    while FileManager.default.fileExists(atPath: place) {
      place = "\(wanted)-\(number)"
      number += 1
    }
    return place
  }
}
