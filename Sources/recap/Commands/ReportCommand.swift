import ArgumentParser
import DurableFiles
import Experiments
import Foundation
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

      For the directory of 'recap experiment' it prints each arm's mean over seeds, with the \
      standard error over seeds; where there is one seed, over its episodes. --page writes its \
      report.html and figures anew.

      Works at any time, also while the run goes on.

        recap report runs/demo-1
        recap report runs/guidance --json
        recap report runs/demo-1 --html demo.html      # tables and charts in one file, to send on
      """)

  @Argument(help: "The directory of a run or an experiment.")
  var run: RunArgument

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @Flag(help: "Write an experiment's report.html and figures anew.")
  var page = false

  @Option(
    help: ArgumentHelp(
      "Also write a run's tables and charts into this file, one page that needs nothing else.",
      valueName: "file"))
  var html: String?

  func run() async throws {
    if let record = try ExperimentRecord.read(from: run.directory) {
      let report = try await ExperimentReport(record, in: run.directory)
      if html != nil {
        throw ValidationError("--html: \(run.directory) is an experiment's; use --page")
      }
      print(json ? try report.json() + "\n" : report.table(), terminator: "")
      guard page else { return }
      let (path, problems) = try ExperimentOutput.write(report, of: record, to: run.directory)
      for line in problems + ["report in \(path)"] { Composition.say(line) }
      return
    }
    if page { throw ValidationError("--page: \(run.directory) is no experiment's directory") }
    let report = try await RunReport(archive: try run.archive())
    print(json ? try report.json() + "\n" : report.table(), terminator: "")
    if let html {
      try await writePage(to: html)
      Composition.say("page in \(html)")
    }
  }

  private func writePage(to path: String) async throws {
    let watch = try await RunWatch(archive: try run.archive())
    let status = StatusReport(try await watch.snapshot())
    var curves: [String: [String: Curve]] = [:]
    for training in status.trainings {
      curves[training.job] = try await watch.curves(of: training.job)
    }
    let page = RunPage(status, curves: curves, version: recapVersion)
    try DurableFile.write(Array(page.html.utf8), to: path)
  }
}
