import Configuration
import EpisodeStorage
import Episodes
import Foundation
import RecapAlgorithm
import Robots

extension Composition {
  /// Begins a run whose demonstrations are in files.
  ///
  /// The episodes are stored as those of the run's demonstration jobs: a collector that gets such a job finds them
  /// recorded. So nothing else in a run knows of imports.
  ///
  /// - Parameters:
  ///   - folder: Holds episode files, `*.safetensors`.
  ///   - configuration: The new run's configuration file. Unless `overrides` say otherwise, each task that the files are
  ///     of has as many demonstrations as there are files.
  ///   - directory: Where the run is made; nil for `runs/<name>-<seed>`.
  /// - Returns: What was done, for people.
  /// - Throws: `ImportRefused` before anything is made; the configuration's errors.
  static func importEpisodes(
    in folder: String, configuration file: String, overrides: [String], directory: String?
  ) async throws -> String {
    let (demonstrations, others) = try demonstrations(in: folder)
    let counts = demonstrations.mapValues(\.count).sorted { $0.key < $1.key }
    // What a person sets comes last, and so counts.
    let settings = counts.map { "tasks.\($0.key).demonstrations=\($0.value)" } + overrides
    let (run, _) = try await RunDirectory.open(
      .configuration(file: file, overrides: settings, directory: directory), preparing: { _, _ in })
    var taken = 0
    do {
      for job in Schedule.jobs(for: run.configuration.scheduleSettings) {
        guard case .collect(let work) = job.work, work.source == .demonstration,
          let episodes = job.task.flatMap({ demonstrations[$0] })
        else { continue }
        for index in work.firstEpisode..<work.firstEpisode + work.episodeCount
        where index < episodes.count {
          let episode = episodes[index].asDemonstration(of: job, index: index)
          try await run.archive.putEpisode(
            id: episode.metadata.id, file: try EpisodeFile.serialize(episode))
          taken += 1
        }
      }
    } catch {
      try? await run.archive.close()
      throw error
    }
    try await run.archive.close()
    let skipped = others == 0 ? "" : "; \(others) episodes of other sources stayed behind"
    return """
      \(taken) demonstration\(taken == 1 ? "" : "s") of \(counts.map(\.key).joined(separator: ", ")) are in \(run.directory)\(skipped)
      To go on: recap run --resume \(run.directory)
      """
  }

  /// The demonstrations of a folder's files by task, in the order of the files' names, and how many episodes were none.
  private static func demonstrations(
    in folder: String
  ) throws -> (byTask: [String: [Episode]], others: Int) {
    guard let entries = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw ImportRefused(reason: "there is no folder \(folder) that can be read")
    }
    let names =
      entries
      .filter { $0.hasSuffix(".safetensors") }.sorted()
    var (byTask, others) = ([String: [Episode]](), 0)
    var first: (name: String, embodiment: Embodiment)?
    for name in names {
      let episode: Episode
      do {
        episode = try EpisodeFile.parse(
          [UInt8](Data(contentsOf: URL(filePath: "\(folder)/\(name)"))))
      } catch {
        throw ImportRefused(reason: "\(folder)/\(name): \(error)")
      }
      guard episode.metadata.source == .demonstration else {
        others += 1
        continue
      }
      if let first, first.embodiment != episode.metadata.embodiment {
        throw ImportRefused(
          reason: "a run has one embodiment: \(first.name) has \(first.embodiment), "
            + "\(name) has \(episode.metadata.embodiment)")
      }
      first = first ?? (name, episode.metadata.embodiment)
      byTask[episode.metadata.task.name, default: []].append(episode)
    }
    guard first != nil else {
      throw ImportRefused(
        reason: "\(folder): expected demonstrations in *.safetensors files, found none"
          + (others > 0 ? " among \(others) episodes: a run begins with demonstrations alone" : ""))
    }
    return (byTask, others)
  }
}

extension Episode {
  /// The same recording as a run's job would have made it.
  fileprivate func asDemonstration(of job: Job, index: Int) -> Episode {
    var episode = self
    episode.metadata.id = "\(job.id)#\(index)"
    episode.metadata.job = job.id
    episode.metadata.index = index
    episode.metadata.iteration = job.iteration
    episode.metadata.robot = "imported"
    return episode
  }
}

/// Files that cannot begin a run.
struct ImportRefused: Error, CustomStringConvertible {
  var reason: String
  var description: String { reason }
}
