import RecapAlgorithm

/// What only a coordinator at work knows of its run: who is here, and how far each is. All else is in the archive.
public struct CoordinatorStatus: Codable, Hashable, Sendable {
  /// Seconds since it started.
  public var upSeconds: Double
  /// By name.
  public var workers: [WorkerStatus]

  public init(upSeconds: Double, workers: [WorkerStatus]) {
    self.upSeconds = upSeconds
    self.workers = workers
  }
}

/// One worker, as its coordinator sees it.
public struct WorkerStatus: Codable, Hashable, Sendable {
  public var name: String
  public var role: WorkerRole
  /// For collectors: the tasks that the robot offers.
  public var tasks: [String]
  /// For collectors: what the robot is.
  public var embodiment: String?
  /// Seconds since it was last heard.
  public var silentSeconds: Double
  /// The job that it holds; nil while it waits for one.
  public var job: String?
  /// Its latest report of that job.
  public var progress: JobProgress?
  /// How far its machine's clock was ahead of the coordinator's when it joined; nil where it did not say.
  public var clockSkewSeconds: Double?
  /// For collectors: how the robot fares, as it said last; nil where it did not say.
  public var vitals: RobotVitals?

  public init(
    name: String, role: WorkerRole, tasks: [String] = [], embodiment: String? = nil,
    silentSeconds: Double, job: String? = nil, progress: JobProgress? = nil,
    clockSkewSeconds: Double? = nil, vitals: RobotVitals? = nil
  ) {
    self.name = name
    self.role = role
    self.tasks = tasks
    self.embodiment = embodiment
    self.silentSeconds = silentSeconds
    self.job = job
    self.progress = progress
    self.clockSkewSeconds = clockSkewSeconds
    self.vitals = vitals
  }
}
