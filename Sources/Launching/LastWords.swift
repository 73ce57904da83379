import Foundation

/// What of a process's standard error may say why it ended, at most three lines: from its last "Error:" on, else the last,
/// and none in which it only logged that its work goes on.
struct LastWords {
  private var lines: [String] = []
  private var hasError = false

  /// The levels of a log's line that say nothing is wrong.
  private static let good: Set<Substring> = ["trace", "debug", "info", "notice"]

  mutating func add(_ line: String) {
    let words = line.trimmingCharacters(in: .whitespaces)
    if words.isEmpty || Self.isGoodNews(words) { return }
    if words.hasPrefix("Error:") {
      (lines, hasError) = ([words], true)
    } else if !hasError {
      lines = lines.suffix(2) + [words]
    } else if lines.count < 3 {
      // More of the error; further on there is but how to use the command.
      lines.append(words)
    }
  }

  var text: String { lines.joined(separator: " | ") }

  /// Whether it is such as "2026-11-22T10:40:31+0000 info recap.worker: joined run demo".
  private static func isGoodNews(_ line: String) -> Bool {
    let parts = line.split(separator: " ", maxSplits: 2)
    return parts.count == 3 && good.contains(parts[1])
      && parts[0].wholeMatch(of: /\d{4}-\d\d-\d\dT.*/) != nil
  }
}
