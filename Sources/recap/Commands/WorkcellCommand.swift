import ArgumentParser
import Foundation
import Robots

/// `recap workcell`
struct WorkcellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workcell",
    abstract: "Lets the built-in simulator's coach do the tasks, and prints how that goes.",
    discussion: """
      What a policy can be measured against: 'flawless' is the best that is possible, \
      'demonstrations' is what a run learns from, 'redrawn' decides anew about mistakes at each \
      stretch, as who imitates all people at once would, and 'noise' adds σ = 0.2 to every \
      action of the flawless coach. 'length' is the mean number of steps of successes, \
      'throughput/h' successes per robot-hour, the time of failures included. The tables in \
      Documentation/Workcell.md are made so:

        recap workcell
        recap workcell --task box --failures
      """)

  @Option(help: "Only this task; may be repeated.")
  var task: [String] = []

  @Option(help: "Episodes of each kind.")
  var episodes = 400

  @Flag(help: "Also print why episodes failed, and how often scored stages were done.")
  var failures = false

  func validate() throws {
    if episodes < 1 {
      throw ValidationError("--episodes: got \(episodes); expected an integer, at least 1")
    }
  }

  func run() throws {
    var table = TextTable([
      ("task", .left), ("who", .left), ("success", .right), ("length", .right),
      ("throughput/h", .right),
    ])
    var details = TextTable([
      ("task", .left), ("who", .left), ("what", .left), ("share", .right),
    ])
    func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
    for name in task.isEmpty ? WorkcellTasks.names : task {
      for manner in CoachTrials.Manner.allCases {
        let trials = try CoachTrials(task: name, manner: manner, episodes: episodes)
        table.add([
          name, manner.rawValue, percent(trials.successShare),
          String(format: "%.0f", trials.successLength), String(format: "%.0f", trials.throughput),
        ])
        let total = Double(trials.episodes)
        let reasons = trials.failures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        for (reason, count) in reasons {
          details.add([name, manner.rawValue, "failed: \(reason)", percent(Double(count) / total)])
        }
        for stage in trials.stages {
          details.add([
            name, manner.rawValue, "done: \(stage.name)", percent(Double(stage.count) / total),
          ])
        }
      }
    }
    print(table.text)
    if failures { print("\n" + details.text) }
  }
}
