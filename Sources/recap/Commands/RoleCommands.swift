import ArgumentParser
import Foundation
import Launching
import Messaging
import Monitoring
import RecapAlgorithm
import ZeroMQTransport

/// `recap coordinator`
struct CoordinatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator",
    abstract: "The plan and the archive of a run; robots and learners join from other processes.",
    discussion: """
      Waits for collectors and learners, hands them jobs, and keeps every episode, label set and \
      checkpoint. Ends when the run is finished.

        recap coordinator Configs/demo.yaml --listen tcp://127.0.0.1:7700
        recap coordinator --resume runs/demo-1 --listen tcp://127.0.0.1:7700 --http 127.0.0.1:8080

      Whoever reaches a loopback address or an ipc:// path of this machine may take part. At any \
      other address only those are let in who have a key, and connections are encrypted: a robot \
      gets one with 'recap robots invite', learners share the files NAME.key and coordinator.pub \
      of RUN/keys, or of the directory that --keys names. Where everybody on the network may take \
      part, --trusted-network does without keys.

      Ends with status 0 when the run is finished, and with status 3 when it cannot go on because \
      a job failed too often; after any other, starting it again with --resume goes on.
      """)

  @OptionGroup var source: SourceArguments

  @Option(
    help: ArgumentHelp(
      "Where to listen, besides the configuration's runtime.listen. May be repeated.",
      valueName: "endpoint"), transform: EndpointArgument.listening)
  var listen: [Endpoint] = []

  @Flag(help: "Listen without keys at addresses that other machines reach, too.")
  var trustedNetwork = false

  @Option(
    help: ArgumentHelp(
      "Keys to use, as 'recap keys' makes them. (default: the run's own, in RUN/keys)",
      valueName: "directory"))
  var keys: String?

  @Option(
    help: ArgumentHelp(
      "Write the endpoint into this file at every start, for workers with --connect file:FILE.",
      valueName: "file"))
  var publish: String?

  @Flag(help: "Go on with the run in --dir where there is one already.")
  var orResume = false

  @Flag(help: "Go on answering after the run is finished, until stopped.")
  var linger = false

  @OptionGroup var web: WebArguments

  @Flag(name: .shortAndLong, help: "Print only the closing table.")
  var quiet = false

  func validate() throws {
    if orResume, source.config == nil || source.directory == nil {
      throw ValidationError("--or-resume needs a configuration and --dir with the run's directory.")
    }
  }

  func run() async throws {
    var start = source.source
    if orResume, case .configuration(let file, let overrides, let directory?) = start {
      start = .resumeOrBegin(directory: directory, file: file, overrides: overrides)
    }
    try await Composition.coordinator(
      CoordinatorOptions(
        source: start, listen: listen.map(\.text), trustsNetwork: trustedNetwork,
        keys: keys, publish: publish, lingers: linger, quiet: quiet, watching: try web.options()))
  }
}

