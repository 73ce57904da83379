import ArgumentParser
import Configuration
import CoordinatorRole
import EpisodeStorage
import Foundation
import Launching
import Logging
import Messaging
import Monitoring
import RecapAlgorithm
import RoleRuntime
import ZeroMQTransport

/// Puts roles, transports and robots together. Everything below this file is told what it works with; here it is
/// decided.
enum Composition {
  /// The coordinator's socket for the roles of its own process.
  static let localEndpoint = "inproc://coordinator"

  /// A whole run in this process: the coordinator with the archive, a collector per robot, and the three learners,
  /// all speaking ZeroMQ with each other as they would across machines.
  ///
  /// - Throws: What ended the run before its plan was done; exit status 130 after Ctrl-C.
  static func run(_ options: RunOptions) async throws {
    // The console says what jobs do; the log is for what goes wrong.
    Logs.bootstrap(.warning)
    let report = try await perform(
      RunStart(
        source: options.source, quiet: options.quiet,
        again: { directory in
          (["recap run --resume \(Shell.word(directory))"]
            + options.reuse.map { "--reuse \(Shell.word($0.name))" }).joined(separator: " ")
        },
        reuse: options.reuse, watching: options.watching))
    print(report.table(), terminator: "")
  }

  /// As `run`, without the closing table.
  static func perform(_ start: RunStart) async throws -> RunReport {
    try await withRun(start) { run, coordinator in
      let configuration = run.configuration
      let runID = try await run.archive.run().id
      try await withThrowingTaskGroup(of: Part.self) { group in
        group.addTask {
          try await coordinator.run()
          return .coordinator
        }
        for robot in configuration.robots {
          group.addTask {
            if await coordinator.hasRemoved(robot.name) { return .worker }
            do {
              try await collect(
                robot, of: configuration, runID: runID, coordinator: .local,
                spool: "\(run.directory)/spool/\(robot.name)", logs: "\(run.directory)/logs")
            } catch let refusal as RequestError where refusal.isRefusal {
              // The run goes on without a robot that a person has removed meanwhile.
              guard await coordinator.hasRemoved(robot.name) else { throw refusal }
            }
            return .worker
          }
        }
        for (role, name) in learners(of: configuration) {
          group.addTask {
            try await learn(
              role, name: name, coordinator: .local, states: "\(run.directory)/training",
              threads: configuration.runtime.trainingThreads)
            return .worker
          }
        }
        // Whoever has not heard that the run is over, a robot that is still being attached for
        // example, would wait for ever.
        while try await group.next() == .worker {}
        group.cancelAll()
      }
    }
  }

  /// The coordinator and the archive alone; collectors and learners join from other processes.
  static func coordinator(_ options: CoordinatorOptions) async throws {
    Logs.bootstrap(.warning)
    OpenFiles.allowAll()
    let again: @Sendable (String) -> String = { directory in
      var words = ["recap", "coordinator", "--resume", Shell.word(directory)]
      for endpoint in options.listen { words += ["--listen", Shell.word(endpoint)] }
      if options.trustsNetwork { words.append("--trusted-network") }
      if let keys = options.keys { words += ["--keys", Shell.word(keys)] }
      if let file = options.publish { words += ["--publish", Shell.word(file)] }
      return words.joined(separator: " ")
    }
    // Whoever keeps this process going says how to go on.
    let start = RunStart(
      source: options.source, quiet: options.quiet, again: Lifeline.isHeld ? nil : again,
      watching: options.watching)
    do {
      let report = try await withRun(
        start, listen: options.listen, trustsNetwork: options.trustsNetwork, keys: options.keys,
        publish: options.publish, lingers: options.lingers, mustBeReachable: true
      ) { _, coordinator in
        try await coordinator.run()
      }
      print(report.table(), terminator: "")
    } catch let error as RunFailed {
      // Whoever would start this process again is to know that it would not help.
      say("Error: \(error)")
      throw ExitCode(ProcessSupervision.failedStatus)
    }
  }

  /// How a run begins.
  struct RunStart: Sendable {
    var source: RunOptions.Source
    /// Only what goes wrong is printed.
    var quiet: Bool
    /// The command that goes on with the run in a directory, told when the run is stopped or fails; nil to say nothing.
    var again: (@Sendable (String) -> String)?
    /// Directories of an experiment's other runs, from which results of the same jobs are taken over.
    var siblings: [String] = []
    /// Other runs that a person has named for the same purpose.
    var reuse: [ReusedPlace] = []
    var watching = WatchingOptions()
  }

  private enum Part { case coordinator, worker }

  // MARK: - Pieces

