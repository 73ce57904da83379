import CollectorRole
import Configuration
import Episodes
import Foundation
import Logging
import Robots
import ZeroMQTransport

/// A robot ready to practise, with what has to be put away afterwards.
struct AttachedRobot: Sendable {
  let robot: any Robot
  /// The run's tasks that this robot practises.
  let tasks: [TaskDescription]
  /// How policies control it.
  let terms: ControlTerms

  /// Builds the workcell, or starts and reaches the driver, and puts all away when the body is done.
  ///
  /// - Parameter logs: The directory for the output of a driver that is started here; nil for a temporary one.
  static func with<Value: Sendable>(
    _ settings: RobotSettings, of configuration: RunConfiguration, logs: String?,
    _ body: (AttachedRobot) async throws -> Value
  ) async throws -> Value {
    let (robot, started) = try await reach(settings, of: configuration, logs: logs)
    do {
      let value = try await body(
        AttachedRobot(
          robot: robot, tasks: try tasks(of: robot, for: settings),
          terms: try ControlTerms(settings, for: robot)))
      await started?.stop()
      return value
    } catch {
      await started?.stop()
      throw error
    }
  }

  /// - Returns: The robot, and its driver once more where it was started here.
  private static func reach(
    _ settings: RobotSettings, of configuration: RunConfiguration, logs: String?
  ) async throws -> (robot: any Robot, started: StartedDriver?) {
    let wanted = settings.tasks ?? configuration.tasks.map(\.name)
    switch settings.kind {
    case .workcell:
      let robot = try WorkcellRobot(
        name: settings.name, tasks: wanted, cameras: settings.observation.cameras.pixels,
        environmentState: settings.observation.environmentState)
      return (robot, nil)
    case .driver:
      let endpoint = settings.driver?.endpoint ?? localDriverEndpoint(settings.name)
      let command = settings.driver?.commandLine(
        endpoint: endpoint, robot: settings.name, tasks: wanted, seed: configuration.seed)
      let log = try logs.map { directory in
        try FileManager.default.createDirectory(
          atPath: directory, withIntermediateDirectories: true)
        return URL(filePath: "\(directory)/\(settings.name).log")
      }
      let driver = "the driver of '\(settings.name)' at \(endpoint)"
      let notify: @Sendable (String) -> Void = {
        Logger(label: "recap.driver").warning("\($0)")
      }
      guard let command else {
        let robot = try await DriverRobot.connect(
          client: ZeroMQClient(endpoint: endpoint), called: driver, notify: notify)
        return (robot, nil)
      }
      let robot = try await StartedDriver(notify: notify) {
        try await StartedDriver.Life(
          process: DriverProcess(command: command, endpoint: endpoint, log: log),
          client: { try ZeroMQClient(endpoint: endpoint) }, called: driver, notify: notify)
      }
      return (robot, robot)
    }
  }

  /// What the robot is to practise of what it offers: all of it where its settings leave that open, since the coordinator
  /// picks what the run needs.
  private static func tasks(
    of robot: any Robot, for settings: RobotSettings
  ) throws -> [TaskDescription] {
    guard let wanted = settings.tasks else { return robot.tasks }
    for task in wanted where !robot.tasks.contains(where: { $0.name == task }) {
      throw TaskNotOffered(
        robot: settings.name, task: task, offered: robot.tasks.map(\.name))
    }
    return robot.tasks.filter { wanted.contains($0.name) }
  }

  /// A socket file short enough for the system's limit of 107 bytes, whatever the run's directory is called.
  private static func localDriverEndpoint(_ name: String) -> String {
    "ipc:///tmp/recap-\(ProcessInfo.processInfo.processIdentifier)-\(name).sock"
  }
}

/// A robot's settings name a task that its driver does not offer.
struct TaskNotOffered: Error, CustomStringConvertible {
  var robot: String
  var task: String
  var offered: [String]

  var description: String {
    "robots.\(robot).tasks names '\(task)', but the driver of '\(robot)' offers "
      + offered.joined(separator: ", ")
  }
}
