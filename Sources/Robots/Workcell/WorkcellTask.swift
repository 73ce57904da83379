import Episodes
import Tensors

/// What the workcell can be asked to do. To add a task, write one type that conforms to this and
/// one that conforms to `WorkcellScene`, and list it in `WorkcellTasks.all`.
protocol WorkcellTask: Sendable {
  /// Name, instruction, time limit and subtasks.
  var description: TaskDescription { get }
  /// What a person may get wrong in it.
  var mistakes: [Mistake] { get }
  /// Lays out the table for one episode.
  func start(_ random: inout RandomSource) -> any WorkcellScene
}

/// The things on the table during one episode of a task: a value, changed by what the arms do.
///
/// A scene tells apart what can be seen (`points`, `visibleStates`, the drawing) from what cannot
/// (how slippery a thing is). Only the visible part reaches an observation.
protocol WorkcellScene: Sendable {
  /// Where the arms start and rest.
  var homes: Pair<Vector3> { get }
  /// How far from home the arms may start, in metres and per axis.
  var startSpread: Float { get }
  /// The visible positions that matter, at most `Workcell.pointCount`, in a fixed order.
  var points: [Vector3] { get }
  /// What else can be seen, such as folds and gauges, at most `Workcell.visibleStateCount`, in
  /// about [−1, 1].
  var visibleStates: [Float] { get }
  /// Index into the task's subtasks.
  var subtask: Int { get }
  /// How many steps towards the goal are done. It falls when work is undone.
  var milestones: Int { get }
  /// Whether what was done rules success out, though the verdict is still to come. It never becomes
  /// false again.
  var isLost: Bool { get }
  /// The stages that a report scores one by one, in order, and whether each is done; nil for a task
  /// that is judged as a whole.
  var stages: [StageScore]? { get }

  /// What a gripper could close around now.
  var handles: [Handle] { get }
  /// Whether a held handle can still be held: folding one end over another takes the other away.
  func canHold(_ handle: Int) -> Bool
  /// A gripper closed around a handle.
  mutating func grasp(_ handle: Int, by side: Side)
  /// A held handle was moved; `speed` is a share of the arm's maximum.
  mutating func carry(
    _ handle: Int, to position: Vector3, speed: Float, _ random: inout RandomSource)
  /// The probability that a held handle slips out in one step at this speed.
  func slipProbability(_ handle: Int, speed: Float) -> Float
  /// A gripper let go, on purpose or not, of a handle at this position.
  mutating func release(_ handle: Int, at position: Vector3)
  /// One step of everything that happens by itself: timers, machines, falling.
  mutating func advance(_ arms: Pair<Arm>, _ random: inout RandomSource) -> Ending?

  /// What a person who makes these mistakes would do now with each arm.
  func intents(_ arms: Pair<Arm>, _ mistakes: MistakeSet) -> Pair<Intent>
  /// What a watching person sees going wrong, if anything.
  func trouble(_ arms: Pair<Arm>) -> Trouble?

  /// Adds the visible things, lowest first.
  func draw(into drawing: inout Drawing)
}

extension WorkcellScene {
  var isLost: Bool { false }
  var stages: [StageScore]? { nil }
}

/// Something that a gripper can close around.
struct Handle: Sendable {
  /// The scene's own name for it.
  var id: Int
  /// Where to close.
  var position: Vector3
  /// The largest distance between gripper and position at which the grasp holds, in metres.
  var tolerance: Float = 0.085
}

/// How an episode ended.
public enum Ending: Hashable, Sendable {
  /// The goal is reached.
  case success
  /// It cannot be reached any more; the reason is one of those listed in
  /// `Documentation/Workcell.md`.
  case failure(String)
  /// The reason given when the time limit is reached.
  public static let timeLimit = Ending.failure("time limit")

  /// What is recorded.
  public var outcome: Outcome { self == .success ? .success : .failure }
  /// Why it failed; nil for a success.
  public var reason: String? {
    if case .failure(let reason) = self { reason } else { nil }
  }
}

