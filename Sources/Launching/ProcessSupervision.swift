import Configuration

/// What to do about a run's processes: which to start when, when the run is over, and how it ended. A value without a
/// clock or a process, told what happens and when; its shell carries the commands out.
///
/// Times are durations since the launch began.
///
/// - A process that ends before the run is over is started again after a wait that doubles with each restart in a row.
///   One that ran for `forgottenAfterSeconds` has its restarts forgotten; one that needs more than `limit` in a row is
///   given up.
/// - The coordinator's end with status 0 is the run's; `failedStatus` says that the run cannot go on, and `usageStatus`
///   that starting it again would change nothing.
/// - The run fails when the coordinator is given up, or the last process of a role. Else it goes on with the others.
/// - Workers stop before the coordinator, which hears what they have to say; who does not stop in time is killed.
public struct ProcessSupervision: Sendable {
  /// The status with which a coordinator ends that cannot go on with its run.
  public static let failedStatus: Int32 = 3
  /// The status of a command line that is not understood.
  public static let usageStatus: Int32 = 64
  /// How long workers may take to hear that the run is over.
  static let farewell = Duration.seconds(5)

  /// How a launch ended.
  public enum Outcome: Hashable, Sendable {
    case finished
    case failed(String)
    /// Somebody asked for it.
    case stopped
  }

  /// How a process ended.
  public enum Exit: Hashable, Sendable {
    case status(Int32)
    case signal(Int32)
    /// There was no process: why.
    case notStarted(String)
  }

  public enum Event: Hashable, Sendable {
    case began
    /// A process ended, with the last of what it wrote.
    case exited(String, Exit, lastWords: String)
    /// Time has passed, at least up to `nextDeadline`.
    case timePassed
    /// Somebody wants the launch to stop.
    case stopAsked
  }

  public enum Command: Hashable, Sendable {
    case start(String)
    /// Ask it to stop.
    case terminate(String)
    case kill(String)
    /// Tell the person who watches.
    case say(String)
  }

  /// A process, for those who ask how it is.
  public struct Child: Hashable, Sendable {
    public var name: String
    public var role: ProcessRole
    public var state: State
    /// Restarts in a row.
    public var failures = 0
    /// Restarts altogether.
    public var restarts = 0
  }

  public enum State: Hashable, Sendable {
    case running(since: Duration)
    /// Starts at this time.
    case waiting(until: Duration)
    /// Will not be started again, as it should be.
    case done
    /// Needed too many restarts.
    case givenUp
  }

  private enum Phase: Hashable, Sendable {
    case running
    /// Workers are ending by themselves, up to a time.
    case farewell(until: Duration)
    /// Workers were asked to stop, up to a time; then they are killed.
    case stoppingWorkers(until: Duration)
    case stoppingCoordinator(until: Duration)
    case killed
  }

  public private(set) var children: [Child]
  private let restart: RestartSettings
  private let patience: Duration
  private var phase = Phase.running
  private var intended: Outcome?

  /// - Parameters:
  ///   - processes: The coordinator first.
  ///   - patience: How long a process may take to stop.
  public init(_ processes: [RoleProcess], restart: RestartSettings, patience: Duration) {
    children = processes.map { Child(name: $0.name, role: $0.role, state: .waiting(until: .zero)) }
    self.restart = restart
    self.patience = patience
  }

  /// How the launch ended; nil while a process is left.
  public var outcome: Outcome? {
    children.contains { $0.isAlive } ? nil : intended ?? .stopped
  }

  /// When `.timePassed` is wanted; nil while only events matter.
  public var nextDeadline: Duration? {
    let starts = children.compactMap { child -> Duration? in
      if case .waiting(let time) = child.state { time } else { nil }
    }
    switch phase {
    case .running, .killed: return starts.min()
    case .farewell(let time), .stoppingWorkers(let time), .stoppingCoordinator(let time):
      return (starts + [time]).min()
    }
  }

  /// Takes what happened and returns what to do about it, in order.
  public mutating func handle(_ event: Event, at now: Duration) -> [Command] {
    switch event {
    case .began: return start(at: now)
    case .exited(let name, let exit, let lastWords): return ended(name, exit, lastWords, at: now)
    case .timePassed: return start(at: now) + hurry(at: now)
    case .stopAsked:
      if intended == nil || phase == .running { return stop(.stopped, at: now) }
      return killAll()
    }
  }

  // MARK: - Starting

  private mutating func start(at now: Duration) -> [Command] {
    var commands: [Command] = []
    for index in children.indices {
      guard case .waiting(let time) = children[index].state, time <= now else { continue }
      children[index].state = .running(since: now)
      commands.append(.start(children[index].name))
    }
    return commands
  }

  // MARK: - Ends

