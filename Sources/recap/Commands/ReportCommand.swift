import ArgumentParser
import Monitoring

/// `recap report`
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Prints how good each task's policy is, iteration by iteration.",
    discussion: """
      All rates come from evaluation episodes: fresh seeds, nobody helps, never trained on. \
      Throughput is successes per robot-hour, the time of failures included. '±' is one standard \
      error. 'positive' is the share of positive labels that the policy was trained with, \
      'intervened' the share of practice steps that a person chose.

      Works at any time, also while the run goes on.
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func run() async throws {
    let report = try await RunReport(archive: try run.archive())
    print(json ? try report.json() + "\n" : report.table(), terminator: "")
  }
}
