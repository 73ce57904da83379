import ArgumentParser
import EpisodeStorage
import Episodes
import Foundation
import Monitoring
import RecapAlgorithm

/// `recap value`
struct ValueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "value", abstract: "How good the value function is.",
    subcommands: [CheckValue.self])
}

/// `recap value check`
struct CheckValue: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says how often V's largest drop tells when an attempt failed.",
    discussion: """
      Asks each task's newest value function about the failed episodes of which the robot said \
      when they went wrong, and compares the moment of V's largest drop with two steps: the one at \
      which the deciding mistake began ('mistake'), and the one at which it put success out of \
      reach ('decision'). By default about evaluation episodes, which V was not trained on.

        recap value check runs/demo-1
        recap value check runs/demo-1 --task espresso --source autonomous --json

      'within 10 steps' is the share of episodes in which the two are at most so far apart \
      (--tolerance); 'by chance' the share that a random step would reach; 'delay' the median of \
      V's moment minus the true one. ± is one standard error. Where time ran out there is no such \
      step.

      Works at any time, also while the run goes on.
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Option(help: "Only this task.")
  var task: String?

  @Option(help: "Episodes in which this was meant to act; may be repeated. Evaluation if left out.")
  var source: [EpisodeSource] = []

  @Option(parsing: .unconditional, help: "Steps that count as near.")
  var tolerance = 10

  @Option(parsing: .unconditional, help: "Steps over which a drop is measured.")
  var window = ValueDrops.window

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func validate() throws {
    for (name, value, least) in [("--tolerance", tolerance, 0), ("--window", window, 1)]
    where value < least {
      throw ValidationError("\(name): got \(value); expected an integer, at least \(least)")
    }
  }

  func run() async throws {
    let archive = try run.archive()
    let rows = try await archive.episodes(
      matching: EpisodeQuery(
        task: task, sources: source.isEmpty ? [.evaluation] : Set(source), outcome: .failure))
    if let task, rows.isEmpty {
      let known = Set(try await archive.episodes().map(\.task)).sorted()
      if !known.contains(task) { throw NothingSuch(what: "task", wanted: task, known: known) }
    }
    let byTask = Dictionary(grouping: rows, by: \.task)
    var checks: [TaskCheck] = []
    for task in byTask.keys.sorted() {
      checks.append(try await check(task, byTask[task] ?? [], in: archive))
    }
    if json { return print(try jsonText(checks)) }
    if checks.isEmpty { return print("no such episode failed") }
    print(Self.table(checks, tolerance: tolerance).text)
  }

  private func check(
    _ task: String, _ rows: [EpisodeRow], in archive: ArchiveReader
  ) async throws -> TaskCheck {
    let known = rows.filter { $0.decidedAtStep != nil }
    guard !known.isEmpty else {
      return TaskCheck(task: task, failures: rows.count)
    }
    guard let checkpoint = try await archive.newestValueCheckpoint(of: task) else {
      throw NoValues(episode: known[0].id)
    }
    let value = try await archive.valueFunction(checkpoint)
    var mistakes: [DropTiming.Attempt] = []
    var decisions: [DropTiming.Attempt] = []
    for row in known {
      guard let decided = row.decidedAtStep else { continue }
      let values = try value.values(of: try await archive.contents(of: row))
      // Runs of older versions did not record where the mistake began.
      if let mistake = row.mistakeAtStep {
        mistakes.append(DropTiming.Attempt(values: values, moment: mistake))
      }
      decisions.append(DropTiming.Attempt(values: values, moment: decided))
    }
    return TaskCheck(
      task: task, failures: rows.count, valuesFrom: checkpoint.job,
      mistake: DropTiming(mistakes, tolerance: tolerance, window: window),
      decision: DropTiming(decisions, tolerance: tolerance, window: window))
  }

  private static func table(_ checks: [TaskCheck], tolerance: Int) -> TextTable {
    var table = TextTable([
      ("task", .left), ("failures", .right), ("moment", .left), ("known", .right),
      ("within \(tolerance) steps", .right), ("by chance", .right), ("delay", .right),
      ("V from", .left),
    ])
    for check in checks {
      for (name, timing) in [("mistake", check.mistake), ("decision", check.decision)] {
        guard let timing else {
          table.add([check.task, "\(check.failures)", name, "0", "–", "–", "–", "–"])
          continue
        }
        let error =
          (timing.share * (1 - timing.share) / Double(timing.episodes)).squareRoot()
        table.add([
          check.task, "\(check.failures)", name, "\(timing.episodes)",
          String(format: "%.1f ± %.1f %%", timing.share * 100, error * 100),
          String(format: "%.1f %%", timing.shareByChance * 100),
          timing.medianDelay.map { String(format: "%+.1f", $0) } ?? "–", check.valuesFrom ?? "–",
        ])
      }
    }
    return table
  }

  /// One task's line. The JSON keys are part of the command line's interface.
  private struct TaskCheck: Encodable {
    var task: String
    /// Failed episodes, those of which nobody knows the moment included.
    var failures: Int
    /// The value checkpoint's job; nil where nothing had to be asked.
    var valuesFrom: String?
    /// V's drop against the step at which the mistake began; nil where no such step is known.
    var mistake: DropTiming?
    /// V's drop against the step that put success out of reach; nil where no such step is known.
    var decision: DropTiming?
  }
}
