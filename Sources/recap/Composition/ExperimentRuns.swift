import Configuration
import CoordinatorRole
import EpisodeStorage
import Experiments
import Foundation
import Monitoring
import RecapAlgorithm

// What an experiment's directory holds.

/// How far an experiment's run is.
enum RunStage: Sendable {
  /// There is none, or it was left before it had a name.
  case absent
  case begun
  case finished

  /// Of the run in a directory.
  ///
  /// - Throws: What keeps its archive from being read.
  init(ofRunAt directory: String) async throws {
    guard let run = try await StoredRun(directory) else {
      self = .absent
      return
    }
    self = run.plan.isFinished ? .finished : .begun
  }
}

/// A run's archive with its plan.
private struct StoredRun {
  var archive: ArchiveReader
  var plan: Plan

  /// Returns nil where there is no run, or one that was left before it had a name.
  init?(_ directory: String) async throws {
    guard FileManager.default.fileExists(atPath: "\(directory)/catalogue.sqlite") else {
      return nil
    }
    do {
      archive = try ArchiveReader(directory: directory)
      let configuration = try await RunConfiguration(of: archive)
      plan = try await Plan(of: configuration, in: archive)
    } catch ArchiveError.notFound, ArchiveError.unfinished {
      return nil
    }
  }
}

extension ExperimentReport {
  /// The report of the experiment in a directory, as far as it has got.
  init(_ record: ExperimentRecord, in directory: String) async throws {
    var runs: [ArmRun] = []
    var unreadable: [String: [UnreadableRun]] = [:]
    for seed in ExperimentRecord.seeds(in: directory) {
      for arm in record.experiment.arms.map(\.name) {
        let place = ExperimentRecord.runDirectory(directory, seed: seed, arm: arm)
        do {
          guard let run = try await StoredRun(place) else { continue }
          runs.append(try await ArmRun(run, arm: arm, seed: seed))
        } catch {
          try Task.checkCancellation()
          // The other runs are as good as they were.
          let words = "\(error)"
          unreadable[arm, default: []].append(
            UnreadableRun(
              seed: seed, reason: words.contains(place) ? words : "\(place): \(words)"))
        }
      }
    }
    self.init(record.experiment, runs: runs, requested: record.seeds, unreadable: unreadable)
  }
}

extension ArmRun {
  fileprivate init(_ run: StoredRun, arm: String, seed: Int) async throws {
    let events = try await run.archive.counts().events
    self.init(
      arm: arm, seed: seed, isFinished: run.plan.isFinished,
      report: try await RunReport(archive: run.archive), work: SharedWork(run.plan.jobs),
      adopted: run.plan.adoptedWork, began: try await run.archive.run().created,
      ended: try await run.archive.events(after: events - 1).last?.time)
  }
}
