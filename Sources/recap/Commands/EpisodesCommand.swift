import ArgumentParser
import Configuration
import CoordinatorRole
import EpisodeStorage
import Episodes
import Foundation
import Monitoring
import RecapAlgorithm

/// `recap episodes`
struct EpisodesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "episodes",
    abstract: "Lists, shows, judges and verifies a run's episodes.",
    subcommands: [ListEpisodes.self, ShowEpisode.self, LabelEpisodes.self, VerifyEpisodes.self])
}

/// `recap episodes list`
struct ListEpisodes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists episodes, one a line, and closes with a line of totals.",
    discussion: """
      'k' is the iteration that asked for the episode; demonstrations have none.

        recap episodes list runs/demo-1 --task espresso --source evaluation
        recap episodes list runs/demo-1 --outcome failure --limit 20

      With --json it prints an array with an object for each episode; 'seed' is a string, \
      since it has 64 bits and jq would round it. This counts why the episodes \
      of each stage ended:

        recap episodes list runs/demo-1 --json \\
          | jq -r '.[] | [.task, .stage, .outcome, .reason // "-"] | @tsv' | sort | uniq -c
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @OptionGroup var selection: EpisodeSelection

  @Option(parsing: .unconditional, help: "At most so many lines.")
  var limit: Int?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func validate() throws {
    if let limit, limit < 0 {
      throw ValidationError("--limit: got \(limit); expected an integer, at least 0")
    }
  }

  func run() async throws {
    let archive = try run.archive()
    var query = selection.query
    let counts = try await archive.episodeCounts(matching: query)
    if counts.episodes == 0 { try await checkNames(archive) }
    query.limit = limit
    let rows = try await archive.episodes(matching: query)
    if json { return print(try jsonText(rows)) }
    print(Self.table(rows).text)
    print(Self.summary(counts, listed: rows.count))
  }

  /// - Throws: `NothingSuch` for a task, robot or iteration that the run neither has nor plans.
  private func checkNames(_ archive: ArchiveReader) async throws {
    let plan = try await RunConfiguration(of: archive)
    let recorded = try await archive.episodes()
    func check(_ what: String, _ wanted: String?, _ planned: [String], _ more: [String]) throws {
      guard let wanted, !planned.contains(wanted), !more.contains(wanted) else { return }
      let others = Set(more).subtracting(planned).sorted()
      throw NothingSuch(what: what, wanted: wanted, known: planned + others)
    }
    try check("task", selection.task, plan.tasks.map(\.name), recorded.map(\.task))
    try check("robot", selection.robot, plan.robots.map(\.name), recorded.map(\.robot))
    try check(
      "iteration", selection.iteration.map(String.init),
      (0...plan.schedule.iterations).map(String.init), [])
  }

  static func table(_ rows: [EpisodeRow]) -> TextTable {
    var table = TextTable([
      ("episode", .left), ("task", .left), ("k", .right), ("source", .left), ("robot", .left),
      ("outcome", .left), ("reason", .left), ("steps", .right), ("by person", .right),
      ("blob", .left),
    ])
    for row in rows {
      table.add([
        row.id, row.task, row.iteration.map(String.init) ?? "–", row.source.rawValue, row.robot,
        row.outcome.words, row.reason ?? "–", String(row.steps), String(row.interventionSteps),
        row.digest.short,
      ])
    }
    return table
  }

  static func summary(_ counts: EpisodeCounts, listed: Int) -> String {
    let shown = listed < counts.episodes ? " (\(listed) listed)" : ""
    let noun = counts.episodes == 1 ? "episode" : "episodes"
    return "\(counts.episodes) \(noun)\(shown), \(counts.successes) succeeded, "
      + (counts.unjudged > 0 ? "\(counts.unjudged) not judged, " : "")
      + "\(counts.steps) steps, \(counts.interventionSteps) chosen by a person, "
      + "\(counts.bytes) bytes"
  }
}

/// `recap episodes show`
struct ShowEpisode: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows one episode: who recorded it, how it ended and what happened when.",
    discussion: """
      The episode's id is in the first column of 'recap episodes list'; quote it, since it \
      holds a '#'. Its beginning will do where no other id begins so.

        recap episodes show runs/demo-1 'espresso/1/autonomous/0#7' --steps
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Argument(help: "The episode's id, or enough of its beginning.")
  var episode: String

  @Flag(help: "Also print every step's proprioception and action.")
  var steps = false

  @Flag(help: "Print JSON instead: the catalogue's row and the episode's metadata.")
  var json = false

  func validate() throws {
    if steps && json { throw ValidationError("--steps and --json exclude each other") }
  }

  func run() async throws {
    let archive = try run.archive()
    let row = try await archive.episode(named: episode)
    let plan = try await Plan(of: archive)
    let description = EpisodeText(
      row: row, episode: try await archive.contents(of: row),
      said: RaterWords(plan, on: row.digest))
    if json { return print(try description.json()) }
    print(description.summary)
    if steps { print(description.steps) }
  }
}

/// A name to look for that the run does not know.
struct NothingSuch: Error, CustomStringConvertible {
  var what: String
  var wanted: String
  var known: [String]

  var description: String {
    "the run has no \(what) '\(wanted)'; it has \(known.joined(separator: ", "))"
  }
}

/// `recap episodes verify`
struct VerifyEpisodes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Re-reads everything that the run stored and compares it with the catalogue.",
    discussion: """
      Every blob is compared with its digest and every row with its blob. Prints a line for each \
      problem and closes with a line of counts; the exit status is 1 if there was a problem.
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Flag(help: "Print JSON instead: problems, orphans and counts.")
  var json = false

  func run() async throws {
    let report = try await run.archive().verify()
    if json {
      print(try jsonText(VerificationText(report)))
      if !report.isSound { throw ExitCode.failure }
      return
    }
    for problem in report.problems { print("problem: \(problem)") }
    for orphan in report.orphans { print("orphan: \(orphan) (named by no row; harmless)") }
    print(report.summary)
    if !report.isSound { throw ExitCode.failure }
  }
}

/// A verification for programs.
private struct VerificationText: Encodable {
  var sound: Bool
  var problems: [String]
  var orphans: [String]
  var blobs, bytes, episodes, checkpoints, labelSets: Int

  init(_ report: VerificationReport) {
    sound = report.isSound
    problems = report.problems.map(\.description)
    orphans = report.orphans
    blobs = report.blobs
    bytes = report.bytes
    episodes = report.episodes
    checkpoints = report.checkpoints
    labelSets = report.labelSets
  }
}

extension EpisodeSource: ExpressibleByArgument {}

extension Outcome: ExpressibleByArgument {
  /// Listed by --help.
  public static var allValueStrings: [String] { allCases.map(\.rawValue) }
}
