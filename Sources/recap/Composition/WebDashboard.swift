import ArgumentParser
import CoordinatorRole
import Dashboard
import EpisodeStorage
import Episodes
import Executors
import Foundation
import HTTPService
import Monitoring
import Policies

/// How people follow a run.
struct WatchingOptions: Sendable {
  /// Where the dashboard is served; nil for nowhere.
  var web: WebOptions?
  /// Where alerts are posted; nil for nowhere.
  var webhook: AlertWebhook?
}

/// Where the dashboard is served, and to whom.
struct WebOptions: Sendable {
  var address: HTTPAddress
  /// The shared secret; nil for none.
  var token: String?
  /// Where the page's files are read from instead of the executable.
  var pageFolder: String?
}

/// The dashboard of a run at an address.
struct WebDashboard: Sendable {
  private let server: HTTPServer
  private let options: WebOptions

  /// Takes hold of the address, so that one that cannot be had refuses the start.
  static func bind(_ options: WebOptions?) async throws -> WebDashboard? {
    guard let options else { return nil }
    let server = try await HTTPServer.bind(
      host: options.address.host, port: options.address.port)
    return WebDashboard(server: server, options: options)
  }

  /// For people to open.
  var url: String {
    let host = server.host.contains(":") ? "[\(server.host)]" : server.host
    return "http://\(host):\(server.port)/"
  }

  /// Serves until the task is cancelled.
  ///
  /// - Parameter coordinator: Nil for a run that is only looked at.
  func serve(_ watch: RunWatch, coordinator: Coordinator?) async throws {
    let actions = coordinator.map { coordinator in
      Dashboard.Actions(
        setPaused: { worker, isPaused, person in
          try await coordinator.carryOut(
            isPaused ? .pause(worker: worker) : .resume(worker: worker), by: person)
        },
        remove: { worker, person in
          try await coordinator.carryOut(.remove(worker: worker), by: person)
        },
        judge: { episode, opinion, rater in
          try await coordinator.judge(episode, opinion, by: rater)
        })
    }
    let asker = ValueAsker(archive: watch.archive)
    let dashboard = Dashboard(
      watch, access: DashboardAccess(token: options.token, host: options.address.host),
      actions: actions, files: PageFiles(folder: options.pageFolder),
      valuation: { try await asker.values(of: $0, $1) })
    // A long log takes a moment to read: better before somebody waits for it.
    async let warm = try? watch.stamp()
    try await server.run(dashboard.routes)
    _ = await warm
  }

  /// Lets go of the address.
  func close() async { await server.close() }
}

/// Asks a run's value functions about episodes that no label set holds. On a thread of its own, since a large network
/// takes its time.
actor ValueAsker {
  private let archive: ArchiveReader
  private let executor = ThreadExecutor(name: "value-asker")
  private var loaded: (digest: ContentDigest, value: ValueFunction)?

  init(archive: ArchiveReader) { self.archive = archive }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// V(o_t) by the task's newest value function, and whose it is; nil where the run has none yet.
  func values(of row: EpisodeRow, _ episode: Episode) async throws -> (
    values: [Float], origin: String
  )? {
    guard let checkpoint = try await archive.newestValueCheckpoint(of: row.task) else { return nil }
    if loaded?.digest != checkpoint.digest {
      loaded = (checkpoint.digest, try await archive.valueFunction(checkpoint))
    }
    guard let loaded else { return nil }
    return (try loaded.value.values(of: episode), "value checkpoint \(checkpoint.job)")
  }
}
