import ArgumentParser
import Monitoring
import RecapAlgorithm

/// `recap evaluate`
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Tries a trained policy with other settings of its run time.",
    discussion: """
      Has the run's robots attempt a task with one of its policies, once for each guidance β, and \
      says how often they succeeded. The starts are those of the run's own evaluation, so the \
      run's own settings give the report's numbers again. Nothing is written.

        recap evaluate runs/demo-1 --task espresso --guidance 1 1.8 2.5
        recap evaluate runs/demo-1 --task espresso --iteration 1 --indicator negative
        recap evaluate runs/demo-1 --task espresso --executed-actions 8 --episodes 50 --json
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Option(help: "The task to attempt.")
  var task: String

  @Option(help: "The policy's iteration k. (default: the current one)")
  var iteration: Int?

  @Option(
    parsing: .upToNextOption, help: "Guidance β, one or more numbers. (default: the run's)")
  var guidance: [Float] = []

  @Option(help: "What the policy is asked for: positive, negative or absent. (default: the run's)")
  var indicator: AdvantageIndicator?

  @Option(
    help: "Actions of a chunk that are executed before it is asked again. (default: the run's)")
  var executedActions: Int?

  @Option(help: "Episodes for each guidance. (default: as many as in the run's evaluation)")
  var episodes: Int?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func validate() throws {
    for value in guidance where !(0...10).contains(value) {
      throw ValidationError("--guidance: got \(value); expected numbers from 0 to 10")
    }
    for (name, value) in [("--executed-actions", executedActions), ("--episodes", episodes)] {
      if let value, value < 1 {
        throw ValidationError("\(name): got \(value); expected an integer, at least 1")
      }
    }
  }

  func run() async throws {
    let trials = try await Composition.evaluate(
      EvaluationOptions(
        directory: run.directory, task: task, iteration: iteration, guidance: guidance,
        indicator: indicator, executedActions: executedActions, episodes: episodes))
    if json { return print(try jsonText(trials)) }
    var table = TextTable([
      ("policy", .left), ("indicator", .left), ("β", .right), ("episodes", .right),
      ("success", .right), ("throughput/h", .right),
    ])
    for trial in trials {
      let statistics = trial.statistics
      table.add([
        trial.policy, trial.indicator.rawValue, "\(trial.guidance)", "\(statistics.episodes)",
        measured(statistics.successRate * 100, statistics.successRateStandardError * 100) + " %",
        measured(statistics.throughputPerHour, statistics.throughputStandardError),
      ])
    }
    print(table.text)
  }
}

extension AdvantageIndicator: ExpressibleByArgument {}
