import ArgumentParser

/// `recap run`
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs everything on this machine: coordinator, robots and learners.",
    discussion: """
      Checks the configuration before any work, shows a bar with an estimated end for each job \
      under way and a line for each finished one, and closes with the table that 'recap report' \
      prints.

      Ctrl-C stops cleanly. Whatever ended a run, even a power cut, 'recap run --resume RUN' goes \
      on from the finished jobs and the episodes already stored.

        recap run Configs/demo.yaml --seed 2
        recap run Configs/demo.yaml --set tasks.espresso.demonstrations=50
        recap run Configs/demo.yaml --set method.guidance=2.5 --reuse runs/demo-1
        recap run --resume runs/demo-1
        recap run Configs/demo.yaml --http 127.0.0.1:8080

      --http serves a page that shows the run while it goes on.
      """)

  @OptionGroup var source: SourceArguments

  @OptionGroup var reuse: ReuseArguments

  @OptionGroup var web: WebArguments

  @Flag(name: .shortAndLong, help: "Print only the closing table.")
  var quiet = false

  func run() async throws {
    try await Composition.run(
      RunOptions(
        source: source.source, reuse: reuse.places, quiet: quiet, watching: try web.options()))
  }
}

/// What to run: a configuration, or a run to go on with.
struct SourceArguments: ParsableArguments {
  @Argument(help: "A configuration file, such as Configs/demo.yaml.")
  var config: String?

  @Option(
    name: .customLong("dir"),
    help: ArgumentHelp(
      "The run's directory, to be made. (default: runs/<name>-<seed>, with a number where it exists)",
      valueName: "directory"))
  var directory: String?

  @Option(
    parsing: .unconditional, help: "The seed of everything random, instead of the configuration's.")
  var seed: String?

  @OptionGroup var overrides: OverrideArguments

  @Option(help: ArgumentHelp("Goes on with a run that was stopped.", valueName: "run"))
  var resume: RunArgument?

  func validate() throws {
    switch (config, resume) {
    case (nil, nil):
      throw ValidationError(
        "Give a configuration, such as Configs/demo.yaml, or --resume with a run's directory.")
    case (_?, _?):
      throw ValidationError(
        "--resume goes on with the configuration that the run began with; leave "
          + "'\(config ?? "")' out.")
    case (nil, _?):
      if directory != nil || seed != nil || !overrides.texts.isEmpty {
        throw ValidationError(
          "--resume goes on as the run began: --dir, --seed and --set are for new runs.")
      }
    case (_?, nil): break
    }
  }

  /// What `validate` found complete.
  var source: RunOptions.Source {
    if let resume { return .resume(directory: resume.directory) }
    // A setting like those of --set, so that it is checked like them; the last one counts.
    let seed = seed.map { ["seed=\($0)"] } ?? []
    return .configuration(
      file: config ?? "", overrides: overrides.texts + seed, directory: directory)
  }
}
