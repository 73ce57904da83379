import Configuration
import RecapAlgorithm
import ZeroMQTransport

/// What `recap run` was asked for.
struct RunOptions: Sendable {
  /// A fresh run, or one to go on with.
  enum Source: Sendable {
    /// A configuration, what replaces its settings, and the directory to make; nil for `runs/<name>-<seed>`, or that
    /// with a number added where it exists.
    case configuration(file: String, overrides: [String], directory: String?)
    /// A configuration that has been read and checked already, and the directory to make.
    case checked(RunConfiguration, directory: String)
    /// The directory of a run that was stopped.
    case resume(directory: String)
    /// The directory of a run that may have begun; else the configuration to begin it with.
    case resumeOrBegin(directory: String, file: String, overrides: [String])
  }

  var source: Source
  /// Runs whose results are taken over where they are those of the same jobs.
  var reuse: [ReusedPlace] = []
  /// Only the closing table, no bars and lines.
  var quiet: Bool
  var watching = WatchingOptions()
}

/// What `recap experiment` was asked for.
struct ExperimentOptions: Sendable {
  /// The experiment's file.
  var file: String
  /// At least one, ascending.
  var seeds: ClosedRange<Int>
  /// The experiment's directory; nil for `runs/<experiment>`.
  var directory: String?
  /// Runs of others whose results are taken over where they are those of the same jobs.
  var reuse: [ReusedPlace] = []
  /// Only the closing table.
  var quiet: Bool
}

/// What `recap coordinator` was asked for.
struct CoordinatorOptions: Sendable {
  var source: RunOptions.Source
  /// Endpoints to listen at, besides the configuration's.
  var listen: [String]
  /// Whether those that other machines reach need no keys.
  var trustsNetwork: Bool
  /// A directory of keys to use in place of the run's own.
  var keys: String?
  /// The file that says where workers find the coordinator; nil for none.
  var publish: String?
  /// Whether to go on answering after the run is finished.
  var lingers: Bool
  var quiet: Bool
  var watching = WatchingOptions()
}

/// What `recap collector` was asked for.
struct CollectorOptions: Sendable {
  /// The coordinator's endpoint, or the file that it publishes it in: see `CoordinatorAddress`.
  var coordinator: String
  /// For an endpoint that asks for them.
  var keys: ClientKeys?
  /// The invitation that it joins with, if any.
  var ticket: JoinTicket?
  /// The name to join under: one of the configuration's robots, unless `driver` says otherwise.
  var name: String
  /// The endpoint of a driver to attach, for a robot that the configuration does not describe.
  var driver: String?
  /// How to wait for a robot whose program speaks openpi's protocol; nil for other robots.
  var openPI: OpenPIOptions?
  /// Where episodes wait until they are acknowledged; nil for a directory beside the system's
  /// temporary files.
  var spool: String?
}

/// What `recap value-learner`, `labeller` and `policy-learner` were asked for.
struct LearnerOptions: Sendable {
  /// One of the roles that compute.
  var role: WorkerRole
  /// The coordinator's endpoint, or the file that it publishes it in: see `CoordinatorAddress`.
  var coordinator: String
  /// For an endpoint that asks for them.
  var keys: ClientKeys?
  /// The name to join under.
  var name: String
  /// Where states of interrupted trainings are kept; nil for a directory beside the system's
  /// temporary files.
  var states: String?
  /// Threads of its arithmetic.
  var threads: Int
  /// Whether it is one of several processes, which MPI connects.
  var usesMPI: Bool
}

extension WorkerRole {
  /// What a worker of this role is called where nobody names it; also its subcommand of `recap`.
  var defaultName: String {
    switch self {
    case .collector: "collector"
    case .valueLearner: "value-learner"
    case .advantageLabeller: "labeller"
    case .policyLearner: "policy-learner"
    }
  }
}

/// What `recap launch` was asked for.
struct LaunchOptions: Sendable {
  /// The cluster file; nil for the one that the run remembers.
  var cluster: String?
  var source: RunOptions.Source
  var purpose: Purpose
  /// Only what goes wrong and the closing table.
  var quiet: Bool

  enum Purpose: Sendable {
    /// Say what is wrong with the files.
    case check
    /// Print what would be done.
    case dryRun
    case launch
  }
}
