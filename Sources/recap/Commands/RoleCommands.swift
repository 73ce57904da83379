import ArgumentParser
import Launching
import RecapAlgorithm

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

      Connections are neither encrypted nor authenticated, so only this machine's loopback \
      addresses and ipc:// paths can be listened at. Other machines come through a tunnel: \
      ssh -L 7700:127.0.0.1:7700 COORDINATOR-HOST. Where everybody on the network may take part, \
      --trusted-network allows any address.

      Ends with status 0 when the run is finished, and with status 3 when it cannot go on because \
      a job failed too often; after any other, starting it again with --resume goes on.
      """)

  @OptionGroup var source: SourceArguments

  @Option(
    help: ArgumentHelp(
      "Where to listen, besides the configuration's runtime.listen. May be repeated.",
      valueName: "endpoint"))
  var listen: [Endpoint] = []

  @Flag(help: "Listen at addresses that other machines reach, unprotected, too.")
  var trustedNetwork = false

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
        source: start, listen: listen.map(\.text), trustsNetwork: trustedNetwork, publish: publish,
        lingers: linger, quiet: quiet, watching: try web.options()))
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
      """)

  @Option(help: "The coordinator's endpoint, such as tcp://127.0.0.1:7700, or file:FILE.")
  var connect: CoordinatorPlace

  @Option(help: "The robot's name.")
  var name: String

  @Option(
    help: ArgumentHelp(
      "Attach the driver at this endpoint, for a robot that is not in the configuration.",
      valueName: "endpoint"))
  var driver: Endpoint?

  @Option(
    help: ArgumentHelp(
      "Where episodes wait to be acknowledged. (default: below the temporary directory)",
      valueName: "directory"))
  var spool: String?

  func run() async throws {
    try await Composition.collector(
      CollectorOptions(
        coordinator: connect.text, name: name, driver: driver?.text, spool: spool))
  }
}

/// `recap value-learner`
struct ValueLearnerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: WorkerRole.valueLearner.defaultName,
    abstract: "Trains value functions: how far is it to success from here?")

  @OptionGroup var worker: LearnerArguments

  func run() async throws { try await worker.work(as: .valueLearner) }
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
    abstract: "Trains policies on the labelled episodes.")

  @OptionGroup var worker: LearnerArguments

  func run() async throws { try await worker.work(as: .policyLearner) }
}

/// What the roles that compute need to know.
struct LearnerArguments: ParsableArguments {
  @Option(help: "The coordinator's endpoint, such as tcp://127.0.0.1:7700, or file:FILE.")
  var connect: CoordinatorPlace

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
    guard threads >= 1 else {
      throw ValidationError("--threads is \(threads); at least 1 is needed")
    }
  }

  func work(as role: WorkerRole) async throws {
    try await Composition.learner(
      LearnerOptions(
        role: role, coordinator: connect.text, name: name ?? role.defaultName, states: states,
        threads: threads))
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

  @Option(help: "The coordinator's endpoint, such as tcp://127.0.0.1:7700, or file:FILE.")
  var connect: CoordinatorPlace

  @Option(help: "Seconds to wait for an answer.")
  var timeout = 5.0

  func validate() throws {
    guard timeout > 0 else {
      throw ValidationError("--timeout is \(timeout); expected more than 0")
    }
  }

  func run() async throws {
    try await Composition.probe(connect.text, patience: .seconds(timeout))
  }
}

/// Where a coordinator is: an endpoint, or `file:` and the file that it publishes it in.
struct CoordinatorPlace: ExpressibleByArgument {
  var text: String

  init?(argument: String) {
    if let file = CoordinatorAddress.file(of: argument) {
      guard !file.isEmpty else { return nil }
      text = argument
    } else {
      guard let endpoint = Endpoint(argument: argument) else { return nil }
      text = endpoint.text
    }
  }
}

/// A ZeroMQ endpoint on the command line.
struct Endpoint: ExpressibleByArgument {
  var text: String

  init?(argument: String) {
    let schemes = ["tcp://", "ipc://"]
    guard schemes.contains(where: { argument.hasPrefix($0) && argument.count > $0.count }) else {
      return nil
    }
    text = argument
  }
}
