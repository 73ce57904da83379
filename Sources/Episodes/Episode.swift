/// One attempt at a task, recorded step by step.
///
/// Storage is columnar: row `t` of each column belongs to step `t`, and an observation is the one *before*
/// the action of the same row. Safetensors names follow LeRobot (see `EpisodeFile`).
public struct Episode: Sendable, Equatable {
  /// Who, what, when and how it ended.
  public var metadata: EpisodeMetadata
  /// Steps, T ≥ 1.
  public private(set) var count: Int
  /// [T, proprioceptionWidth]
  public private(set) var proprioception: [Float]
  /// [T, environmentStateWidth]
  public private(set) var environmentState: [Float]
  /// One entry a camera, each [T, height, width, 3]. Those of an episode that was read are parts of its
  /// file: they are by far the most of it, and are not copied.
  public private(set) var images: [ArraySlice<UInt8>]
  /// The actions that were executed, whoever chose them: [T, actionWidth]
  public private(set) var actions: [Float]
  /// Whether a person chose the action: [T]
  public private(set) var interventions: [Bool]
  /// Index into the task's subtasks, or −1 where unknown: [T]
  public private(set) var subtasks: [Int32]
  /// What the policy would have done where a person chose the action: [T, actionWidth], zeros where
  /// that is not known; nil where it is known of no step.
  public private(set) var proposals: Proposals?

  /// A policy's own actions beside a person's.
  public struct Proposals: Sendable, Equatable {
    /// [T, actionWidth]
    public var actions: [Float]
    /// Whether a step has one: [T]
    public var isKnown: [Bool]
  }

  /// An empty recording, to which steps are appended.
  public init(metadata: EpisodeMetadata) {
    self.metadata = metadata
    count = 0
    proprioception = []
    environmentState = []
    images = Array(
      repeating: [], count: metadata.recordsImages ? metadata.embodiment.cameras.count : 0)
    actions = []
    interventions = []
    subtasks = []
  }

  /// An episode from whole columns, as `EpisodeFile` reads them.
  ///
  /// - Throws: `EpisodeError` unless every column has `count` rows of the embodiment's width and holds what
  ///   `append` would have taken.
  init(
    metadata: EpisodeMetadata, count: Int, proprioception: [Float], environmentState: [Float],
    images: [ArraySlice<UInt8>], actions: [Float], interventions: [Bool], subtasks: [Int32],
    proposals: Proposals? = nil
  ) throws {
    let embodiment = metadata.embodiment
    func check(_ column: String, _ values: [Float], _ width: Int) throws {
      guard values.count == count * width else {
        throw EpisodeError.malformed(
          "\(column): expected \(count) steps of \(width) values, got \(values.count) values")
      }
      if let index = values.firstIndex(where: { !$0.isFinite }) {
        throw EpisodeError.notFinite(column: column, step: index / width)
      }
    }
    guard count > 0 else { throw EpisodeError.malformed("it has no steps") }
    try check("observation.state", proprioception, embodiment.proprioceptionWidth)
    try check(
      "observation.environment_state", environmentState,
      metadata.recordsEnvironmentState ? embodiment.environmentStateWidth : 0)
    try check("action", actions, embodiment.actionWidth)
    if let proposals {
      try check("policy_action", proposals.actions, embodiment.actionWidth)
      guard proposals.isKnown.count == count else {
        throw EpisodeError.malformed("its columns differ in length")
      }
    }
    let cameras = metadata.recordsImages ? embodiment.cameras : []
    guard images.map(\.count) == cameras.map({ $0.byteCount * count }),
      interventions.count == count, subtasks.count == count
    else { throw EpisodeError.malformed("its columns differ in length") }
    for subtask in subtasks { try Self.check(subtask: Int(subtask), of: metadata.task) }
    if let step = metadata.decidedAtStep, !(0..<count).contains(step) {
      throw EpisodeError.malformed("decidedAtStep: got \(step), in an episode of \(count) steps")
    }
    if let step = metadata.mistakeAtStep, !(0...(metadata.decidedAtStep ?? -1)).contains(step) {
      let decided = metadata.decidedAtStep.map { "\($0)" } ?? "none"
      throw EpisodeError.malformed("mistakeAtStep: got \(step), where decidedAtStep is \(decided)")
    }
    self.metadata = metadata
    self.count = count
    self.proprioception = proprioception
    self.environmentState = environmentState
    self.images = images
    self.actions = actions
    self.interventions = interventions
    self.subtasks = subtasks
    self.proposals = proposals
  }

