import Configuration
import Episodes
import Foundation
import Logging
import Messaging
import PolicyServing
import RecapAlgorithm
import RoleRuntime

/// What a run's demonstrations are of.
private struct Demonstrated {
  var embodiment: Embodiment
  var tasks: [TaskDescription]
}

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
  /// Such a client does not say what its robot is. The run's demonstrations do, so the collector takes
  /// part once they are recorded.
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
          let robot = try robot(
            options, of: configuration,
            demonstrated: try await demonstrated(in: configuration, at: coordinator))
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

  /// What the run's demonstrations are of, as soon as all of them are recorded: before that there is
  /// nothing to do for a robot that only policies lead.
  private static func demonstrated(
    in configuration: RunConfiguration, at coordinator: CoordinatorContact
  ) async throws -> Demonstrated {
    let client = try coordinator.client()
    let archive = ArchiveClient(client: client)
    var hasToldOfWaiting = false
    while true {
      if let demonstrated = try await recorded(of: configuration, in: archive) {
        await client.close()
        return demonstrated
      }
      if !hasToldOfWaiting {
        Logger(label: "recap.openpi").notice(
          "the run's demonstrations are not all recorded yet: this robot takes part once they are")
      }
      hasToldOfWaiting = true
      try await Task.sleep(for: .seconds(2))
    }
  }

  /// nil while a demonstration is missing.
  private static func recorded(
    of configuration: RunConfiguration, in archive: ArchiveClient
  ) async throws -> Demonstrated? {
    var first: [String: EpisodeReceipt] = [:]
    for job in Schedule.jobs(for: configuration.scheduleSettings) {
      guard case .collect(let work) = job.work, work.source == .demonstration, let task = job.task
      else { continue }
      let receipts = try await archive.receipts(ofJob: job.id)
      guard receipts.count >= work.episodeCount else { return nil }
      first[task] = first[task] ?? receipts.first
    }
    var episodes: [Episode] = []
    for task in configuration.tasks {
      guard let receipt = first[task.name] else { continue }
      episodes.append(try await archive.getEpisode(receipt.digest))
    }
    return episodes.first.map {
      Demonstrated(embodiment: $0.metadata.embodiment, tasks: episodes.map(\.metadata.task))
    }
  }

  private static func robot(
    _ options: OpenPIOptions, of configuration: RunConfiguration, demonstrated: Demonstrated
  ) throws -> OpenPIRobot {
    let known = demonstrated.tasks
    let wanted = options.tasks ?? known.map(\.name)
    for task in wanted where !known.contains(where: { $0.name == task }) {
      throw NothingSuch(what: "task", wanted: task, known: known.map(\.name))
    }
    let (model, value) = (configuration.models.policy, configuration.models.value)
    let log = Logger(label: "recap.openpi")
    return try OpenPIRobot(
      embodiment: demonstrated.embodiment, tasks: known.filter { wanted.contains($0.name) },
      mapping: try ObservationMapping(
        demonstrated.embodiment, readsImages: model.usesImages || value.usesImages,
        readsEnvironmentState: model.usesEnvironmentState || value.usesEnvironmentState,
        rules: options.rules, fillsCameras: options.fillsCameras),
      settings: options.settings, notify: { log.warning("\($0)") })
  }
}
