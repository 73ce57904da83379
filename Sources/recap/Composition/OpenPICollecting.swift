import Configuration
import Episodes
import Foundation
import Logging
import Messaging
import Policies
import PolicyServing
import RoleRuntime

/// How a robot whose program speaks openpi's protocol is waited for.
struct OpenPIOptions: Sendable {
  var host: String
  var port: Int
  var apiKey: String?
  var rules: [ObservationMapping.Rule]
  var fillsCameras: Bool
  /// What the robot does; nil for all of the run.
  var tasks: [String]?
  var settings: OpenPIRobot.Settings
}

extension Composition {
  /// One collector for a robot that comes to a port with openpi's client.
  ///
  /// Such a client does not say what its robot is. The run's policies do, so the collector takes part
  /// from the first one on; before that there is nothing for it to do.
  static func collectWithOpenPI(
    _ options: OpenPIOptions, named name: String, of configuration: RunConfiguration,
    _ run: DescribeRunRequest.Reply, coordinator: CoordinatorContact, spool: String
  ) async throws {
    let server = try await PolicyServer.bind(
      host: options.host, port: options.port,
      settings: PolicyServer.Settings(
        apiKey: options.apiKey, server: "recap \(recapVersion)", clients: 16))
    let arrival = Arrival<OpenPIRobot>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run(practising: arrival) }
      group.addTask {
        do {
          let policy = try await firstPolicy(ofRunAt: coordinator)
          let robot = try robot(options, of: configuration, acting: policy)
          await arrival.settle(.success(robot))
          let host = options.host.contains(":") ? "[\(options.host)]" : options.host
          say(
            "\(name) waits at ws://\(host):\(server.port) for a robot's program that does "
              + robot.tasks.map(\.name).joined(separator: ", "))
          try await collect(
            with: robot, tasks: robot.tasks, named: name, runID: run.runID,
            coordinator: coordinator, spool: spool)
        } catch {
          if await !arrival.isReady { await arrival.settle(.failure(error)) }
          throw error
        }
      }
      defer { group.cancelAll() }
      // The collector's end is that of both; the server ends by itself only with an error.
      try await group.next()
    }
  }

  /// A policy of the run, as soon as it has one.
  private static func firstPolicy(
    ofRunAt coordinator: CoordinatorContact
  ) async throws -> Policy {
    let log = Logger(label: "recap.openpi")
    var hasToldOfWaiting = false
    while true {
      let run = try await description(ofRunAt: coordinator)
      if let version = run.policies?.first {
        let client = try coordinator.client()
        let files = try await ArchiveClient(client: client).getCheckpoint(version.checkpoint)
        await client.close()
        return try Policy(checkpoint: CheckpointFiles(files: files))
      }
      if !hasToldOfWaiting {
        log.notice("the run has no policy yet: this robot takes part from its first one on")
      }
      hasToldOfWaiting = true
      try await Task.sleep(for: .seconds(2))
    }
  }

  private static func robot(
    _ options: OpenPIOptions, of configuration: RunConfiguration, acting policy: Policy
  ) throws -> OpenPIRobot {
    let known = policy.tasks.filter { task in
      configuration.tasks.contains { $0.name == task.name }
    }
    let wanted = options.tasks ?? known.map(\.name)
    for task in wanted where !known.contains(where: { $0.name == task }) {
      throw NothingSuch(what: "task", wanted: task, known: known.map(\.name))
    }
    let (model, value) = (configuration.models.policy, configuration.models.value)
    let log = Logger(label: "recap.openpi")
    return try OpenPIRobot(
      embodiment: policy.embodiment, tasks: known.filter { wanted.contains($0.name) },
      mapping: try ObservationMapping(
        policy.embodiment, readsImages: model.usesImages || value.usesImages,
        readsEnvironmentState: model.usesEnvironmentState || value.usesEnvironmentState,
        rules: options.rules, fillsCameras: options.fillsCameras),
      settings: options.settings, notify: { log.warning("\($0)") })
  }
}
