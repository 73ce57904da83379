import ArgumentParser
import Configuration
import Robots

/// `recap check`
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Checks a configuration without running it, and prints it with every default.",
    discussion: """
      Prints JSON, which is YAML too: what a run would store. Says everything that is wrong and \
      ends with status 1 otherwise. Nothing is started and nothing is written.

        recap check Configs/demo.yaml
        recap check Configs/demo.yaml --set training.policy.steps=2000
      """)

  @Argument(help: "A configuration file, such as Configs/demo.yaml.")
  var config: String

  @OptionGroup var overrides: OverrideArguments

  func run() throws {
    let checked = try RunConfiguration.load(
      file: config, overrides: overrides.texts, workcellTasks: WorkcellTasks.names)
    print(try checked.resolvedJSON)
  }
}
