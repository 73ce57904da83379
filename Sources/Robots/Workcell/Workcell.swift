import Episodes
import Tensors

/// Two arms with parallel grippers over a table, and the things of one task: the whole simulation
/// as a value. A state and an action give the next state; there is no clock and no input or output.
/// Equal seeds and actions give equal episodes.
///
/// Each arm is a point that follows a commanded velocity with lag and noise. A gripper that closes
/// around a handle holds it until it opens or the handle slips out; what is let go falls.
public struct Workcell: Sendable {
  /// Per arm: velocity in x, y, z as shares of the maximum speed, then the gripper command; all in
  /// [−1, 1].
  public static let actionWidth = 8
  /// Per arm: x, y, z in metres, aperture (0 closed … 1 open), and 1 while something is held.
  public static let proprioceptionWidth = 10
  /// The most points a task shows.
  public static let pointCount = 8
  /// The most other visible states a task shows.
  public static let visibleStateCount = 14
  /// Per arm the offset from its gripper to each point, compressed as d / (|d| + `offsetScale`) so
  /// that what is near is told finely; then the other visible states. Zeros fill what a task does
  /// not use.
  public static let environmentStateWidth = 2 * pointCount * 3 + visibleStateCount
  /// Control steps per second.
  public static let controlRate = 10.0
  /// The gripper's largest speed, in metres per control step.
  public static let maximumSpeed: Float = 0.04

  /// The distance, in metres, at which a compressed offset is one half.
  public static let offsetScale: Float = 0.1

  /// The share of a velocity change that happens within one step.
  static let response: Float = 0.7
  /// Standard deviation of the position noise of one step, in metres and per axis.
  static let positionNoise: Float = 0.003
  /// The probability that something pushes the arm in one step, and the push's standard deviation
  /// in metres.
  static let bumpProbability: Float = 0.015
  static let bumpSize: Float = 0.03
  /// The largest change of aperture in one step.
  static let gripperSpeed: Float = 0.34
  /// An empty gripper that is closed past this aperture, and told to be, catches what comes between
  /// its sprung fingers.
  static let graspAperture: Float = 0.45
  /// A gripper that opens past this aperture lets go.
  static let releaseAperture: Float = 0.6
  /// A gripper that closes past this aperture has missed: it opens by itself …
  static let emptyAperture: Float = 0.1
  /// … until it is this far open, and can try again.
  static let openAperture: Float = 0.9
  /// The aperture of a gripper that holds something.
  static let heldAperture: Float = 0.2
  static let lowest = Vector3(-0.5, -0.35, 0)
  static let highest = Vector3(0.5, 0.35, 0.35)

  /// The task being attempted.
  public let task: TaskDescription
  /// The control steps executed so far.
  public private(set) var stepCount = 0
  /// Set when the episode is over.
  public private(set) var ending: Ending?
  /// The step, from 0, whose action put success out of reach: the deciding mistake, which the verdict
  /// may follow much later. nil as long as all can still turn out well, and where nothing but time
  /// ran out.
  public private(set) var decidedAtStep: Int?
  /// The step at which the mistake that decided it began, at most `decidedAtStep`: since then a person
  /// who watches saw the work go wrong without a break. The deciding step itself where nothing told.
  public private(set) var mistakeAtStep: Int?
  private(set) var arms: Pair<Arm>
  private(set) var scene: any WorkcellScene
  /// Since when the work is going wrong, as a person sees it; nil while it is not.
  private var wrongSince: Int?
  private var random: RandomSource

  /// Starts an episode.
  ///
  /// - Parameters:
  ///   - task: One of `WorkcellTasks.names`.
  ///   - seed: Decides the layout and all process noise.
  /// - Throws: `WorkcellError.unknownTask`.
  public init(task: String, seed: UInt64) throws {
    self.init(try WorkcellTasks.named(task), seed: seed)
  }

  init(_ task: any WorkcellTask, seed: UInt64) {
    var random = RandomSource(seed: seed, stream: "workcell")
    let scene = task.start(&random)
    let spread = scene.startSpread
    func start(_ home: Vector3) -> Arm {
      let offset = Vector3(
        random.uniform(in: -spread..<spread), random.uniform(in: -spread..<spread),
        random.uniform(in: -spread..<spread) / 2)
      return Arm(position: home + offset)
    }
    self.task = task.description
    self.scene = scene
    arms = Pair(start(scene.homes.left), start(scene.homes.right))
    self.random = random
  }

  /// Executes one action for 1/`controlRate` seconds. Values beyond [−1, 1] count as ±1, and a
  /// velocity longer than 1 is shortened to 1. Does nothing once the episode is over.
  ///
  /// - Parameter action: [actionWidth], finite.
  public mutating func step(_ action: ArraySlice<Float>) {
    precondition(
      action.count == Self.actionWidth,
      "expected an action of \(Self.actionWidth) values, got \(action.count)")
    guard ending == nil else { return }
    for side in Side.allCases {
      move(side, action, from: action.startIndex + side.rawValue * 4)
    }
    stepCount += 1
    ending = scene.advance(arms, &random)
    if decidedAtStep == nil, scene.isLost || ending?.outcome == .failure {
      decidedAtStep = stepCount - 1
      mistakeAtStep = wrongSince ?? stepCount - 1
    }
    if decidedAtStep == nil {
      let isWrong = scene.trouble(arms) == .wrong
      wrongSince = isWrong ? wrongSince ?? stepCount - 1 : nil
    }
    if ending == nil && stepCount >= task.maximumSteps { ending = .timeLimit }
  }

