import Episodes
import Robots

/// An episode of a client under way: which actions it is served, and what it has executed since the
/// collector's last turn.
struct ClientEpisode: Sendable {
  let client: OpenPIRobot.ClientID
  let task: TaskDescription
  /// What the robot senses now, or sensed before the action that it was served last.
  private(set) var observation: Observation
  /// Actions that it has been served.
  private(set) var count = 0
  /// The rest of what the policy wants to do.
  private var plan: [[Float]] = []
  /// The action that it executes now.
  private var served: [Float]?
  /// Executed since the last turn.
  private var steps: [RobotStep] = []

  init(client: OpenPIRobot.ClientID, task: TaskDescription, observation: Observation) {
    self.client = client
    self.task = task
    self.observation = observation
  }

  /// Whether the task's time is up.
  var isAtLimit: Bool { count >= task.maximumSteps }

  /// Takes the policy's actions to serve from now on.
  mutating func follow(_ actions: [[Float]]) { plan = actions }

  /// The action for what the robot senses now; nil where the policy has to be asked.
  mutating func nextAction() -> [Float]? {
    guard !plan.isEmpty else { return nil }
    count += 1
    served = plan.removeFirst()
    return served
  }

  /// Notes that the robot has executed what it was served; nothing where that is known already.
  mutating func noteExecuted() {
    guard let action = served else { return }
    steps.append(RobotStep(observation: observation, action: action, intervention: false))
    served = nil
  }

  /// Notes what the robot senses after what it was served.
  mutating func sense(_ next: Observation) {
    noteExecuted()
    observation = next
  }

  /// What the collector is told: everything executed since it was told last.
  mutating func turn(_ outcome: Outcome? = nil, reason: String? = nil) -> RobotTurn {
    noteExecuted()
    defer { steps = [] }
    return RobotTurn(
      steps: steps, observation: observation, outcome: outcome, reason: reason,
      personInControl: false)
  }
}
