import Foundation
import Launching
import Monitoring

/// Posts a run's alerts to a web address as JSON, by way of `curl`, which knows TLS and proxies.
struct AlertWebhook: Sendable {
  /// Where to; often a secret by itself.
  let url: String

  /// How often the run is looked at.
  private static let interval: Duration = .seconds(5)

  /// Follows a run until the task is cancelled. What cannot be posted is tried twice more, and that an alert is open
  /// at the next looks again; people are told once, since a run does not depend on it.
  func run(_ watch: RunWatch, say: @Sendable (String) -> Void) async {
    var feed = AlertFeed()
    var isTold = false
    while !Task.isCancelled {
      if let snapshot = try? await watch.snapshot() {
        for notice in feed.update(Alert.all(snapshot), ofRun: snapshot.run.name) {
          guard let problem = await post(notice), !Task.isCancelled else { continue }
          feed.takeBack(notice)
          if isTold { continue }
          isTold = true
          say("alerts cannot be posted: \(problem)")
        }
      }
      try? await Task.sleep(for: Self.interval)
    }
  }

  /// - Returns: Why it could not be posted; nil if it was.
  private func post(_ notice: AlertFeed.Notice) async -> String? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      // The address goes by standard input: other users of a machine can read command lines.
      try await ExternalTool.run(
        ["curl", "--silent", "--show-error", "--fail", "--config", "-"],
        input: Self.settings([
          "url": url, "header": "Content-Type: application/json", "max-time": "10", "retry": "2",
          "data": String(decoding: try encoder.encode(notice), as: UTF8.self),
        ]))
      return nil
    } catch let error as ExternalToolFailed {
      return error.words.isEmpty ? error.reason : error.words
    } catch {
      return "\(error)"
    }
  }

  /// Settings as curl reads them from a file.
  static func settings(_ settings: [String: String]) -> String {
    settings.sorted { $0.key < $1.key }.map { name, value in
      let text = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      return "\(name) = \"\(text)\"\n"
    }.joined()
  }
}
