import ArgumentParser
import Configuration
import EpisodeStorage
import Experiments
import Foundation
import Monitoring
import Robots

extension Composition {
  /// Runs every arm of an experiment with every seed, one run after the other, and closes with the report. Runs that are
  /// finished are left alone, those that were stopped go on.
  ///
  /// - Throws: What is wrong with the file or the directory; `ExperimentError.failedArms` where runs failed; exit status
  ///   130 after Ctrl-C.
  static func experiment(_ options: ExperimentOptions) async throws {
    Logs.bootstrap(.warning)
    let (directory, record, runs) = try prepare(options)
    let failures: [String]
    do {
      failures = try await stoppingOnSignals {
        try await carryOut(runs, options)
      }
    } catch {
      // While another process does the same, going on cannot help.
      if (error as? ArchiveError)?.isAboutAnotherWriter == true { throw error }
      say("Nothing is lost. To go on: \(options.command)")
      throw error
    }
    let report = try await ExperimentReport(record, in: directory)
    print(report.table(), terminator: "")
    let (page, problems) = try ExperimentOutput.write(report, of: record, to: directory)
    for problem in problems { say(problem) }
    say("report in \(page)")
    if !failures.isEmpty {
      throw ExperimentError.failedArms(failures, outOf: runs.count)
    }
  }

  /// One arm with one seed.
  private struct PlannedRun: Sendable {
    var arm: Experiment.Arm
    var seed: Int
    var isFirst: Bool
    var configuration: RunConfiguration
    var directory: String
    /// Of the seed's other arms.
    var siblings: [String]

    var name: String { "seed \(seed), arm \(arm.name)" }
    var pace: ExperimentPace.Run { ExperimentPace.Run(arm: arm.name, isFirst: isFirst) }
  }

  /// Checks everything, and writes down what the directory is for, before any run begins.
  private static func prepare(
    _ options: ExperimentOptions
  ) throws -> (directory: String, record: ExperimentRecord, runs: [PlannedRun]) {
    let tasks = WorkcellTasks.names
    let experiment = try Experiment.load(file: options.file, workcellTasks: tasks)
    let directory = options.directory ?? "runs/\(experiment.name)"
    if FileManager.default.fileExists(atPath: "\(directory)/catalogue.sqlite") {
      throw ExperimentError.holdsRun(directory: directory)
    }
    var record = ExperimentRecord(
      experiment: experiment, file: options.file,
      text: try String(contentsOfFile: options.file, encoding: .utf8),
      baseText: try String(contentsOfFile: experiment.base, encoding: .utf8),
      version: recapVersion,
      configurations: Dictionary(
        uniqueKeysWithValues: try experiment.arms.map {
          ($0.name, try experiment.configuration(of: $0, seed: 1, workcellTasks: tasks))
        }), seeds: Array(options.seeds), reuse: options.reuse.map(\.name))
    warnOfSameArms(experiment, record.configurations)
    if let stored = try ExperimentRecord.read(from: directory) {
      let differences = try stored.differences(from: record)
      if !differences.isEmpty {
        throw ExperimentError.changed(directory: directory, differences: differences)
      }
      record.goOn(from: stored)
    }
    func place(_ arm: Experiment.Arm, _ seed: Int) -> String {
      ExperimentRecord.runDirectory(directory, seed: seed, arm: arm.name)
    }
    let runs = try options.seeds.flatMap { seed in
      try experiment.arms.enumerated().map { index, arm in
        PlannedRun(
          arm: arm, seed: seed, isFirst: index == 0,
          configuration: try experiment.configuration(of: arm, seed: seed, workcellTasks: tasks),
          directory: place(arm, seed),
          siblings: experiment.arms.filter { $0 != arm }.map { place($0, seed) })
      }
    }
    try record.write(to: directory)
    return (directory, record, runs)
  }

  /// Says so where arms have the same settings, which is hardly meant.
  static func warnOfSameArms(
    _ experiment: Experiment, _ configurations: [String: RunConfiguration]
  ) {
    for arms in experiment.sameArms(configurations) {
      say("arms \(arms.joined(separator: " and ")) have the same settings: their results are one")
    }
  }

  /// - Returns: Which runs failed and why, in a line each; the others go on regardless.
  private static func carryOut(
    _ runs: [PlannedRun], _ options: ExperimentOptions
  ) async throws -> [String] {
    let quiet = options.quiet
    var failures: [String] = []
    var pace = ExperimentPace()
    let clock = ContinuousClock()
    for (index, run) in runs.enumerated() {
      try Task.checkCancellation()
      let place = "[\(index + 1)/\(runs.count)] \(run.name)"
      do {
        let state = try await RunStage(ofRunAt: run.directory)
        if state == .finished {
          if !quiet { say("\(place): finished before") }
          continue
        }
        if !quiet {
          let left = pace.estimate(runs[index...].map(\.pace))
          let estimate = left.map { "about \(ConsoleScreen.text($0)) left" } ?? "end unknown yet"
          say("\(place): \(state == .begun ? "goes on" : "begins"), \(estimate)")
        }
        let start = clock.now
        _ = try await perform(
          RunStart(
            source: state == .begun
              ? .resume(directory: run.directory)
              : .checked(run.configuration, directory: run.directory),
            quiet: quiet, again: nil, siblings: run.siblings, reuse: options.reuse))
        if state == .absent { pace.add(run.pace, clock.now - start) }
      } catch let error as ArchiveError where error.isAboutAnotherWriter {
        // Somebody else runs the same experiment.
        throw error
      } catch {
        try Task.checkCancellation()
        failures.append("\(run.name): \(error)")
        say("\(place): failed, \(error)")
      }
    }
    return failures
  }

  /// A line for people, beside what a command prints for programs.
  static func say(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
  }
}

extension ExperimentOptions {
  /// The command that goes on with the experiment.
  fileprivate var command: String {
    ExperimentRecord.command(
      file: file, seeds: seeds, directory: directory, reuse: reuse.map(\.name))
      + (quiet ? " --quiet" : "")
  }
}

extension ArchiveError {
  fileprivate var isAboutAnotherWriter: Bool {
    if case .locked = self { true } else { false }
  }
}
