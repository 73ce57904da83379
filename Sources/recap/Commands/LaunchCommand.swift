import ArgumentParser
import Configuration
import Foundation
import Launching

/// `recap launch`
struct LaunchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launch",
    abstract:
      "Runs every role as a process: on this machine, under Slurm, on Kubernetes, or over ssh.",
    discussion: """
      A cluster file says how many processes each role has, what each may use, and what starts \
      them. The run itself is the same as with 'recap run'.

        recap launch --cluster Cluster/local.yaml Configs/demo.yaml
        recap launch --cluster Cluster/slurm.yaml Configs/demo.yaml --dry-run
        recap launch --resume runs/demo-1
        recap launch status runs/demo-1
        recap launch stop runs/demo-1

      Locally and over ssh it stays, shows what the processes say, and starts those again that \
      fail; Ctrl-C stops all of them. Under Slurm and on Kubernetes it submits and returns.

      \(LaunchStartCommand.optionsHelp)
      """,
    subcommands: [
      LaunchStartCommand.self, LaunchStatusCommand.self, LaunchStopCommand.self,
      LaunchKeepCommand.self,
    ],
    defaultSubcommand: LaunchStartCommand.self)
}

/// `recap launch start`, which is what `recap launch` does.
struct LaunchStartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Launches a run, or goes on with one (what 'launch' does).",
    discussion: """
      Checks the cluster file and the configuration before anything is started. --dry-run prints \
      what would be run, submitted or applied, once the run's directory is made, and --check only \
      whether it could be launched; neither writes anything.

        recap launch --cluster Cluster/local.yaml Configs/demo.yaml --seed 2
        recap launch --cluster Cluster/kubernetes.yaml Configs/demo.yaml --dry-run
        recap launch --resume runs/demo-2
      """)

  @Option(
    help: ArgumentHelp(
      "The cluster file, such as Cluster/local.yaml. With --resume it may be left out: the run "
        + "remembers it.", valueName: "file"))
  var cluster: String?

  @OptionGroup var source: SourceArguments

  @Flag(help: "Print what would be run, submitted or applied, and do nothing.")
  var dryRun = false

  @Flag(help: "Check the files and whether the run could be launched, and do nothing.")
  var check = false

  @Flag(name: .shortAndLong, help: "Print only what goes wrong and the closing table.")
  var quiet = false

  /// The options as help shows them, for that of the command whose default this is. Lines of a width that no terminal
  /// breaks again.
  static var optionsHelp: String {
    let help = helpMessage(columns: 80)
    return help.range(of: "ARGUMENTS:").map { String(help[$0.lowerBound...]) } ?? help
  }

  func validate() throws {
    if cluster == nil, source.resume == nil {
      throw ValidationError("Give --cluster with a cluster file, such as Cluster/local.yaml.")
    }
    if dryRun, check { throw ValidationError("Give one of --dry-run and --check.") }
  }

  func run() async throws {
    let options = LaunchOptions(
      cluster: cluster, source: source.source, purpose: check ? .check : dryRun ? .dryRun : .launch,
      quiet: quiet)
    try await Composition.launch(options)
  }
}

/// `recap launch status`
struct LaunchStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "How a launched run and its processes are.",
    discussion: """
        recap launch status runs/demo-1
        recap launch status runs/demo-1 --json
      """)

  @Argument(help: "The directory of a run.")
  var run: RunArgument

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    try await Composition.launchStatus(of: run.directory, json: json)
  }
}

/// `recap launch stop`
struct LaunchStopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stops the processes of a launched run; nothing is lost.",
    discussion: """
      'recap launch --resume RUN' goes on.

        recap launch stop runs/demo-1
      """)

  @Argument(help: "The directory of a run.")
  var run: RunArgument

  func run() async throws { try await Composition.stopLaunch(of: run.directory) }
}

/// `recap launch keep`, for batch scripts.
struct LaunchKeepCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keep",
    abstract: "Keeps one command going: starts it again when it fails, up to a limit.",
    discussion: """
      What a cluster's scripts use for a role on a node. Ends with status 0 when the command did, \
      and with the command's status when starting it again would not help.

        recap launch keep --name cell-1 --logs logs -- recap collector --name cell-1 …
      """)

  @Option(help: "A name for the log and for what is printed.")
  var name: String

  @Option(help: ArgumentHelp("The directory of the log.", valueName: "directory"))
  var logs: String

  @Option(help: "Restarts in a row after which the command is given up.")
  var limit = ClusterFile.defaults.restart.limit

  @Option(help: ArgumentHelp("The wait before the first restart.", valueName: "seconds"))
  var firstDelay = ClusterFile.defaults.restart.firstDelaySeconds

  @Option(help: ArgumentHelp("The longest wait.", valueName: "seconds"))
  var longestDelay = ClusterFile.defaults.restart.longestDelaySeconds

  @Option(help: ArgumentHelp("After so long, restarts are forgotten.", valueName: "seconds"))
  var forgottenAfter = ClusterFile.defaults.restart.forgottenAfterSeconds

  @Option(help: ArgumentHelp("How long it may take to stop.", valueName: "seconds"))
  var stopSeconds = ClusterFile.defaults.stopSeconds

  @Argument(parsing: .postTerminator, help: "The command, after --.")
  var command: [String] = []

  func validate() throws {
    if command.isEmpty { throw ValidationError("Give the command after --.") }
    guard limit >= 0, firstDelay > 0, longestDelay >= firstDelay, forgottenAfter > 0,
      stopSeconds > 0
    else {
      throw ValidationError(
        "expected --limit of at least 0, positive seconds, and --longest-delay of at least "
          + "--first-delay")
    }
  }

  func run() async throws {
    try await Composition.keep(
      ProcessCommand(name: name, words: command), logs: logs,
      restart: RestartSettings(
        limit: limit, forgottenAfterSeconds: forgottenAfter, firstDelaySeconds: firstDelay,
        longestDelaySeconds: longestDelay), patience: .seconds(stopSeconds))
  }
}