/// What an arm is meant to do next, as a person thinks of it.
enum Intent: Sendable {
  /// Go to a point with the gripper open.
  case hover(Vector3)
  /// Close around what is at a point.
  case grasp(Vector3)
  /// Carry what is held to a point, no faster than `limit`, and stay there.
  case carry(Vector3, limit: Float)
  /// Carry what is held to a point, no faster than `limit`, and let go.
  case place(Vector3, limit: Float)
  /// Open the gripper where it is.
  case letGo

  /// Where it leads, if anywhere else.
  var target: Vector3? {
    switch self {
    case .hover(let point), .grasp(let point), .carry(let point, _), .place(let point, _): point
    case .letGo: nil
    }
  }
}

/// What a person who watches sees going wrong.
enum Trouble: Sendable {
  /// The motion is too fast for what is held: a few careful steps mend it.
  case careless
  /// The work itself is going wrong: it is mended when the next milestone is reached.
  case wrong
}

/// Mistakes that a person may make in one episode.
struct MistakeSet: OptionSet, Hashable, Sendable {
  let rawValue: UInt32
  /// Carrying things as fast as the arm goes, whatever they are. Bits from 1 on belong to each
  /// task.
  static let haste = MistakeSet(rawValue: 1)
}

/// One mistake and how often a person makes it.
struct Mistake: Sendable {
  var kind: MistakeSet
  /// Per episode, at `CoachFlaws.mistakeScale` 1.
  var probability: Float
}

/// The workcell's tasks.
public enum WorkcellTasks {
  static let all: [any WorkcellTask] = [
    GarmentTask.tshirt, GarmentTask.tshirtCollarUp, GarmentTask.tshirtsAndShorts,
    GarmentTask.laundry, EspressoTask(), BoxTask(),
  ]

  /// The descriptions of all tasks.
  public static var descriptions: [TaskDescription] { all.map(\.description) }
  /// The names of all tasks.
  public static var names: [String] { descriptions.map(\.name) }

  /// - Throws: `WorkcellError.unknownTask`.
  static func named(_ name: String) throws(WorkcellError) -> any WorkcellTask {
    guard let task = all.first(where: { $0.description.name == name }) else {
      throw .unknownTask(name: name, valid: names)
    }
    return task
  }
}

/// What the workcell cannot do.
public enum WorkcellError: Error, Hashable, CustomStringConvertible {
  case unknownTask(name: String, valid: [String])
  case noTasks(valid: [String])
  case taskNotOffered(name: String, robot: String, offered: [String])
  case imageSide(Int)
  case blind
  case notBegun
  case episodeOver
  case chunkWidth(expected: Int, actual: Int)
  case chunkNotFinite(step: Int)
  case chunkMissing
  case stepCount(Int)
  case flaws(String)

  /// What was expected and what came.
  public var description: String {
    switch self {
    case .unknownTask(let name, let valid):
      "the workcell has no task '\(name)'; valid names are \(valid.joined(separator: ", "))"
    case .noTasks(let valid):
      "a workcell robot needs at least one task; valid names are \(valid.joined(separator: ", "))"
    case .taskNotOffered(let name, let robot, let offered):
      "robot '\(robot)' does not offer task '\(name)'; it offers \(offered.joined(separator: ", "))"
    case .imageSide(let side):
      "cameras: expected an image side of 8 to 512 pixels, got \(side)"
    case .blind:
      "a workcell robot needs cameras, environment state or both: without them a policy is blind"
    case .notBegun: "execute needs an episode: call begin first"
    case .episodeOver: "the episode is over: call begin to start another"
    case .chunkWidth(let expected, let actual):
      "expected actions of width \(expected), got width \(actual)"
    case .chunkNotFinite(let step):
      "action \(step) of the chunk holds a value that is not finite"
    case .chunkMissing:
      "expected an action chunk: no person is in control of this episode"
    case .stepCount(let steps): "expected at least one step to execute, got \(steps)"
    case .flaws(let reason): "coach flaws: \(reason)"
    }
  }
}
