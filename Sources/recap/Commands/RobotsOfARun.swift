import ArgumentParser
import Configuration
import CoordinatorRole
import Episodes
import Foundation
import Messaging
import Monitoring
import RecapAlgorithm
import ZeroMQTransport

// `recap robots` for the robots of a run; its commands work on a run that goes on and on one that is stopped.

/// `recap robots invite`
struct InviteRobotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite",
    abstract: "Makes a robot's key, and prints the line to paste on the robot's machine.",
    discussion: """
      With the invitation the robot's machine reaches the coordinator, knows that it is the right \
      one, and proves which robot it is; connections are encrypted. The key says that its owner is \
      this robot: it records episodes in the robot's name, and cannot publish checkpoints or \
      labels. Only the line holds it: who loses it invites the robot --again.

      The coordinator listens for robots where --listen tcp://0.0.0.0:7700, or runtime.listen of \
      the configuration, says so.

        recap robots invite runs/demo-1 arm-07 --tasks fold,pour
        recap robots invite runs/demo-1 arm-07 --endpoint tcp://lab-3:7700
      """)

  @Argument(help: "The directory of a run.")
  var run: RunArgument

  @Argument(help: "The robot's name: letters, digits, '-' and '_'.")
  var name: String

  @Option(
    help: ArgumentHelp(
      "What it is to practise, as fold,pour. (default: all that it offers; with --again what it was invited for)"
    ))
  var tasks: String?

  @Option(
    help: ArgumentHelp(
      "The coordinator's endpoint as the robot's machine reaches it. (default: where it listens)",
      valueName: "endpoint"), transform: EndpointArgument.connecting)
  var endpoint: Endpoint?

  @Flag(help: "Make a new key for a robot that has one; the old one counts no more.")
  var again = false

  @Flag(help: "Print the invitation alone.")
  var ticketOnly = false

  func validate() throws {
    let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_."))
    guard !name.isEmpty, name.unicodeScalars.allSatisfy({ allowed.contains($0) && $0.isASCII })
    else {
      throw ValidationError("'\(name)' is no robot's name: expected letters, digits, '-' and '_'")
    }
  }

  func run() async throws {
    let ticket = try await Composition.invite(
      name, to: run.directory, tasks: tasks.map { $0.split(separator: ",").map(String.init) },
      endpoint: endpoint?.text, again: again)
    if ticketOnly { return print(try ticket.text) }
    Composition.say(
      "On the machine of \(name), with its driver's endpoint; whoever has this line can act as \(name):"
    )
    // Through a pipe, so that the key is in no list of processes.
    print("echo \(try ticket.text) | recap collector --join - --driver ENDPOINT")
  }
}

/// `recap robots list`
struct ListRobotsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists a run's robots and what they do.",
    discussion: """
        recap robots list runs/demo-1
        recap robots list runs/demo-1 --json
      """)

  @Argument(help: "The directory of a run.")
  var run: RunArgument

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    let robots = try await RobotRecord.all(of: run)
    if json { return print(try jsonText(robots)) }
    if robots.isEmpty { return print("no robots") }
    var table = TextTable([
      ("robot", .left), ("state", .left), ("access", .left), ("task", .left), ("policy", .left),
      ("episodes", .right), ("success", .right),
    ])
    for robot in robots {
      let view = robot.view
      table.add([
        view.name, robot.state, robot.access.words, view.task ?? "–", view.policy ?? "–",
        "\(view.episodes)",
        view.successRate.map { "\(Int(($0 * 100).rounded())) %" } ?? "–",
      ])
    }
    print(table.text)
  }
}

/// `recap robots show`
struct ShowRobotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows what is known of one robot.",
    discussion: """
        recap robots show runs/demo-1 arm-07
      """)

  @Argument(help: "The directory of a run.")
  var run: RunArgument

  @Argument(help: "The robot's name.")
  var name: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    let robots = try await RobotRecord.all(of: run)
    guard let robot = robots.first(where: { $0.view.name == name }) else {
      throw NoSuchWorker(name: name, known: robots.map(\.view.name))
    }
    print(json ? try jsonText(robot) : robot.text)
  }
}

