import ArgumentParser
import Foundation

/// `recap import`
struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Begins a run whose demonstrations exist already.",
    subcommands: [ImportEpisodesCommand.self, ImportLeRobotCommand.self])
}

/// The run that is begun.
struct ImportTarget: ParsableArguments {
  @Argument(help: "The new run's configuration.")
  var config: String

  @Option(
    name: .customLong("dir"),
    help: ArgumentHelp(
      "The run's directory, to be made. (default: runs/<name>-<seed>, with a number where it exists)",
      valueName: "directory"))
  var directory: String?

  @OptionGroup var overrides: OverrideArguments

  func take(episodesIn folder: String) async throws {
    print(
      try await Composition.importEpisodes(
        in: folder, configuration: config, overrides: overrides.texts, directory: directory))
  }
}

/// `recap import episodes`
struct ImportEpisodesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "episodes",
    abstract: "Makes episode files the demonstrations of a new run.",
    discussion: """
      The files are those that a driver's --record wrote, or copies of a run's. Each task of them \
      must be one of the configuration's, which then has as many demonstrations as there are \
      files, unless --set says otherwise.

        recap import episodes recorded my-run.yaml --dir runs/mine
        recap run --resume runs/mine
      """)

  @Argument(help: "A folder of *.safetensors episode files.")
  var folder: String

  @OptionGroup var target: ImportTarget

  func run() async throws { try await target.take(episodesIn: folder) }
}

/// `recap import lerobot`
struct ImportLeRobotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lerobot",
    abstract: "Makes a LeRobot data set, v2.1 or v3.0, the demonstrations of a new run.",
    discussion: """
      A set that 'recap export' wrote knows its robot and tasks, and which of its episodes are \
      demonstrations; for others --robot gives the output of your driver's --describe, which the \
      set is compared with. Needs Python with 'recap_robot' (pip install 'Clients/Python[lerobot]').

        recap import lerobot demo-set my-run.yaml --dir runs/mine
        recap import lerobot their-set my-run.yaml --robot robot.json --task fold --outcome success
        recap run --resume runs/mine
      """)

  @Argument(help: "The data set's folder.")
  var dataset: String

  @OptionGroup var target: ImportTarget

  @Option(help: "A file with the output of the driver's --describe.")
  var robot: String?

  @Option(help: "Which task the episodes are of; of recap's own sets, only episodes of this task.")
  var task: String?

  @Option(help: "Only episodes with this instruction.")
  var instruction: String?

  @Option(help: "success, failure or unjudged: how episodes ended whose set does not say.")
  var outcome: String?

  @OptionGroup var python: PythonArguments

  func run() async throws {
    let files = FileManager.default.temporaryDirectory.appending(
      path: "recap-import-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: files) }
    try python.run(
      "recap_robot.lerobot",
      ["import", dataset, files.path, "--quiet"] + words("robot", robot) + words("task", task)
        + words("instruction", instruction) + words("outcome", outcome))
    try await target.take(episodesIn: files.path)
  }
}
