import ArgumentParser

/// `recap robots`
struct RobotsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "robots",
    abstract: "Looks after robots: invites them, holds them back, checks their drivers.",
    subcommands: [
      InviteRobotCommand.self, ListRobotsCommand.self, ShowRobotCommand.self,
      PauseRobotCommand.self, ResumeRobotCommand.self, RemoveRobotCommand.self,
      CheckDriverCommand.self,
    ])
}

/// `recap robots check-driver`
struct CheckDriverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-driver",
    abstract: "Tries every rule of the driver protocol against a driver.",
    discussion: """
      Prints ✓ or ✗ for each rule, with the paragraph that tells of it and what was expected and \
      came, and ends with status 1 where one is broken. It resets the robot several times and \
      executes --action: stand by. Needs Python with 'recap_robot' (pip install Clients/Python).

        recap robots check-driver ipc:///tmp/my-robot.ipc --action 0,0.4,0,0
        recap robots check-driver tcp://127.0.0.1:5600 --simulator --json
      """)

  @Argument(help: "Where the driver listens.")
  var endpoint: String

  @Option(help: "Which task to try. (default: the first)")
  var task: String?

  @Option(
    parsing: .unconditional, help: "An action that holds still, as 0,0.4,0. (default: zeros)")
  var action: String?

  @Option(help: "Seconds that an answer may take, besides the time of its steps. (default: 10)")
  var patience: Double?

  @Flag(
    help: """
      Try also what a real robot cannot do or must not be asked: equal seeds, actions out of range.
      """)
  var simulator = false

  @Flag(help: "Print JSON instead of a list.")
  var json = false

  @OptionGroup var python: PythonArguments

  func run() throws {
    // As one word: an action may begin with a minus.
    let action = action.map { ["--action=\($0)"] } ?? []
    try python.run(
      "recap_robot.conformance",
      [endpoint] + words("task", task) + action + words("patience", patience.map { "\($0)" })
        + (simulator ? ["--simulator"] : []) + (json ? ["--json"] : []))
  }
}