/// `recap robots pause`
struct PauseRobotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause",
    abstract: "Lets a robot finish its episode and then wait; others take over its quota.",
    discussion: """
      Holds until 'recap robots resume', also for a robot that is away.

        recap robots pause runs/demo-1 arm-07
      """)

  @OptionGroup var robot: RobotArguments

  func run() async throws {
    try await Composition.operate(robot.run.directory, .pause(worker: robot.name))
    print("\(robot.name) waits once its episode is over; 'recap robots resume' lets it go on")
  }
}

/// `recap robots resume`
struct ResumeRobotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lets a paused robot practise again.",
    discussion: """
        recap robots resume runs/demo-1 arm-07
      """)

  @OptionGroup var robot: RobotArguments

  func run() async throws {
    try await Composition.operate(robot.run.directory, .resume(worker: robot.name))
    print("\(robot.name) may practise")
  }
}

/// `recap robots remove`
struct RemoveRobotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Lets a robot take no further part: its key is refused at once.",
    discussion: """
      What it has recorded stays. The episode at hand is lost, and others take over its quota. It \
      may come back when it is invited again, with a new key.

        recap robots remove runs/demo-1 arm-07
      """)

  @OptionGroup var robot: RobotArguments

  func run() async throws {
    try await Composition.operate(robot.run.directory, .remove(worker: robot.name))
    print("\(robot.name) is removed")
  }
}

/// A run and one of its robots.
struct RobotArguments: ParsableArguments {
  @Argument(help: "The directory of a run.")
  var run: RunArgument

  @Argument(help: "The robot's name.")
  var name: String
}

/// One robot of a run: what it does, and whether it may.
struct RobotRecord: Encodable {
  var view: RobotView
  var access: Access
  /// The tasks that it was invited for; empty for all that it offers.
  var invitedFor: [String]
  /// What happened to it, the last first.
  var incidents: [RunTimeline.Incident]

  enum Access: String, Encodable {
    /// It has a key of its own.
    case key
    /// It is in the configuration, or came without a key.
    case local
    case removed

    var words: String {
      switch self {
      case .key: "own key"
      case .local: "no key"
      case .removed: "removed"
      }
    }
  }

  var state: String { view.stateWords }

  static func all(of run: RunArgument) async throws -> [RobotRecord] {
    let snapshot = try await run.watch().snapshot()
    let plan = snapshot.timeline.plan
    return RobotView.all(snapshot).map { view in
      let invitation = plan.invitations[view.name]
      return RobotRecord(
        view: view,
        access: plan.removed.contains(view.name) ? .removed : invitation == nil ? .local : .key,
        invitedFor: invitation?.tasks ?? [],
        incidents: snapshot.timeline.incidents.reversed().filter {
          $0.text.hasPrefix("\(view.name) ")
        })
    }
  }

  var text: String {
    func words(_ date: Date?) -> String { date?.formatted(.iso8601) ?? "–" }
    var lines = [
      "robot \(view.name): \(state)",
      "access: "
        + (access == .key
          ? "a key of its own, for "
            + (invitedFor.isEmpty ? "all tasks" : invitedFor.joined(separator: ", "))
          : access.words),
      "embodiment: \(view.embodiment ?? "–"); offers \(view.tasks.isEmpty ? "–" : view.tasks.joined(separator: ", "))",
      "job: \(view.job ?? "–")"
        + (view.total.map { ", \(view.done ?? 0) of \($0) episodes" } ?? ""),
      "policy: \(view.policy ?? "–")"
        + (view.policyLag.map { $0 == 0 ? ", the newest" : ", \($0) behind the newest" } ?? ""),
      "episodes: \(view.episodes), the last \(words(view.lastEpisode))"
        + (view.lastOutcome.map { " (\($0.words))" } ?? ""),
      "joined: \(words(view.joined))",
    ]
    if let vitals = view.vitals {
      lines.append(
        "chunks: \(vitals.chunks), \(vitals.lateChunks) late; told to hold \(vitals.holds) times; "
          + "\(vitals.limitedActions) actions limited")
      lines.append("spool: \(vitals.spooledEpisodes) episodes wait for the archive")
      lines.append(
        "link: " + (vitals.roundTripSeconds.map { "\(Int(($0 * 1000).rounded())) ms, " } ?? "")
          + "\(vitals.unansweredHeartbeats) heartbeats without an answer")
    }
    if let silent = view.silentSeconds { lines.append("heard \(Int(silent)) s ago") }
    lines += incidents.prefix(10).map { "\(words($0.time))  \($0.text)" }
    return lines.joined(separator: "\n")
  }
}
