import ArgumentParser
import Configuration
import Monitoring
import Robots

/// `recap check`
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Checks a configuration without running it, and prints it with every default.",
    discussion: """
      Prints JSON, which is YAML too: what a run would store. Says everything that is wrong and \
      ends with status 1 otherwise. Nothing is started and nothing is written. Of an experiment it \
      checks and prints every arm.

        recap check Configs/demo.yaml
        recap check Configs/demo.yaml --set training.policy.steps=2000
        recap check Configs/experiments/figure11.yaml
      """)

  @Argument(help: "A configuration or an experiment, such as Configs/demo.yaml.")
  var config: String

  @OptionGroup var overrides: OverrideArguments

  func run() throws {
    if overrides.texts.isEmpty, try Experiment.isOne(file: config) {
      let experiment = try Experiment.load(file: config, workcellTasks: WorkcellTasks.names)
      let arms = try experiment.arms.map {
        let arm = try experiment.configuration(of: $0, seed: 1, workcellTasks: WorkcellTasks.names)
        return ($0.name, arm)
      }
      let configurations = Dictionary(uniqueKeysWithValues: arms)
      Composition.warnOfSameArms(experiment, configurations)
      return print(try jsonText(configurations))
    }
    let checked = try RunConfiguration.load(
      file: config, overrides: overrides.texts, workcellTasks: WorkcellTasks.names)
    print(try checked.resolvedJSON)
  }
}