  private mutating func ended(
    _ name: String, _ exit: Exit, _ lastWords: String, at now: Duration
  ) -> [Command] {
    guard let index = children.firstIndex(where: { $0.name == name }), children[index].isRunning
    else { return [] }
    let since = children[index].runningSince ?? now
    guard phase == .running else {
      children[index].state = .done
      return proceed(at: now)
    }
    if exit == .status(0) {
      children[index].state = .done
      return children[index].role == .coordinator ? finish(at: now) : []
    }
    let how = "\(name) \(exit)"
    if let reason = permanent(exit, of: children[index], lastWords) {
      children[index].state = .givenUp
      return [.say(how)] + stop(.failed(reason), at: now)
    }
    if now - since >= .seconds(restart.forgottenAfterSeconds) { children[index].failures = 0 }
    children[index].failures += 1
    guard children[index].failures <= restart.limit else {
      return giveUp(index, how, lastWords, at: now)
    }
    children[index].restarts += 1
    let delay = self.delay(afterFailures: children[index].failures)
    children[index].state = .waiting(until: now + delay)
    let seconds = Double(delay / .seconds(1))
    let count = "restart \(children[index].failures) of at most \(restart.limit) in a row"
    return [.say("\(how); it starts again in \(Self.text(seconds)) s (\(count))")]
  }

  /// Why starting it again would not help; nil where it may.
  private func permanent(_ exit: Exit, of child: Child, _ lastWords: String) -> String? {
    switch exit {
    case .status(Self.usageStatus): "\(child.name) \(exit): \(lastWords)"
    case .status(Self.failedStatus) where child.role == .coordinator: lastWords
    default: nil
    }
  }

  private mutating func giveUp(
    _ index: Int, _ how: String, _ lastWords: String, at now: Duration
  ) -> [Command] {
    let child = children[index]
    children[index].state = .givenUp
    let reason =
      "\(how) and was given up after \(restart.limit) restart\(restart.limit == 1 ? "" : "s") in a row"
      + (lastWords.isEmpty ? "" : ": \(lastWords)")
    let others = children.filter { $0.role == child.role && $0.state != .givenUp }
    if child.role == .coordinator || others.isEmpty { return stop(.failed(reason), at: now) }
    return [.say("\(reason). The run goes on without it")]
  }

  /// The wait before a restart: doubled with each in a row, up to the limit.
  func delay(afterFailures failures: Int) -> Duration {
    let factor = Double(1 << min(max(failures - 1, 0), 30))
    return .seconds(min(restart.longestDelaySeconds, restart.firstDelaySeconds * factor))
  }

  // MARK: - Stopping

  /// The run is over: workers hear it from the coordinator.
  private mutating func finish(at now: Duration) -> [Command] {
    intended = .finished
    phase = .farewell(until: now + Self.farewell)
    forgetWaiting()
    return []
  }

  private mutating func stop(_ outcome: Outcome, at now: Duration) -> [Command] {
    intended = outcome
    phase = .stoppingWorkers(until: now + patience)
    forgetWaiting()
    return children.filter { $0.isRunning && $0.role != .coordinator }.map { .terminate($0.name) }
      + proceed(at: now)
  }

  /// The coordinator's turn comes when all workers are gone.
  private mutating func proceed(at now: Duration) -> [Command] {
    guard case .stoppingWorkers = phase,
      !children.contains(where: { $0.isRunning && $0.role != .coordinator })
    else { return [] }
    phase = .stoppingCoordinator(until: now + patience)
    return children.filter(\.isRunning).map { .terminate($0.name) }
  }

  /// Does not wait any longer for whoever is late.
  private mutating func hurry(at now: Duration) -> [Command] {
    switch phase {
    case .farewell(let time) where time <= now:
      phase = .stoppingWorkers(until: now + patience)
      return children.filter(\.isRunning).map { .terminate($0.name) } + proceed(at: now)
    case .stoppingWorkers(let time) where time <= now:
      let late = children.filter { $0.isRunning && $0.role != .coordinator }
      // Their ends are the coordinator's turn; should none come, its own time is up later.
      phase = .stoppingCoordinator(until: now + patience)
      return late.flatMap { [.say("\($0.name) does not stop: it is killed"), .kill($0.name)] }
        + children.filter { $0.isRunning && $0.role == .coordinator }.map { .terminate($0.name) }
    case .stoppingCoordinator(let time) where time <= now: return killAll()
    default: return []
    }
  }

  private mutating func killAll() -> [Command] {
    phase = .killed
    return children.filter(\.isRunning).map { .kill($0.name) }
  }

  private mutating func forgetWaiting() {
    for index in children.indices {
      if case .waiting = children[index].state { children[index].state = .done }
    }
  }

  /// 0.5, 2, 30: no more digits than it takes.
  private static func text(_ seconds: Double) -> String {
    seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
  }
}

extension ProcessSupervision.Child {
  var isRunning: Bool { runningSince != nil }

  var runningSince: Duration? {
    if case .running(let time) = state { time } else { nil }
  }

  /// Runs, or will.
  var isAlive: Bool {
    switch state {
    case .running, .waiting: true
    case .done, .givenUp: false
    }
  }
}

extension ProcessSupervision.Exit: CustomStringConvertible {
  public var description: String {
    switch self {
    case .status(let status): "ended with status \(status)"
    case .signal(let signal): "was ended by signal \(signal)"
    case .notStarted(let reason): "could not be started (\(reason))"
    }
  }
}
