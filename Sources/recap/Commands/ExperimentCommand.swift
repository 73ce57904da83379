import ArgumentParser

/// `recap experiment`
struct ExperimentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "experiment",
    abstract: "Compares variants of a run, each with the same seeds.",
    discussion: """
      An experiment's file names a run configuration and its arms, which each change some of its \
      settings:

        experiment: guidance
        base: ../demo.yaml
        arms:
          - {name: plain, set: {method.guidance: 1}}
          - {name: guided, set: {method.guidance: 2}}
        figures:
          - {metric: throughput, over: arms}

      Every arm is run with every seed, one after the other, as an ordinary run in \
      DIRECTORY/seed-1/ARM, which every other command works on. What two arms of a seed would \
      compute alike, such as demonstrations and pre-training, is computed once.

      Closes with a table (mean ± standard error over seeds), DIRECTORY/report.html and \
      DIRECTORY/figures. 'recap report DIRECTORY' prints the table again, --json for programs.

      Ctrl-C stops cleanly. Whatever ended it, the same command goes on, and more --seeds add runs. \
      A run that fails is told at the end and does not stop the others.

        recap experiment Configs/experiments/smoke.yaml
        recap experiment Configs/experiments/guidance.yaml --seeds 3
        recap experiment Configs/experiments/figure10.yaml --reuse runs/figure7-8
        recap report runs/guidance
      """)

  @Argument(help: "An experiment's file, such as Configs/experiments/guidance.yaml.")
  var file: String

  @Option(parsing: .unconditional, help: "Runs each arm with so many seeds.")
  var seeds = 1

  @Option(parsing: .unconditional, help: "The first seed; the others follow it.")
  var firstSeed = 1

  @Option(
    name: .customLong("dir"),
    help: ArgumentHelp(
      "The experiment's directory, to be made or gone on with. (default: runs/<experiment>)",
      valueName: "directory"))
  var directory: String?

  @OptionGroup var reuse: ReuseArguments

  @Flag(name: .shortAndLong, help: "Print only the closing table.")
  var quiet = false

  func validate() throws {
    guard (1...1000).contains(seeds) else {
      throw ValidationError("--seeds: got \(seeds); expected an integer, 1 to 1000")
    }
    guard (0...Int.max - 1000).contains(firstSeed) else {
      throw ValidationError("--first-seed: got \(firstSeed); expected an integer, at least 0")
    }
  }

  func run() async throws {
    try await Composition.experiment(
      ExperimentOptions(
        file: file, seeds: firstSeed...firstSeed + seeds - 1, directory: directory,
        reuse: reuse.places, quiet: quiet))
  }
}
