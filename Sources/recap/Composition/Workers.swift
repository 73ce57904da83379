import AdvantageLabellerRole
import CollectorRole
import Configuration
import Episodes
import Foundation
import Messaging
import PolicyLearnerRole
import RecapAlgorithm
import Robots
import RoleRuntime
import ValueLearnerRole
import ZeroMQTransport

/// A coordinator as a worker reaches it.
struct CoordinatorContact: Sendable {
  var endpoint: String
  /// For connections that are protected; nil where none are needed.
  var keys: ClientKeys?

  /// That of this process.
  static var local: CoordinatorContact { CoordinatorContact(endpoint: Composition.localEndpoint) }

  func client() throws -> ZeroMQClient { try ZeroMQClient(endpoint: endpoint, keys: keys) }
}

/// The roles other than the coordinator.
extension Composition {
  /// One collector, for a robot of the run's configuration, for a driver that is named, or for one that speaks openpi.
  static func collector(_ options: CollectorOptions) async throws {
    Logs.bootstrap(.info)
    try await joining(options.coordinator, keys: options.keys) { coordinator in
      let run = try await description(ofRunAt: coordinator)
      let configuration = try RunConfiguration(resolvedJSON: run.configuration)
      if let ticket = options.ticket {
        say(JoinSummary(ticket, run, configuration).text)
      }
      var spool =
        options.spool
        ?? "\(FileManager.default.temporaryDirectory.path)/recap-spool-\(options.name)"
      // What another run has left there waits for that run.
      if let id = run.runID { spool += "/\(id)" }
      if let openPI = options.openPI {
        return try await collectWithOpenPI(
          openPI, named: options.name, of: configuration, run, coordinator: coordinator,
          spool: spool)
      }
      try await collect(
        try robot(options, of: configuration), of: configuration, runID: run.runID,
        coordinator: coordinator, spool: spool, logs: nil)
    }
  }

  /// One learner or labeller.
  static func learner(_ options: LearnerOptions) async throws {
    Logs.bootstrap(.info)
    if options.usesMPI {
      try await rankedLearner(options)
    } else {
      try await learner(options, ranks: nil)
    }
  }

  /// - Parameter ranks: Those that help; nil for none.
  static func learner(_ options: LearnerOptions, ranks: RankGroup?) async throws {
    try await joining(options.coordinator, keys: options.keys) { coordinator in
      let run = try await description(ofRunAt: coordinator)
      let states =
        options.states ?? "\(FileManager.default.temporaryDirectory.path)/recap-training"
      try await learn(
        options.role, name: options.name, coordinator: coordinator,
        states: run.runID.map { "\(states)/\($0)" } ?? states,
        threads: TrainingThreads(own: options.threads), ranks: ranks)
    }
  }

  static func collect(
    _ settings: RobotSettings, of configuration: RunConfiguration, runID: String?,
    coordinator: CoordinatorContact, spool: String, logs: String?
  ) async throws {
    try await AttachedRobot.with(settings, of: configuration, logs: logs) { attached in
      try await collect(
        with: attached.robot, tasks: attached.tasks, under: attached.terms, named: settings.name,
        runID: runID, coordinator: coordinator, spool: spool)
    }
  }

  /// Takes part in a run with a robot until that is over.
  ///
  /// - Parameters:
  ///   - tasks: Of those that the robot offers.
  ///   - terms: How policies control it.
  static func collect(
    with robot: any Robot, tasks: [TaskDescription], under terms: ControlTerms = ControlTerms(),
    named name: String, runID: String?, coordinator: CoordinatorContact, spool: String
  ) async throws {
    let spool = try EpisodeSpool(directory: spool, runID: runID)
    let tally = ControlTally()
    let worker = try makeWorker(
      WorkerDescription(
        name: name, incarnation: UUID().uuidString, role: .collector,
        embodiment: robot.embodiment, tasks: tasks, runID: runID),
      coordinator: coordinator, vitals: { RobotVitals(tally.counts, spool) })
    let collector = Collector(
      robot: robot, terms: terms, tally: tally, worker: worker, spool: spool)
    try await collector.run()
  }

