import Configuration
import Episodes
import Foundation
import Robots
import ZeroMQTransport

/// A robot ready to practise, with what has to be put away afterwards.
struct AttachedRobot: Sendable {
  let robot: any Robot
  /// The run's tasks that this robot practises.
  let tasks: [TaskDescription]
  private let process: DriverProcess?

  /// Builds the workcell, or starts and reaches the driver.
  static func attach(
    _ settings: RobotSettings, of configuration: RunConfiguration
  ) async throws -> AttachedRobot {
    let wanted = settings.tasks ?? configuration.tasks.map(\.name)
    switch settings.kind {
    case .workcell:
      let robot = try WorkcellRobot(
        name: settings.name, tasks: wanted, cameras: settings.observation.cameras.pixels,
        environmentState: settings.observation.environmentState)
      return AttachedRobot(robot: robot, tasks: robot.tasks, process: nil)
    case .driver:
      let endpoint = settings.driver?.endpoint ?? localDriverEndpoint(settings.name)
      let command = settings.driver?.commandLine(
        endpoint: endpoint, robot: settings.name, tasks: wanted, seed: configuration.seed)
      let process = try command.map { try DriverProcess(command: $0, endpoint: endpoint) }
      let robot = try await DriverRobot.connect(client: ZeroMQClient(endpoint: endpoint))
      return AttachedRobot(
        robot: robot, tasks: robot.tasks.filter { wanted.contains($0.name) }, process: process)
    }
  }

  /// Stops the driver, if this side started it.
  func detach() async { await process?.stop() }

  /// A socket file short enough for the system's limit of 107 bytes, whatever the run's directory is called.
  private static func localDriverEndpoint(_ name: String) -> String {
    "ipc:///tmp/recap-\(ProcessInfo.processInfo.processIdentifier)-\(name).sock"
  }
}
