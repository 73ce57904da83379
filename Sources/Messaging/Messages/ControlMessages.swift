import Episodes
import RecapAlgorithm

// What workers and the coordinator say to each other. `WireProtocol.md` describes every frame.

/// Who a worker is and what it can do.
public struct WorkerDescription: Codable, Hashable, Sendable {
  /// Unique within the run: "value-learner", "left-cell".
  public var name: String
  /// Changes with every start of the process, so that a restarted worker is told apart from a
  /// silent one.
  public var incarnation: String
  public var role: WorkerRole
  /// For collectors: what the robot is.
  public var embodiment: Embodiment?
  /// For collectors: the tasks that the robot offers.
  public var tasks: [TaskDescription]
  /// The run that it was started for; nil for a worker that does the jobs of any.
  public var runID: String?

  public init(
    name: String, incarnation: String, role: WorkerRole, embodiment: Embodiment? = nil,
    tasks: [TaskDescription] = [], runID: String? = nil
  ) {
    self.name = name
    self.incarnation = incarnation
    self.role = role
    self.embodiment = embodiment
    self.tasks = tasks
    self.runID = runID
  }
}

/// Says hello. Sent first, and again after a break.
public struct JoinRequest: Request {
  public static let type = "control.join"
  public var worker: WorkerDescription
  /// The sender's clock: seconds since 1970, UTC; nil from one that does not say.
  public var time: Double?
  public init(worker: WorkerDescription, time: Double? = nil) {
    self.worker = worker
    self.time = time
  }

  public struct Reply: Codable, Sendable {
    /// The run's name.
    public var run: String
    /// Seconds between heartbeats; a worker silent for `leaseSeconds` loses its job.
    public var heartbeatSeconds: Double
    public var leaseSeconds: Double
    /// The resolved configuration, as JSON.
    public var configuration: String
    public init(
      run: String, heartbeatSeconds: Double, leaseSeconds: Double, configuration: String
    ) {
      self.run = run
      self.heartbeatSeconds = heartbeatSeconds
      self.leaseSeconds = leaseSeconds
      self.configuration = configuration
    }
  }
}

/// What run is this? Asked by a collector that has yet to find its robot.
public struct DescribeRunRequest: Request {
  public static let type = "control.describe-run"
  public init() {}

  public struct Reply: Codable, Sendable {
    /// The run's name.
    public var run: String
    /// Tells this run apart from every other, also of the same name; nil from a coordinator that
    /// does not say.
    public var runID: String?
    /// The resolved configuration, as JSON.
    public var configuration: String
    /// Each task's current policy, where there is one; nil from a coordinator that does not say.
    public var policies: [PolicyVersion]?
    public init(
      run: String, runID: String?, configuration: String, policies: [PolicyVersion]? = nil
    ) {
      self.run = run
      self.runID = runID
      self.configuration = configuration
      self.policies = policies
    }
  }

  /// A task's current policy.
  public struct PolicyVersion: Codable, Hashable, Sendable {
    public var task: String
    /// The iteration k that it is of.
    public var iteration: Int
    public var checkpoint: ContentDigest
    public init(task: String, iteration: Int, checkpoint: ContentDigest) {
      self.task = task
      self.iteration = iteration
      self.checkpoint = checkpoint
    }
  }
}

/// Asks for work; the coordinator answers when it has some, or with nil after `waitSeconds`.
/// A worker that already holds a lease is given the same one again.
public struct NextJobRequest: Request {
  public static let type = "control.next-job"
  public var worker: String
  public var incarnation: String
  public var waitSeconds: Double
  /// For collectors: how the robot fares.
  public var vitals: RobotVitals?
  public init(
    worker: String, incarnation: String, waitSeconds: Double, vitals: RobotVitals? = nil
  ) {
    self.worker = worker
    self.incarnation = incarnation
    self.waitSeconds = waitSeconds
    self.vitals = vitals
  }

  public struct Reply: Codable, Sendable {
    public var order: JobOrder?
    /// The run is over: the worker may leave.
    public var finished: Bool
    public init(order: JobOrder?, finished: Bool) {
      self.order = order
      self.finished = finished
    }
  }
}

/// I am alive, and this far.
public struct HeartbeatRequest: Request {
  public static let type = "control.heartbeat"
  public var worker: String
  public var incarnation: String
  /// The lease being worked on.
  public var lease: String?
  public var progress: JobProgress?
  /// For collectors: how the robot fares.
  public var vitals: RobotVitals?
  public init(
    worker: String, incarnation: String, lease: String?, progress: JobProgress?,
    vitals: RobotVitals? = nil
  ) {
    self.worker = worker
    self.incarnation = incarnation
    self.lease = lease
    self.progress = progress
    self.vitals = vitals
  }

  public struct Reply: Codable, Sendable {
    /// False when the lease is no longer this worker's: it should drop the job.
    public var leaseValid: Bool
    /// False when the coordinator does not know the worker: it should join again.
    public var known: Bool
    /// Whether a person has paused the worker: a collector then finishes its episode and gives the
    /// job back.
    public var paused: Bool
    public init(leaseValid: Bool, known: Bool, paused: Bool) {
      self.leaseValid = leaseValid
      self.known = known
      self.paused = paused
    }
  }
}

/// How far a job is, for progress bars and curves.
public struct JobProgress: Codable, Hashable, Sendable {
  /// Units done and in all: gradient steps, episodes.
  public var done: Int
  public var total: Int
  /// What a unit is, such as "steps".
  public var unit: String
  /// Latest metrics, such as "loss" or "samples per second".
  public var metrics: [String: Double]
  public init(done: Int, total: Int, unit: String, metrics: [String: Double] = [:]) {
    self.done = done
    self.total = total
    self.unit = unit
    self.metrics = metrics
  }
}

/// The job is done and its outputs are durable.
public struct JobFinishedRequest: Request {
  public static let type = "control.job-finished"
  public var worker: String
  public var lease: String
  public var result: JobResult
  public init(worker: String, lease: String, result: JobResult) {
    self.worker = worker
    self.lease = lease
    self.result = result
  }

  public struct Reply: Codable, Sendable {
    /// False when the lease was lost meanwhile and another worker's result counts.
    public var accepted: Bool
    public init(accepted: Bool) { self.accepted = accepted }
  }
}

/// The job could not be done here.
public struct JobFailedRequest: Request {
  public static let type = "control.job-failed"
  public typealias Reply = Acknowledgement
  public var worker: String
  public var lease: String
  public var reason: String
  public init(worker: String, lease: String, reason: String) {
    self.worker = worker
    self.lease = lease
    self.reason = reason
  }
}

/// The job comes back undone, since a person has paused the worker or its robot is away. What it has
/// stored counts.
public struct JobReturnedRequest: Request {
  public static let type = "control.job-returned"
  public typealias Reply = Acknowledgement
  public var worker: String
  public var lease: String
  public init(worker: String, lease: String) {
    self.worker = worker
    self.lease = lease
  }
}

/// Goodbye: leases are given back at once.
public struct LeaveRequest: Request {
  public static let type = "control.leave"
  public typealias Reply = Acknowledgement
  public var worker: String
  public var incarnation: String
  public init(worker: String, incarnation: String) {
    self.worker = worker
    self.incarnation = incarnation
  }
}
