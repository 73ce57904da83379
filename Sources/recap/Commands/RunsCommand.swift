import ArgumentParser
import Foundation
import Monitoring

/// `recap runs`
struct RunsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "Lists runs, and shows what their policies came from.",
    subcommands: [List.self, Show.self])

  /// `recap runs list`
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Lists the runs of a directory, the newest first.",
      discussion: """
        A run is finished, failed (a job failed too often), running (a process writes to it) or \
        stopped. Directories of experiments are looked through too.

          recap runs list
          recap runs list runs/guidance --json
        """)

    @Argument(help: "The directory with the runs.")
    var directory = "runs"

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      guard FileManager.default.fileExists(atPath: directory) else {
        throw NoSuchDirectory(directory: directory)
      }
      var runs: [RunSummary] = []
      for place in RunArgument.runs(in: directory) {
        do {
          runs.append(try await RunSummary(ofRunAt: place))
        } catch {
          Composition.say("\(place): \(error)")
        }
      }
      runs.sort { $0.created > $1.created }
      print(json ? try jsonText(runs) : Self.text(of: runs))
    }

    private static func text(of runs: [RunSummary]) -> String {
      if runs.isEmpty { return "no runs" }
      var table = TextTable([
        ("run", .left), ("state", .left), ("jobs", .right), ("episodes", .right),
        ("size", .right), ("began", .left),
      ])
      for run in runs {
        table.add([
          run.directory, run.state.rawValue, "\(run.jobsDone)/\(run.jobs)", "\(run.episodes)",
          RunsCommand.size(run.bytes), run.created.formatted(.iso8601),
        ])
      }
      return table.text
    }
  }

  /// `recap runs show`
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Shows how far a run is, and the lineage of its policies.",
      discussion: """
        For each task and iteration k: the policy's checkpoint, what it was trained from, by which \
        value function and label set its data were judged, and how many episodes they are. The \
        current policy is the task's last that is trained and not withdrawn by 'recap rollback'. \
        Digests are shortened; --json has them whole.

          recap runs show runs/demo-1
          recap runs show runs/demo-1 --json
        """)

    @Argument(help: "The directory of a run.")
    var run: RunArgument

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let summary = try await RunSummary(ofRunAt: run.directory)
      print(json ? try jsonText(summary) : Self.text(of: summary))
    }

    private static func text(of run: RunSummary) -> String {
      var lines = [
        "run \(run.run) (id \(run.id)) in \(run.directory), seed \(run.seed)",
        "began \(run.created.formatted(.iso8601)) with recap \(run.version)",
        "\(run.state.rawValue), \(run.jobsDone) of \(run.jobs) jobs done, \(run.episodes) episodes, "
          + RunsCommand.size(run.bytes),
      ]
      if let failure = run.failure { lines.append("failed: \(failure)") }
      if let writer = run.writer { lines.append("written by \(writer)") }
      if !run.sharedWith.isEmpty {
        lines.append("shares work with \(run.sharedWith.joined(separator: ", "))")
      }
      var table = TextTable([
        ("task", .left), ("k", .right), ("state", .left), ("policy", .left),
        ("trained from", .left), ("value", .left), ("labels", .left), ("episodes", .right),
      ])
      for task in run.tasks {
        for (index, iteration) in task.iterations.enumerated() {
          table.add([
            index == 0 ? task.task : "", "\(iteration.k)", iteration.state,
            short(iteration.policy), iteration.trainedFrom ?? "–", short(iteration.value),
            short(iteration.labels), "\(iteration.trainingEpisodes)",
          ])
        }
      }
      return (lines + [table.text]).joined(separator: "\n")
    }

    private static func short(_ digest: String?) -> String {
      digest.map { String($0.prefix(12)) } ?? "–"
    }
  }

  fileprivate static func size(_ bytes: Int) -> String {
    bytes < 1_000_000_000
      ? "\(decimal(Double(bytes) / 1e6, digits: 1)) MB"
      : "\(decimal(Double(bytes) / 1e9, digits: 1)) GB"
  }
}

/// A place without runs.
private struct NoSuchDirectory: Error, CustomStringConvertible {
  var directory: String
  var description: String { "there is no directory \(directory)" }
}

/// `recap rollback`
struct RollbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Makes a task's policy of an earlier iteration the current one again.",
    discussion: """
      Nothing is deleted: later iterations are withdrawn, and whatever the run has not done yet \
      builds on the current policy instead of theirs. So where a run is stopped in iteration 3 \
      and rolled back to 1, the rest of that practice is done by the policy of 1. Rolling back to \
      a later iteration undoes it.

      The run must be stopped. 'recap runs show' tells what is current.

        recap rollback runs/demo-1 --task espresso --to 1
      """)

  @Argument(help: "The directory of a run.")
  var run: RunArgument

  @Option(help: "The task's name.")
  var task: String

  @Option(help: "The iteration k that is to be current; 0 is the policy after demonstrations.")
  var to: Int

  func run() async throws {
    let withdrawn = try await Composition.rollBack(run.directory, task: task, to: to)
    let rest =
      withdrawn.isEmpty
      ? "" : "; withdrawn: \(withdrawn.sorted().map(String.init).joined(separator: ", "))"
    print("\(task): iteration \(to) is current\(rest)")
  }
}