  private static func check(subtask: Int, of task: TaskDescription) throws {
    guard (-1..<task.subtasks.count).contains(subtask) else {
      throw EpisodeError.malformed(
        "subtask_index: task '\(task.name)' has \(task.subtasks.count) subtasks, got \(subtask)")
    }
  }

  /// Appends one step.
  ///
  /// - Parameter proposal: What the policy would have done; nil where that is not known, or the action
  ///   is its own.
  /// - Throws: `EpisodeError.width` when a column has not the embodiment's width, `.notFinite` for NaN or ∞,
  ///   `.malformed` for a subtask that the task does not have.
  public mutating func append(
    _ observation: Observation, action: ArraySlice<Float>, intervention: Bool, subtask: Int? = nil,
    proposal: ArraySlice<Float>? = nil
  ) throws {
    let embodiment = metadata.embodiment
    try check("observation.state", observation.proprioception[...], embodiment.proprioceptionWidth)
    if metadata.recordsEnvironmentState {
      try check(
        "observation.environment_state", observation.environmentState[...],
        embodiment.environmentStateWidth)
    }
    try check("action", action, embodiment.actionWidth)
    if let proposal { try check("policy_action", proposal, embodiment.actionWidth) }
    if metadata.recordsImages {
      for (index, camera) in embodiment.cameras.enumerated() {
        let bytes = index < observation.images.count ? observation.images[index].count : 0
        guard bytes == camera.byteCount else {
          throw EpisodeError.width(
            column: "observation.images.\(camera.name)", expected: camera.byteCount, actual: bytes)
        }
      }
    }
    if let subtask { try Self.check(subtask: subtask, of: metadata.task) }
    let width = embodiment.actionWidth
    if proposal != nil, proposals == nil {
      proposals = Proposals(
        actions: [Float](repeating: 0, count: count * width),
        isKnown: [Bool](repeating: false, count: count))
    }
    proposals?.actions += proposal ?? ArraySlice(repeating: 0, count: width)
    proposals?.isKnown.append(proposal != nil)
    count += 1
    proprioception += observation.proprioception
    if metadata.recordsEnvironmentState { environmentState += observation.environmentState }
    for index in images.indices { images[index] += observation.images[index] }
    actions += action
    interventions.append(intervention)
    subtasks.append(Int32(subtask ?? -1))
  }

  private func check(_ column: String, _ values: ArraySlice<Float>, _ width: Int) throws {
    guard values.count == width else {
      throw EpisodeError.width(column: column, expected: width, actual: values.count)
    }
    guard values.allSatisfy(\.isFinite) else {
      throw EpisodeError.notFinite(column: column, step: count)
    }
  }

  /// The observation at step `step`.
  public func observation(at step: Int) -> Observation {
    let embodiment = metadata.embodiment
    let p = embodiment.proprioceptionWidth
    let e = metadata.recordsEnvironmentState ? embodiment.environmentStateWidth : 0
    return Observation(
      proprioception: Array(proprioception[step * p..<(step + 1) * p]),
      environmentState: Array(environmentState[step * e..<(step + 1) * e]),
      images: images.indices.map { camera in
        Array(frame(of: camera, at: step))
      })
  }

  /// What a camera saw at step `step`, [height, width, 3].
  public func frame(of camera: Int, at step: Int) -> ArraySlice<UInt8> {
    let bytes = metadata.embodiment.cameras[camera].byteCount
    let start = images[camera].startIndex + step * bytes
    return images[camera][start..<start + bytes]
  }

  /// The action at step `step`, [actionWidth].
  public func action(at step: Int) -> ArraySlice<Float> {
    let width = metadata.embodiment.actionWidth
    return actions[step * width..<(step + 1) * width]
  }

  /// What the policy would have done at step `step`, [actionWidth]; nil where that is not known.
  public func proposal(at step: Int) -> ArraySlice<Float>? {
    guard let proposals, proposals.isKnown[step] else { return nil }
    let width = metadata.embodiment.actionWidth
    return proposals.actions[step * width..<(step + 1) * width]
  }

  /// The number of steps whose action a person chose.
  public var interventionCount: Int { interventions.count { $0 } }
}

/// What an episode cannot hold.
public enum EpisodeError: Error, Equatable, CustomStringConvertible {
  case width(column: String, expected: Int, actual: Int)
  case notFinite(column: String, step: Int)
  case malformed(String)

  public var description: String {
    switch self {
    case .width(let column, let expected, let actual):
      "\(column): expected \(expected) values per step, got \(actual)"
    case .notFinite(let column, let step):
      "\(column): step \(step) holds a value that is not finite"
    case .malformed(let reason):
      "not an episode: \(reason)"
    }
  }
}