  private mutating func move(_ side: Side, _ action: ArraySlice<Float>, from first: Int) {
    var arm = arms[side]
    let wanted = Vector3(
      action[first].clamped(-1, 1), action[first + 1].clamped(-1, 1),
      action[first + 2].clamped(-1, 1)
    ).limited(to: 1)
    arm.velocity = arm.velocity + (wanted - arm.velocity) * Self.response
    let noise = Vector3(random.normal(), random.normal(), random.normal()) * Self.positionNoise
    var next = arm.position + arm.velocity * Self.maximumSpeed + noise
    if random.chance(Self.bumpProbability) {
      next =
        next + Vector3(random.normal(), random.normal(), 0.5 * random.normal()) * Self.bumpSize
    }
    arm.position = Vector3(
      next.x.clamped(Self.lowest.x, Self.highest.x),
      next.y.clamped(Self.lowest.y, Self.highest.y),
      next.z.clamped(Self.lowest.z, Self.highest.z))

    let before = arm.aperture
    var target = (1 - action[first + 3].clamped(-1, 1)) / 2
    if arm.reopens { target = 1 }
    arm.aperture += (target - before).clamped(-Self.gripperSpeed, Self.gripperSpeed)
    if let handle = arm.holding, !scene.canHold(handle) { arm.holding = nil }
    if let handle = arm.holding {
      arm.aperture = max(arm.aperture, Self.heldAperture)
      let speed = arm.velocity.length
      scene.carry(handle, to: arm.position, speed: speed, &random)
      let slips = random.chance(scene.slipProbability(handle, speed: speed))
      if slips || arm.aperture > Self.releaseAperture {
        arm.holding = nil
        scene.release(handle, at: arm.position)
      }
    } else if arm.aperture < Self.graspAperture && target < Self.graspAperture {
      let other = arms[side == .left ? .right : .left].holding
      var nearest: (id: Int, distance: Float)?
      for handle in scene.handles where handle.id != other {
        let distance = (handle.position - arm.position).length
        if distance <= handle.tolerance && distance < nearest?.distance ?? .infinity {
          nearest = (handle.id, distance)
        }
      }
      if let nearest {
        arm.holding = nearest.id
        arm.aperture = max(arm.aperture, Self.heldAperture)
        scene.grasp(nearest.id, by: side)
        scene.carry(nearest.id, to: arm.position, speed: 0, &random)
      }
    }
    if arm.holding == nil && arm.aperture < Self.emptyAperture { arm.reopens = true }
    if arm.aperture > Self.openAperture { arm.reopens = false }
    arms[side] = arm
  }

  /// Index into the task's subtasks of what is to be done now.
  public var subtask: Int { scene.subtask }

  /// The task's scored stages and whether each is done; nil for a task that is judged as a whole.
  public var stages: [StageScore]? { scene.stages }

  /// `observation.state`, [proprioceptionWidth].
  public var proprioception: [Float] {
    var values: [Float] = []
    values.reserveCapacity(Self.proprioceptionWidth)
    for side in Side.allCases {
      let arm = arms[side]
      values.append(arm.position.x)
      values.append(arm.position.y)
      values.append(arm.position.z)
      values.append(arm.aperture)
      values.append(arm.holding == nil ? 0 : 1)
    }
    return values
  }

  /// `observation.environment_state`, [environmentStateWidth]: only what a camera could see.
  public var environmentState: [Float] {
    var values: [Float] = []
    values.reserveCapacity(Self.environmentStateWidth)
    let points = scene.points
    precondition(points.count <= Self.pointCount)
    for side in Side.allCases {
      for point in points {
        let offset = point - arms[side].position
        let compressed = offset * (1 / (offset.length + Self.offsetScale))
        values.append(compressed.x)
        values.append(compressed.y)
        values.append(compressed.z)
      }
      values.append(contentsOf: repeatElement(0, count: (Self.pointCount - points.count) * 3))
    }
    let states = scene.visibleStates
    precondition(states.count <= Self.visibleStateCount)
    values.append(contentsOf: states)
    values.append(contentsOf: repeatElement(0, count: Self.visibleStateCount - states.count))
    return values
  }
}

/// One arm: a point with a parallel gripper.
struct Arm: Sendable {
  /// Where the gripper is, in metres.
  var position: Vector3
  /// As a share of the maximum speed.
  var velocity = Vector3.zero
  /// From 0, closed, to 1, open.
  var aperture: Float = 1
  /// The handle it holds.
  var holding: Int?
  /// Whether it has closed on nothing and opens by itself.
  var reopens = false

  /// Whether it is about to set something down: it does not rise.
  var isLanding: Bool { velocity.z < 0.02 }
}
