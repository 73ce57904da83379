import ArgumentParser
import EpisodeStorage
import Episodes
import Foundation

/// `recap episodes label`
struct LabelEpisodes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label",
    abstract: "Says of episodes whether they succeeded, one after the other.",
    discussion: """
      Walks through the episodes that you have not judged yet and asks for each: s for success, \
      f for failure, Enter to leave it, q to stop. Every answer is stored at once, with your name; \
      the recording stays as it is.

        recap episodes label runs/demo-1 --by anna --task espresso --outcome success
        recap episodes label runs/demo-1 --by anna --episode 'espresso/1/autonomous/0#7' \\
          --as failure

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

  @Option(name: .customLong("as"), help: "Judge --episode so, without asking.")
  var verdict: Outcome?

  func validate() throws {
    if by.trimmingCharacters(in: .whitespaces).isEmpty {
      throw ValidationError("--by: expected your name")
    }
    if verdict != nil, episode == nil { throw ValidationError("--as goes with --episode") }
  }

  func run() async throws {
    try await JudgingSession.with(run.directory) { session in
      if let episode {
        let row = try await session.episode(named: episode)
        guard let verdict else {
          _ = try await ask(row, &session)
          return
        }
        try await store(row, verdict, &session)
        return
      }
      let queue = try await session.queue(selection.query, for: by)
      if queue.isEmpty { return print("\(by) has judged every episode that matches") }
      for (index, row) in queue.enumerated() {
        print("\n[\(index + 1)/\(queue.count)]")
        guard try await ask(row, &session) else { return }
      }
    }
  }

  /// - Returns: False to stop.
  private func ask(_ row: EpisodeRow, _ session: inout JudgingSession) async throws -> Bool {
    print(Self.text(of: row, session.ratings(of: row)))
    while true {
      print("s success, f failure, Enter leave it, q stop: ", terminator: "")
      fflush(nil)
      guard let answer = readLine()?.trimmingCharacters(in: .whitespaces) else { return false }
      switch answer {
      case "": return true
      case "q": return false
      case "s", "f":
        try await store(row, answer == "s" ? .success : .failure, &session)
        return true
      default: print("'\(answer)' is none of s, f, Enter and q")
      }
    }
  }

  private func store(
    _ row: EpisodeRow, _ outcome: Outcome, _ session: inout JudgingSession
  ) async throws {
    let verdict = try await session.judge(row, outcome, by: by)
    let note = verdict == outcome ? "" : "; raters are divided, so it counts as \(verdict.rawValue)"
    print("\(row.id): \(outcome.rawValue) by \(by)\(note)")
  }

  private static func text(of row: EpisodeRow, _ ratings: [String: Outcome]) -> String {
    let seconds = String(format: "%.1f", Double(row.steps) / row.controlRate)
    var lines = [
      row.id,
      "\(row.task), \(row.source.rawValue), robot \(row.robot), \(row.steps) steps (\(seconds) s)",
      "recorded as \(row.recordedOutcome.rawValue)" + (row.reason.map { ": \($0)" } ?? ""),
    ]
    if let stages = row.stages {
      lines.append(stages.map { "\($0.name) \($0.isDone ? "✓" : "✗")" }.joined(separator: ", "))
    }
    for (rater, outcome) in ratings.sorted(by: { $0.key < $1.key }) {
      lines.append("\(rater): \(outcome.rawValue)")
    }
    return lines.joined(separator: "\n")
  }
}