  /// Opens a run, takes over what others have done, and starts its coordinator and console around `body`.
  ///
  /// - Parameters:
  ///   - listen: Endpoints besides the configuration's.
  ///   - trustsNetwork: Whether those that other machines reach need no keys.
  ///   - keys: A directory of keys to use in place of the run's own.
  ///   - publish: The file to write where workers find the coordinator.
  ///   - lingers: Whether the coordinator goes on answering after the run is finished.
  ///   - mustBeReachable: A coordinator of its own must listen somewhere.
  private static func withRun(
    _ start: RunStart, listen: [String] = [], trustsNetwork: Bool = false, keys: String? = nil,
    publish: String? = nil, lingers: Bool = false, mustBeReachable: Bool = false,
    _ body: @escaping @Sendable (RunDirectory, Coordinator) async throws -> Void
  ) async throws -> RunReport {
    let web = try await WebDashboard.bind(start.watching.web)
    let run: RunDirectory
    var doors: CoordinatorDoors
    do {
      (run, doors) = try await RunDirectory.open(
        start.source
      ) { configuration, directory in
        let reachable = configuration.runtime.listen + listen
        if mustBeReachable, reachable.isEmpty { throw NowhereToListen() }
        return try await CoordinatorDoors.bind(
          reachable, trustsNetwork: trustsNetwork, keys: keys, ofRun: directory)
      } discarding: {
        await $0.close()
      }
    } catch {
      await web?.close()
      throw error
    }
    let console = start.quiet ? nil : ConsoleReporter()
    async let printing: Void = show(console)
    let learning = LearningLog(directory: run.directory)
    async let writing: Void = learning.run()
    console?.print("run \(run.configuration.name) in \(run.directory)")
    for (endpoint, needsKey) in doors.endpoints {
      console?.print("listening at \(endpoint)\(needsKey ? ", for those with a key" : "")")
    }
    if let web { console?.print("dashboard at \(web.url)") }
    var failure: (any Error)?
    do {
      try doors.settle(in: run.directory)
      if let publish, let (endpoint, _) = doors.endpoints.first {
        try CoordinatorAddress.publish(endpoint, in: publish)
      }
      let (server, ring) = (doors.server, doors.ring)
      try await stoppingOnSignals {
        try await adopt(into: run, from: start, console)
        let coordinator = try await Coordinator(
          archive: run.archive, configuration: run.configuration, server: server,
          keys: ring, lingers: lingers, log: Logger(label: "recap.coordinator"),
          notify: {
            console?.report($0)
            learning.report($0)
          })
        try await watched(run, coordinator, by: web, start.watching.webhook, console) {
          try await body(run, coordinator)
        }
      }
    } catch {
      failure = error
    }
    console?.finish()
    learning.finish()
    await printing
    await writing
    // Another run of this process may take the endpoint.
    await doors.close()
    await web?.close()
    if let failure {
      // The archive may be what failed: closing it must not hide why.
      try? await run.archive.close()
      if let again = start.again {
        say("Nothing is lost. To go on: \(again(run.directory))")
      }
      throw failure
    }
    let report = try await RunReport(archive: run.archive)
    try await run.archive.close()
    return report
  }

  /// Serves the dashboard and posts alerts for as long as `body` takes. A page that cannot be served is no reason to
  /// stop a run.
  private static func watched(
    _ run: RunDirectory, _ coordinator: Coordinator, by web: WebDashboard?,
    _ webhook: AlertWebhook?, _ console: ConsoleReporter?,
    _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    if web == nil, webhook == nil { return try await body() }
    let say: @Sendable (String) -> Void = { line in
      if let console { console.print(line) } else { Self.say(line) }
    }
    let watching = Task {
      do {
        let watch = try await RunWatch(archive: run.archive, live: { await coordinator.status() })
        async let posting: Void? = webhook?.run(watch, say: say)
        try await web?.serve(watch, coordinator: coordinator)
        _ = await posting
      } catch {
        if !Task.isCancelled { say("nobody can watch the run any more: \(error)") }
      }
    }
    let result = await outcome(of: body)
    watching.cancel()
    await watching.value
    try result.get()
  }

  private static func outcome(
    of body: @Sendable () async throws -> Void
  ) async -> Result<Void, any Error> {
    do { return .success(try await body()) } catch { return .failure(error) }
  }

  private static func show(_ console: ConsoleReporter?) async { await console?.run() }

  /// The learners of a run in one process, with their names.
  private static func learners(of configuration: RunConfiguration) -> [(WorkerRole, String)] {
    WorkerRole.allCases.filter { $0 != .collector }.flatMap { role in
      let count =
        switch role {
        case .policyLearner: configuration.runtime.policyLearners
        case .advantageLabeller: configuration.runtime.labellers
        case .valueLearner, .collector: 1
        }
      return (1...count).map { number in
        (role, count == 1 ? role.defaultName : "\(role.defaultName)-\(number)")
      }
    }
  }
}

extension RuntimeSettings {
  /// Of the learners in the run's own process.
  fileprivate var trainingThreads: TrainingThreads {
    TrainingThreads(own: learnerThreads, pretraining: learnerThreads * policyLearners)
  }
}