/// `recap collector`
struct CollectorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collector",
    abstract: "One robot: practises with the newest policy and uploads its episodes.",
    discussion: """
      The robot is one of the run's configuration, found by its name, or any driver at an \
      endpoint of its own. Episodes that the archive has not acknowledged wait in the spool and \
      are sent again after a break or a restart.

        recap collector --connect tcp://127.0.0.1:7700 --name cell-1
        recap collector --connect tcp://127.0.0.1:7700 --name arm \\
            --driver tcp://127.0.0.1:7801

      From another machine it joins with an invitation, which 'recap robots invite' prints, and \
      which says where the coordinator is and what the robot is called. An invitation that is \
      read from standard input, as --join -, is kept in a file for the next start.

        recap collector --join FILE --driver tcp://127.0.0.1:7801

      A robot whose program asks a policy with openpi-client needs no driver: with --openpi-port \
      it comes here for its actions, and what it executes is recorded. Documentation/Serving.md \
      tells what its program has to say.

        recap collector --join FILE --openpi-port 8000
      """)

  @OptionGroup var coordinator: CoordinatorArguments

  @Option(
    help: ArgumentHelp(
      "Join with this invitation: itself, a file that holds it, or - for standard input.",
      valueName: "invitation"))
  var join: String?

  @Option(help: "The robot's name.")
  var name: String?

  @Option(
    help: ArgumentHelp(
      "Attach the driver at this endpoint, for a robot that is not in the configuration.",
      valueName: "endpoint"), transform: EndpointArgument.connecting)
  var driver: Endpoint?

  @OptionGroup var openPI: OpenPIArguments

  @Option(
    help: ArgumentHelp(
      "Where episodes wait to be acknowledged. (default: below the temporary directory)",
      valueName: "directory"))
  var spool: String?

  func validate() throws {
    guard (join == nil) != (coordinator.connect == nil) else {
      throw ValidationError("Give --connect and --name, or --join with an invitation.")
    }
    if join == nil, name == nil { throw ValidationError("--connect needs --name") }
    if join != nil, name != nil || coordinator.keys != nil {
      throw ValidationError(
        "an invitation says the robot's name and key: leave out --name and --keys")
    }
    if driver != nil, openPI.openpiPort != nil {
      throw ValidationError("a robot has a driver or speaks openpi: --driver or --openpi-port")
    }
  }

  func run() async throws {
    guard let join else {
      try await Composition.collector(
        CollectorOptions(
          coordinator: coordinator.place, keys: try coordinator.clientKeys(of: .collector),
          name: name ?? "", driver: driver?.text, openPI: try openPI.options(), spool: spool))
      return
    }
    let ticket = try JoinTicket(argument: join)
    var openPI = try openPI.options()
    if openPI != nil, openPI?.tasks == nil, !ticket.tasks.isEmpty { openPI?.tasks = ticket.tasks }
    if !FileManager.default.fileExists(atPath: join) {
      let words = ["recap collector --join \(Shell.word(try ticket.keep()))"]
      let rest = [("--driver", driver?.text), ("--spool", spool)].compactMap { option, value in
        value.map { "\(option) \(Shell.word($0))" }
      }
      let again = (words + self.openPI.words + rest).joined(separator: " ")
      Composition.say("next time: \(again)")
    }
    try await Composition.collector(
      CollectorOptions(
        coordinator: ticket.endpoint, keys: ticket.keys, ticket: ticket, name: ticket.worker,
        driver: driver?.text, openPI: openPI, spool: spool ?? ticket.spool))
  }
}

/// `recap value-learner`
struct ValueLearnerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: WorkerRole.valueLearner.defaultName,
    abstract: "Trains value functions: how far is it to success from here?",
    discussion: RankArguments.discussion("value-learner"))

  @OptionGroup var worker: LearnerArguments
  @OptionGroup var ranks: RankArguments

  func run() async throws { try await worker.work(as: .valueLearner, usesMPI: ranks.mpi) }
}

/// `recap labeller`
struct LabellerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: WorkerRole.advantageLabeller.defaultName,
    abstract: "Labels actions as better than usual or not, with a trained value function.")

  @OptionGroup var worker: LearnerArguments

  func run() async throws { try await worker.work(as: .advantageLabeller) }
}

/// `recap policy-learner`
struct PolicyLearnerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: WorkerRole.policyLearner.defaultName,
    abstract: "Trains policies on the labelled episodes.",
    discussion: RankArguments.discussion("policy-learner"))

  @OptionGroup var worker: LearnerArguments
  @OptionGroup var ranks: RankArguments

  func run() async throws { try await worker.work(as: .policyLearner, usesMPI: ranks.mpi) }
}

/// What the roles that compute need to know.
struct LearnerArguments: ParsableArguments {
  @OptionGroup var coordinator: CoordinatorArguments

  @Option(help: "A name to join under, unique within the run. (default: that of the command)")
  var name: String?

  @Option(
    help: ArgumentHelp(
      "Where the state of an interrupted training waits to be continued; learners may share it. "
        + "(default: below the temporary directory)",
      valueName: "directory"))
  var states: String?

  @Option(help: "Threads to train with: as many as this learner has processor cores for itself.")
  var threads = 1

  func validate() throws {
    try coordinator.checkConnect()
    guard threads >= 1 else {
      throw ValidationError("--threads is \(threads); at least 1 is needed")
    }
  }

