import Episodes

/// A robot that can attempt tasks: the built-in workcell, or a driver in another language behind the driver link.
///
/// One episode is `begin`, then `execute` until it returns an outcome. The robot's side decides who is in
/// control: in a demonstration the person acts and the chunks are ignored; where corrections are allowed the
/// person may take over in the middle of a chunk and hand back later.
public protocol Robot: Sendable {
  /// Widths, cameras and control rate.
  var embodiment: Embodiment { get }
  /// The tasks it offers.
  var tasks: [TaskDescription] { get }

  /// Resets the scene and starts an episode.
  ///
  /// - Parameters:
  ///   - task: The name of one of `tasks`.
  ///   - seed: Decides the start and all process noise, where the robot is a simulator.
  ///   - supervision: Who may act.
  /// - Returns: The first observation.
  func begin(task: String, seed: UInt64, supervision: Supervision) async throws -> RobotTurn

  /// Executes up to `chunk.count` actions and stops early when the episode ends.
  ///
  /// - Parameters:
  ///   - chunk: The policy's actions; nil while a person is in control, who then acts for `steps` steps.
  ///   - steps: The largest number of steps to execute.
  func execute(_ chunk: ActionChunk?, steps: Int) async throws -> RobotTurn

  /// Whether it knows `hold`; false unless it says otherwise.
  var holds: Bool { get }

  /// Has the robot stand still until the next `execute`, where it would go on with the last action otherwise.
  ///
  /// - Returns: A turn without steps: what it senses now.
  func hold() async throws -> RobotTurn
}

extension Robot {
  public var holds: Bool { false }

  public func hold() async throws -> RobotTurn { throw CannotHold() }
}

/// A robot was told to hold that does not know what that is.
public struct CannotHold: Error, CustomStringConvertible {
  public var description: String { "this robot cannot be told to hold" }
}

/// Who may act in an episode.
public enum Supervision: String, Codable, Sendable {
  /// A person acts from start to end.
  case demonstration
  /// The policy acts; a person may take over and hand back.
  case corrections
  /// The policy acts alone.
  case none
}

/// What a robot reports after `begin` or `execute`.
public struct RobotTurn: Sendable {
  /// The steps executed, in order; empty after `begin`.
  public var steps: [RobotStep]
  /// What the robot senses now.
  public var observation: Observation
  /// Set when the episode is over.
  public var outcome: Outcome?
  /// Why it ended so, in a few words for people, such as "coffee spilled"; nil while it goes on and
  /// where the robot does not know.
  public var reason: String?
  /// Where the episode failed: the step, from 0, whose action put success out of reach; nil while it
  /// goes on and where the robot does not know.
  public var decidedAtStep: Int?
  /// The step, from 0, at which the mistake that decided it began, at most `decidedAtStep`; nil where
  /// that is.
  public var mistakeAtStep: Int?
  /// What came of the task's scored stages; nil while it goes on and where the task has none.
  public var stages: [StageScore]?
  /// Whether a person is in control, so that the next `execute` needs no chunk.
  public var personInControl: Bool

  public init(
    steps: [RobotStep] = [], observation: Observation, outcome: Outcome? = nil,
    reason: String? = nil, decidedAtStep: Int? = nil, mistakeAtStep: Int? = nil,
    stages: [StageScore]? = nil, personInControl: Bool
  ) {
    self.steps = steps
    self.observation = observation
    self.outcome = outcome
    self.reason = reason
    self.decidedAtStep = decidedAtStep
    self.mistakeAtStep = mistakeAtStep
    self.stages = stages
    self.personInControl = personInControl
  }
}

/// One executed control step.
public struct RobotStep: Sendable {
  /// What was sensed before the action.
  public var observation: Observation
  /// The action executed, [actionWidth].
  public var action: [Float]
  /// Whether a person chose it.
  public var intervention: Bool
  /// Index into the task's subtasks of what is being done, where the robot knows.
  public var subtask: Int?

  public init(observation: Observation, action: [Float], intervention: Bool, subtask: Int? = nil) {
    self.observation = observation
    self.action = action
    self.intervention = intervention
    self.subtask = subtask
  }
}
