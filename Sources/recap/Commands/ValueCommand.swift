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
      when success was put out of reach, and compares that step with the moment of V's largest \
      drop. By default about evaluation episodes, which V was not trained on.

        recap value check runs/demo-1
        recap value check runs/demo-1 --task espresso --source autonomous --json

      'within 10 steps' is the share of episodes in which the two are at most so far apart \
      (--tolerance); 'by chance' the share that a random step would reach; 'delay' the median of V's moment minus \
      the true one. ± is one standard error. Where time ran out there is no such step.

      Works at any time, also while the run goes on.
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Option(help: "Only this task.")
  var task: String?

  @Option(help: "Episodes in which this was meant to act; may be repeated. Evaluation if left out.")
  var source: [EpisodeSource] = []

  @Option(help: "Steps that count as near.")
  var tolerance = 10

  @Option(help: "Steps over which a drop is measured.")
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
    let known = rows.filter { $0.momentOfFailure != nil }
    guard !known.isEmpty else {
      return TaskCheck(task: task, failures: rows.count, valuesFrom: nil, timing: nil)
    }
    guard let checkpoint = try await archive.newestValueCheckpoint(of: task) else {
      throw NoValues(episode: known[0].id)
    }
    let value = try await archive.valueFunction(checkpoint)
    var attempts: [DropTiming.Attempt] = []
    for row in known {
      guard let moment = row.momentOfFailure else { continue }
      let values = try value.values(of: try await archive.contents(of: row))
      attempts.append(DropTiming.Attempt(values: values, decidedAt: moment))
    }
    return TaskCheck(
      task: task, failures: rows.count, valuesFrom: checkpoint.job,
      timing: DropTiming(attempts, tolerance: tolerance, window: window))
  }

  private static func table(_ checks: [TaskCheck], tolerance: Int) -> TextTable {
    var table = TextTable([
      ("task", .left), ("failures", .right), ("moment known", .right),
      ("within \(tolerance) steps", .right), ("by chance", .right), ("delay", .right),
      ("V from", .left),
    ])
    for check in checks {
      guard let timing = check.timing else {
        table.add([check.task, "\(check.failures)", "0", "–", "–", "–", "–"])
        continue
      }
      let error =
        (timing.share * (1 - timing.share) / Double(timing.episodes)).squareRoot()
      table.add([
        check.task, "\(check.failures)", "\(timing.episodes)",
        String(format: "%.1f ± %.1f %%", timing.share * 100, error * 100),
        String(format: "%.1f %%", timing.shareByChance * 100),
        timing.medianDelay.map { String(format: "%+.1f", $0) } ?? "–", check.valuesFrom ?? "–",
      ])
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
    /// Nil where no moment is known.
    var timing: DropTiming?
  }
}

extension EpisodeRow {
  /// The step at which a failed attempt was truly lost, where the robot knows it. The one place that
  /// says which of an episode's records that is.
  var momentOfFailure: Int? { outcome == .failure ? decidedAtStep : nil }
}