  /// A robot of the configuration, or one that only the command line names.
  private static func robot(
    _ options: CollectorOptions, of configuration: RunConfiguration
  ) throws -> RobotSettings {
    let known = configuration.robots.first { $0.name == options.name }
    if let driver = options.driver {
      // All robots of a run are of one embodiment, so that what holds for one holds for a guest.
      return .driver(
        named: options.name, at: driver,
        control: known == nil ? configuration.robots.first?.control : known?.control)
    }
    guard let robot = known else {
      throw UnknownRobot(name: options.name, known: configuration.robots.map(\.name))
    }
    return robot
  }

  /// - Parameters:
  ///   - states: The directory for the states of interrupted trainings.
  ///   - ranks: Those that help; nil for none.
  static func learn(
    _ role: WorkerRole, name: String, coordinator: CoordinatorContact, states: String,
    threads: TrainingThreads, ranks: RankGroup? = nil
  ) async throws {
    try ranks?.begin(at: coordinator.endpoint)
    let worker = try makeWorker(
      WorkerDescription(name: name, incarnation: UUID().uuidString, role: role),
      coordinator: coordinator)
    switch role {
    case .valueLearner:
      try await ValueLearner(
        .coordinator(worker, ranks: ranks), shelf: TrainingShelf(directory: states),
        threads: threads
      ).run()
    case .advantageLabeller: try await AdvantageLabeller(worker: worker).run()
    case .policyLearner:
      try await PolicyLearner(
        .coordinator(worker, ranks: ranks), shelf: TrainingShelf(directory: states),
        threads: threads
      ).run()
    case .collector: preconditionFailure("a collector needs a robot")
    }
  }

  /// A worker with a control connection and a data connection of its own, so that a large transfer never delays a
  /// heartbeat.
  private static func makeWorker(
    _ description: WorkerDescription, coordinator: CoordinatorContact,
    vitals: @escaping @Sendable () -> RobotVitals? = { nil }
  ) throws -> Worker {
    Worker(
      description, control: try coordinator.client(),
      archive: ArchiveClient(client: try coordinator.client()), vitals: vitals)
  }
}

extension RobotVitals {
  fileprivate init(_ counts: ControlCounts, _ spool: EpisodeSpool) {
    self.init(
      spooledEpisodes: spool.length.value, chunks: counts.chunks, lateChunks: counts.lateChunks,
      holds: counts.holds, limitedActions: counts.limitedActions)
  }
}

/// What a robot is told that joins with an invitation: its tasks, their quotas, and the policies to act with.
struct JoinSummary {
  let text: String

  init(_ ticket: JoinTicket, _ run: DescribeRunRequest.Reply, _ configuration: RunConfiguration) {
    var lines = ["\(ticket.worker) takes part in run \(run.run) at \(ticket.endpoint)"]
    let iterations = configuration.schedule.iterations
    for task in configuration.tasks
    where ticket.tasks.isEmpty || ticket.tasks.contains(task.name) {
      let rounds = iterations == 1 ? "1 iteration" : "\(iterations) iterations"
      lines.append(
        "task \(task.name): \(task.demonstrations) demonstrations, then \(rounds) of "
          + "\(task.autonomousEpisodes) episodes alone and \(task.correctedEpisodes) with corrections, "
          + "and \(task.evaluationEpisodes) to evaluate each policy, shared by all robots that offer it"
      )
      let policy = run.policies?.first { $0.task == task.name }
      lines.append(
        policy.map { "  policy: iteration \($0.iteration), checkpoint \($0.checkpoint.short)" }
          ?? "  policy: none yet")
    }
    text = lines.joined(separator: "\n")
  }
}
