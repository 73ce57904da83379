import ArgumentParser
import EpisodeStorage
import Foundation
import HTTPService
import Monitoring

/// `recap status`
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Shows on one screen how far a run is: jobs, alerts, results, robots.",
    discussion: """
      Reads the run's directory, and asks its coordinator for heartbeats and progress where that is \
      at work on this machine. --url asks a dashboard instead, from anywhere.

        recap status runs/demo-1
        recap status --url http://127.0.0.1:8080
        recap status runs/demo-1 --json
      """)

  @OptionGroup var source: StatusSource

  @Flag(help: "Print JSON: the run with its stages, alerts, robots, trainings and results.")
  var json = false

  func run() async throws {
    let report = try await StatusReader(source).report()
    print(json ? try report.json() + "\n" : report.text(), terminator: "")
  }
}

/// `recap top`
struct TopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "Shows how far a run is, again and again.",
    discussion: """
      The screen of 'recap status', as large as the terminal. Ctrl-C ends it.

        recap top runs/demo-1
        recap top --url http://127.0.0.1:8080 --every 5
      """)

  @OptionGroup var source: StatusSource

  @Option(help: ArgumentHelp("Seconds between two looks, at least 0.5.", valueName: "seconds"))
  var every = 2.0

  func validate() throws {
    guard every >= 0.5 else {
      throw ValidationError("--every: got \(every); expected at least 0.5")
    }
  }

  func run() async throws {
    let reader = try await StatusReader(source)
    // The other screen of the terminal, so that what was there comes back.
    print("\u{1B}[?1049h\u{1B}[?25l", terminator: "")
    defer {
      print("\u{1B}[?25h\u{1B}[?1049l", terminator: "")
      fflush(nil)
    }
    do {
      try await stoppingOnSignals {
        while true {
          let (width, height) = Self.terminal()
          let text = try await reader.report().text(width: width, height: height - 1)
          let lines = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(height)
          print(
            "\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[J", terminator: "")
          fflush(nil)
          try await Task.sleep(for: .seconds(every))
        }
      }
    } catch let code as ExitCode where code.rawValue == 128 + SIGINT {
      // That is how one leaves.
    }
  }

  /// Columns and rows.
  private static func terminal() -> (Int, Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return (100, 40)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}

/// Which run, and how to ask.
struct StatusSource: ParsableArguments {
  @Argument(help: "The run's directory; left out with --url.")
  var run: RunArgument?

  @Option(
    help: ArgumentHelp(
      "Ask the dashboard at this address, such as http://127.0.0.1:8080.", valueName: "url"))
  var url: String?

  @Option(
    name: .customLong("token-file"),
    help: ArgumentHelp("A file with the token that the dashboard wants.", valueName: "file"))
  var tokenFile: String?

  func validate() throws {
    guard (run == nil) != (url == nil) else {
      throw ValidationError(
        "Give a run's directory, or --url with a dashboard's address, and not both.")
    }
    if tokenFile != nil, url == nil { throw ValidationError("--token-file goes with --url") }
  }
}

/// Reads a run's status, again and again, from its directory or from its dashboard.
struct StatusReader: Sendable {
  private let watch: RunWatch?
  private let url: String
  private let headers: [String: String]

  init(_ source: StatusSource) async throws {
    url = source.url.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } ?? ""
    headers =
      try source.tokenFile.map { file in
        ["Authorization": "Bearer \(try SecretFile.text(file, option: "--token-file"))"]
      } ?? [:]
    watch = try await source.run?.watch()
  }

  func report() async throws -> StatusReport {
    if let watch { return StatusReport(try await watch.snapshot()) }
    async let run: RunView = fetch("run")
    async let robots: [RobotView] = fetch("robots")
    async let learners: Trainings = fetch("learners")
    async let results: RunReport = fetch("improvement")
    return try await StatusReport(
      run: run, robots: robots, trainings: learners.trainings, results: results)
  }

  private struct Failure: Decodable { var error: String }
  private struct Trainings: Decodable, Sendable { var trainings: [TrainingView] }

  private func fetch<Value: Decodable>(_ view: String) async throws -> Value {
    let place = "\(url)/api/\(view)"
    let (status, body) = try await HTTPClient.get(place, headers: headers)
    guard status == 200 else {
      if status == 401 {
        throw HTTPClientError(
          url: url,
          reason: headers.isEmpty
            ? "the dashboard wants a token: give its file with --token-file"
            : "the token in --token-file is not the dashboard's")
      }
      let failure = try? JSONDecoder().decode(Failure.self, from: Data(body))
      throw HTTPClientError(
        url: place, reason: failure?.error ?? String(decoding: body, as: UTF8.self))
    }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    do {
      return try decoder.decode(Value.self, from: Data(body))
    } catch {
      throw HTTPClientError(url: place, reason: "another version of recap? \(error)")
    }
  }
}
