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
  ///
  /// - Parameter logs: The directory for the output of a driver that is started here; nil for a temporary one.
  static func attach(
    _ settings: RobotSettings, of configuration: RunConfiguration, logs: String?
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
      let log = try logs.map { directory in
        try FileManager.default.createDirectory(
          atPath: directory, withIntermediateDirectories: true)
        return URL(filePath: "\(directory)/\(settings.name).log")
      }
      let process = try command.map {
        try DriverProcess(command: $0, endpoint: endpoint, log: log)
      }
      do {
        let robot = try await DriverRobot.connect(
          client: ZeroMQClient(endpoint: endpoint), process: process)
        return AttachedRobot(
          robot: robot, tasks: robot.tasks.filter { wanted.contains($0.name) }, process: process)
      } catch {
        await process?.stop()
        throw error
      }
    }
  }

  /// Stops the driver, if this side started it.
  func detach() async { await process?.stop() }

  /// A socket file short enough for the system's limit of 107 bytes, whatever the run's directory is called.
  private static func localDriverEndpoint(_ name: String) -> String {
    "ipc:///tmp/recap-\(ProcessInfo.processInfo.processIdentifier)-\(name).sock"
  }
}
