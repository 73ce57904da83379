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
    for seed in ExperimentRecord.seeds(in: directory) {
      for arm in record.experiment.arms.map(\.name) {
        let place = ExperimentRecord.runDirectory(directory, seed: seed, arm: arm)
        guard let run = try await StoredRun(place) else { continue }
        runs.append(
          ArmRun(
            arm: arm, seed: seed, isFinished: run.plan.isFinished,
            report: try await RunReport(archive: run.archive),
            work: SharedWork(run.plan.jobs), adopted: run.plan.adoptedWork))
      }
    }
    self.init(record.experiment, runs: runs)
  }
}
