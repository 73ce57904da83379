import ArgumentParser
import Configuration
import EpisodeStorage
import Episodes
import Foundation
import RecapAlgorithm

/// `recap episodes label`
struct LabelEpisodes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label",
    abstract: "Says of episodes whether they succeeded, one after the other.",
    discussion: """
      Walks through the episodes that you have not judged yet, those that nobody has judged first, \
      and asks for each: s for success, f for failure, Enter to leave it, q to stop. Every answer is \
      stored at once, with your name; the recording stays as it is.

        recap episodes label runs/demo-1 --by anna --outcome unjudged
        recap episodes label runs/demo-1 --by anna --task espresso --outcome success
        recap episodes label runs/demo-1 --by anna --episode 'espresso/1/autonomous/0#7' \\
          --as failure

      Where the configuration lists criteria for the task, c asks for one after the other: y if it \
      was passed, n if not. All passed is a success, any other a failure. Without asking:

        recap episodes label runs/demo-1 --by anna --episode 'box/1/autonomous/0#7' \\
          --criterion build=pass --criterion label=fail

      What most raters say counts, each by their last word; where they are divided evenly, what \
      was recorded. It counts at once in reports, and in all training that begins afterwards; \
      networks that are trained already stay as they are.

      Works whether or not the run goes on; its page takes judgements too ('recap run --http').
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Option(help: ArgumentHelp("Who judges.", valueName: "name"))
  var by: String

  @OptionGroup var selection: EpisodeSelection

  @Option(help: "One episode: its id, or enough of its beginning.")
  var episode: String?

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp("Judge --episode so, without asking.", valueName: "success|failure"))
  var verdict: Outcome?

  @Option(
    help: ArgumentHelp(
      "Say of --episode whether it passed a criterion, without asking; may be repeated.",
      valueName: "name=pass|fail"))
  var criterion: [CriterionArgument] = []

  func validate() throws {
    if by.trimmingCharacters(in: .whitespaces).isEmpty {
      throw ValidationError("--by: expected your name")
    }
    if verdict != nil, episode == nil { throw ValidationError("--as goes with --episode") }
    if !criterion.isEmpty, episode == nil {
      throw ValidationError("--criterion goes with --episode")
    }
    if verdict == .unjudged { throw ValidationError("--as: expected success or failure") }
  }

  func run() async throws {
    try await JudgingSession.with(run.directory) { session in
      if let episode {
        let row = try await session.episode(named: episode)
        if verdict == nil, criterion.isEmpty {
          _ = try await ask(row, &session)
          return
        }
        let said = criterion.map { ($0.name, $0.passed) }
        try await store(
          row,
          Opinion(
            outcome: verdict,
            criteria: said.isEmpty ? nil : Dictionary(said) { _, last in last }),
          &session)
        return
      }
      let queue = try await session.queue(selection.query, for: by)
      if queue.isEmpty {
        return print("there is no episode that matches and that \(by) has not judged")
      }
      let open = queue.count { $0.outcome == .unjudged }
      if open > 0 { print("\(open) of \(queue.count) episodes are not judged: those come first") }
      for (index, row) in queue.enumerated() {
        print("\n[\(index + 1)/\(queue.count)]")
        guard try await ask(row, &session) else { return }
      }
    }
  }

  /// - Returns: False to stop.
  private func ask(_ row: EpisodeRow, _ session: inout JudgingSession) async throws -> Bool {
    print(RatingText(row: row, session: session).text)
    let criteria = session.criteria(for: row)
    let more = criteria.isEmpty ? "" : "c criterion by criterion, "
    while true {
      guard let answer = Self.answer("\(more)s success, f failure, Enter leave it, q stop: ")
      else { return false }
      switch answer {
      case "": return true
      case "q": return false
      case "s", "f":
        try await store(row, Opinion(outcome: answer == "s" ? .success : .failure), &session)
        return true
      case "c" where !criteria.isEmpty:
        guard let said = Self.walk(criteria) else { return false }
        guard !said.isEmpty else { continue }
        let isComplete = said.count == criteria.count || said.values.contains(false)
        guard isComplete || row.outcome != .unjudged else {
          print("not all criteria were judged, and none failed: say s or f, or c again")
          continue
        }
        try await store(
          row, Opinion(outcome: isComplete ? nil : row.outcome, criteria: said), &session)
        return true
      default:
        print("'\(answer)' is none of \(criteria.isEmpty ? "" : "c, ")s, f, Enter and q")
      }
    }
  }

  /// Asks for one criterion after the other.
  ///
  /// - Returns: What was said; nil to stop.
  private static func walk(_ criteria: [CriterionSettings]) -> [String: Bool]? {
    var said: [String: Bool] = [:]
    for criterion in criteria {
      let words = criterion.description.map { " (\($0))" } ?? ""
      asking: while true {
        guard let answer = answer("  \(criterion.name)\(words): y passed, n not, Enter leave it: ")
        else { return nil }
        switch answer {
        case "y", "n":
          said[criterion.name] = answer == "y"
          break asking
        case "": break asking
        case "q": return nil
        default: print("  '\(answer)' is none of y, n, Enter and q")
        }
      }
    }
    return said
  }

  private static func answer(_ question: String) -> String? {
    print(question, terminator: "")
    fflush(nil)
    return readLine()?.trimmingCharacters(in: .whitespaces)
  }

  private func store(
    _ row: EpisodeRow, _ opinion: Opinion, _ session: inout JudgingSession
  ) async throws {
    let (said, verdict) = try await session.judge(row, opinion, by: by)
    let note = verdict == said ? "" : "; raters are divided, so it counts as \(verdict.words)"
    print("\(row.id): \(said.words) by \(by)\(note)")
  }
}

/// A criterion on the command line, and whether it was passed.
struct CriterionArgument: ExpressibleByArgument {
  var name: String
  var passed: Bool

  init?(argument: String) {
    guard let sign = argument.lastIndex(of: "=") else { return nil }
    name = String(argument[..<sign])
    switch argument[argument.index(after: sign)...] {
    case "pass": passed = true
    case "fail": passed = false
    default: return nil
    }
    if name.isEmpty { return nil }
  }
}

/// An episode as those who judge it are told of it.
struct RatingText {
  private var row: EpisodeRow
  private var said: RaterWords

  init(row: EpisodeRow, session: JudgingSession) {
    self.row = row
    said = session.said(of: row)
  }

  var text: String {
    let seconds = String(format: "%.1f", Double(row.steps) / row.controlRate)
    var lines = [
      row.id,
      "\(row.task), \(row.source.rawValue), robot \(row.robot), \(row.steps) steps (\(seconds) s)",
      "recorded as \(row.recordedOutcome.words)" + (row.reason.map { ": \($0)" } ?? ""),
    ]
    if let stages = row.recordedStages {
      lines.append(stages.map { RaterWords.mark($0.name, $0.isDone) }.joined(separator: ", "))
    }
    lines += said.lines
    if !said.divided.isEmpty {
      lines.append("raters disagree on \(said.divided.joined(separator: ", "))")
    }
    return lines.joined(separator: "\n")
  }
}