  func work(as role: WorkerRole, usesMPI: Bool = false) async throws {
    try await Composition.learner(
      LearnerOptions(
        role: role, coordinator: coordinator.place, keys: try coordinator.clientKeys(of: role),
        name: name ?? role.defaultName, states: states, threads: threads, usesMPI: usesMPI))
  }
}

/// What learners need to know that can be several processes.
struct RankArguments: ParsableArguments {
  @Flag(
    help: ArgumentHelp(
      "Be one of the ranks that mpirun or srun has started, which train together.",
      discussion: "Needs a recap that was built with MPI: make build-mpi."))
  var mpi = false

  func validate() throws {
    let environment = ProcessInfo.processInfo.environment
    if !mpi, let ranks = environment["OMPI_COMM_WORLD_SIZE"].flatMap({ Int($0) }), ranks > 1 {
      throw ValidationError(
        "mpirun started \(ranks) processes, but without --mpi each would be a learner of its own")
    }
  }

  static func discussion(_ command: String) -> String {
    """
    With --mpi it is one learner of several processes, ranks, each of which works on its share of \
    every batch. The result is that of one process, whatever the number of ranks.

      recap \(command) --connect tcp://127.0.0.1:7700 --threads 2
      mpirun -n 4 --bind-to none recap \(command) --mpi --connect tcp://127.0.0.1:7700
    """
  }
}

/// `recap probe`
struct ProbeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Asks whether a coordinator answers, and prints its run's name.",
    discussion: """
      Ends with status 1 when it does not, for whatever watches over it, such as Kubernetes.

        recap probe --connect tcp://127.0.0.1:7700
      """)

  @OptionGroup var coordinator: CoordinatorArguments

  @Option(help: "Seconds to wait for an answer.")
  var timeout = 5.0

  func validate() throws {
    try coordinator.checkConnect()
    guard timeout > 0 else {
      throw ValidationError("--timeout is \(timeout); expected more than 0")
    }
  }

  func run() async throws {
    try await Composition.probe(
      coordinator.place, keys: try coordinator.clientKeys(of: .collector),
      patience: .seconds(timeout))
  }
}

/// Where a coordinator is, and the keys that it asks for.
struct CoordinatorArguments: ParsableArguments {
  @Option(
    help: "The coordinator's endpoint, such as tcp://127.0.0.1:7700, or file:FILE.",
    transform: EndpointArgument.coordinator)
  var connect: String?

  @Option(
    help: ArgumentHelp(
      "A directory with the role's key and the coordinator's, where that asks for keys.",
      valueName: "directory"))
  var keys: String?

  /// The endpoint or file of `connect`, which a command has checked to be there.
  var place: String { connect ?? "" }

  func checkConnect() throws {
    if connect == nil { throw ValidationError("Missing expected argument '--connect <connect>'") }
  }

  func clientKeys(of role: WorkerRole) throws -> ClientKeys? {
    try keys.map { try RunKeys.client(role, from: $0) }
  }
}

/// Endpoints on the command line.
enum EndpointArgument {
  /// Where to listen.
  @Sendable static func listening(_ text: String) throws -> Endpoint { try check(text, .listening) }

  /// What to connect to.
  @Sendable static func connecting(_ text: String) throws -> Endpoint {
    try check(text, .connecting)
  }

  /// Where a coordinator is: an endpoint, or `file:` and the file that it publishes it in.
  @Sendable static func coordinator(_ text: String) throws -> String {
    guard let file = CoordinatorAddress.file(of: text) else { return try connecting(text).text }
    if file.isEmpty { throw ValidationError("expected a file's path after file:") }
    return text
  }

  private static func check(_ text: String, _ use: Endpoint.Use) throws -> Endpoint {
    do throws(EndpointError) {
      let endpoint = try Endpoint(text, for: use)
      if endpoint.transport != .inproc { return endpoint }
    } catch {
      throw ValidationError(error.reason)
    }
    throw ValidationError("nobody else reaches it; expected tcp://ADDRESS:PORT or ipc://PATH")
  }
}
