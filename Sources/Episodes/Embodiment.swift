/// What a kind of robot senses and does: the widths and rates that data, models and drivers must agree on.
public struct Embodiment: Codable, Hashable, Sendable {
  /// A stable name, such as `workcell` or `metaworld`; it names the normalisation statistics in a checkpoint.
  public var name: String
  /// Width of `observation.state`: joint or gripper positions, in the robot's own units.
  public var proprioceptionWidth: Int
  /// Width of `observation.environment_state` (object poses), or 0 where the robot senses only through cameras.
  public var environmentStateWidth: Int
  /// The cameras, in a fixed order.
  public var cameras: [Camera]
  /// Width of one action.
  public var actionWidth: Int
  /// Control steps per second.
  public var controlRate: Double

  public init(
    name: String, proprioceptionWidth: Int, environmentStateWidth: Int, cameras: [Camera],
    actionWidth: Int, controlRate: Double
  ) {
    self.name = name
    self.proprioceptionWidth = proprioceptionWidth
    self.environmentStateWidth = environmentStateWidth
    self.cameras = cameras
    self.actionWidth = actionWidth
    self.controlRate = controlRate
  }
}

/// One camera: 8-bit RGB frames, rows from the top, interleaved channels.
public struct Camera: Codable, Hashable, Sendable {
  /// The name in `observation.images.<name>`.
  public var name: String
  /// Pixels.
  public var width: Int
  /// Pixels.
  public var height: Int

  public init(name: String, width: Int, height: Int) {
    self.name = name
    self.width = width
    self.height = height
  }

  /// Bytes in one frame: height × width × 3.
  public var byteCount: Int { width * height * 3 }
}

/// A task as robots and policies know it.
public struct TaskDescription: Codable, Hashable, Sendable {
  /// The name used in configurations and reports, such as `tshirt-collar-up`.
  public var name: String
  /// The instruction given to the policy, such as "fold the T-shirt with the collar up".
  public var instruction: String
  /// The time limit, in control steps: the task's maximum episode length, which scales its returns.
  public var maximumSteps: Int
  /// The subtask texts that steps of this task may carry, in order; empty if the task has no subtasks.
  public var subtasks: [String]

  public init(name: String, instruction: String, maximumSteps: Int, subtasks: [String] = []) {
    self.name = name
    self.instruction = instruction
    self.maximumSteps = maximumSteps
    self.subtasks = subtasks
  }
}
