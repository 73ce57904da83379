import ArgumentParser
import Episodes

/// `recap export`
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a run's episodes in other programs' formats, and its policies as files.",
    subcommands: [ExportLeRobotCommand.self, ExportPolicyCommand.self])
}

/// `recap export policy`
struct ExportPolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Writes a run's policy as a folder, for 'recap serve' on another machine.",
    discussion: """
      The folder holds model.safetensors, config.json, the tokenizers and the normalisation \
      statistics; nothing in it points back to the run. The run's guidance is not part of it. \
      Works beside a run that goes on.

        recap export policy runs/demo-1 espresso-policy --task espresso
        recap serve --checkpoint espresso-policy --guidance 1.8
      """)

  @Argument(help: "The run's directory.")
  var run: RunArgument

  @Argument(help: "The folder to be made.")
  var folder: String

  @Option(help: "The task.")
  var task: String

  @Option(help: "The policy's iteration k. (default: the current one)")
  var iteration: Int?

  func run() async throws {
    let policy = try await Composition.policy(
      from: .run(directory: run.directory, task: task, iteration: iteration))
    try policy.files.write(folder: folder)
    print("\(policy.name) is in \(folder)")
  }
}

/// `recap export lerobot`
struct ExportLeRobotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lerobot",
    abstract: "Writes a run's episodes and labels as a LeRobot data set.",
    discussion: """
      Frames have the episodes' own columns, next.success, next.done and intervention; beside them \
      lie the episodes' metadata and, for each labelling job, every frame's advantage, indicator \
      and value (Documentation/Archive.md). Works beside a run that goes on. Evaluation episodes \
      stay behind unless --source asks for them. Needs Python with 'recap_robot' \
      (pip install 'Clients/Python[lerobot]').

        recap export lerobot runs/demo-1 demo-set --task espresso
        recap export lerobot runs/demo-1 demo-set --version v2.1 --source demonstration
      """)

  @Argument(
    help: ArgumentHelp("The run's directory, or a folder of episode files.", valueName: "run"))
  var origin: RunArgument

  @Argument(help: "The data set's folder, to be made.")
  var folder: String

  @Option(help: "v3.0 or v2.1.")
  var version = "v3.0"

  @Option(help: "Only this task; may be repeated.")
  var task: [String] = []

  @Option(help: "Only episodes in which this was meant to act; may be repeated.")
  var source: [EpisodeSource] = []

  @Flag(help: "Encode cameras with ffmpeg, which loses detail, instead of keeping images.")
  var videos = false

  @OptionGroup var python: PythonArguments

  func run() throws {
    try python.run(
      "recap_robot.lerobot",
      ["export", origin.directory, folder, "--version", version]
        + task.flatMap { words("task", $0) } + source.flatMap { words("source", $0.rawValue) }
        + (videos ? ["--videos"] : []))
  }
}
