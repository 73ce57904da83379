import Episodes
import Messaging

// What a collector and a robot's driver say to each other; Documentation/Drivers.md describes every
// field and frame.

/// Asks what the robot is and what it can attempt.
public struct DriverDescribe: Request {
  public static let type = "driver.describe"
  public typealias Reply = DriverDescription
  public init() {}
}

/// What a robot is and what it can attempt.
public struct DriverDescription: Codable, Hashable, Sendable {
  public var embodiment: Embodiment
  public var tasks: [TaskDescription]
  /// Whether it knows `driver.hold`; nil where it does not say, which means no.
  public var holds: Bool?
  public init(embodiment: Embodiment, tasks: [TaskDescription], holds: Bool? = nil) {
    self.embodiment = embodiment
    self.tasks = tasks
    self.holds = holds
  }
}

/// Resets the scene and starts an episode. Repeated for the same episode it answers as before and
/// resets nothing.
public struct DriverBegin: Request {
  public static let type = "driver.begin"
  public typealias Reply = DriverTurn
  /// Chosen by the collector, never used twice.
  public var episode: String
  public var task: String
  public var seed: UInt64
  public var supervision: Supervision
  public init(episode: String, task: String, seed: UInt64, supervision: Supervision) {
    self.episode = episode
    self.task = task
    self.seed = seed
    self.supervision = supervision
  }
}

/// Executes a chunk, the raw frame `action`, or lets the person act where there is none. Repeated
/// for the same turn it answers as before and moves nothing.
public struct DriverExecute: Request {
  public static let type = "driver.execute"
  public typealias Reply = DriverTurn
  public var episode: String
  /// 1 for the first execution of an episode, 2 for the next.
  public var turn: Int
  /// The largest number of steps to execute.
  public var steps: Int
  public init(episode: String, turn: Int, steps: Int) {
    self.episode = episode
    self.turn = turn
    self.steps = steps
  }
}

/// Has the robot stand still until the next execution, and tells what is sensed. Counts as a turn, and is repeated like one.
public struct DriverHold: Request {
  public static let type = "driver.hold"
  public typealias Reply = DriverTurn
  public var episode: String
  public var turn: Int
  public init(episode: String, turn: Int) {
    self.episode = episode
    self.turn = turn
  }
}

/// What came of it; observations and actions are in the raw frames.
public struct DriverTurn: Codable, Hashable, Sendable {
  /// The steps executed.
  public var steps: Int
  /// Set when the episode is over.
  public var outcome: Outcome?
  /// Why it ended so, in words for people; may be left out.
  public var reason: String?
  /// Whether it passed each criterion of its task, by name, as far as the driver knows; may be left out.
  public var criteria: [String: Bool]?
  /// Whether a person acts next.
  public var personInControl: Bool
  public init(
    steps: Int, outcome: Outcome?, reason: String? = nil, criteria: [String: Bool]? = nil,
    personInControl: Bool
  ) {
    self.steps = steps
    self.outcome = outcome
    self.reason = reason
    self.criteria = criteria
    self.personInControl = personInControl
  }
}
