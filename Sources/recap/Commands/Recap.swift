import ArgumentParser

/// The command line: one executable for every role and for looking at what they did.
@main
struct Recap: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recap",
    abstract: "Trains robot policies from experience.",
    discussion: """
      A run starts from demonstrations and repeats: practise, judge every action, train on \
      what was better than usual (RECAP, arXiv 2511.14759). 'recap run' does all of it on one \
      machine; 'recap launch' makes each role a process, on one machine or many; the role \
      commands do one part each and find each other over ZeroMQ.

      The first steps:
        recap run Configs/demo.yaml --http 127.0.0.1:8080
        recap report runs/demo-1
      """,
    version: recapVersion,
    subcommands: [VersionCommand.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Training",
        subcommands: [
          RunCommand.self, LaunchCommand.self, ExperimentCommand.self, CheckCommand.self,
          RollbackCommand.self,
        ]),
      CommandGroup(
        name: "Watching",
        subcommands: [StatusCommand.self, TopCommand.self, DashboardCommand.self]),
      CommandGroup(
        name: "Inspection",
        subcommands: [
          ReportCommand.self, RunsCommand.self, EvaluateCommand.self, EpisodesCommand.self,
          PlotCommand.self,
          LabelCommand.self,
          ValueCommand.self, ModelCommand.self, WorkcellCommand.self,
        ]),
      CommandGroup(
        name: "Robots and data",
        subcommands: [
          RobotsCommand.self, ServeCommand.self, PlayCommand.self, ImportCommand.self,
          ExportCommand.self,
        ]),
      CommandGroup(
        name: "Single-role",
        subcommands: [
          CoordinatorCommand.self, CollectorCommand.self, ValueLearnerCommand.self,
          LabellerCommand.self, PolicyLearnerCommand.self, KeysCommand.self, ProbeCommand.self,
        ]),
    ])

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      exit(withError: RunArgument.hint(for: error) ?? error)
    }
  }
}

/// `recap version`
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Prints the version.")

  func run() { print("recap \(recapVersion)") }
}
