/// What a model's size depends on besides its settings: a robot, and the texts of its tasks.
public struct ReferenceRobot: Codable, Hashable, Sendable {
  /// Cameras, 0 to 4, of `pixels` × `pixels` each.
  public var cameras: Int
  public var pixels: Int
  /// Widths of proprioception, environment state and action.
  public var proprioception: Int
  public var environmentState: Int
  public var action: Int
  /// Token ids of texts and of actions.
  public var textVocabulary: Int
  public var actionVocabulary: Int
  /// Tokens of the instruction, the subtask and the indicator.
  public var taskTokens: Int
  public var subtaskTokens: Int
  public var indicatorTokens: Int

  public init(
    cameras: Int = 2, pixels: Int = 64, proprioception: Int = 16, environmentState: Int = 0,
    action: Int = 8, textVocabulary: Int = 512, actionVocabulary: Int = 512, taskTokens: Int = 8,
    subtaskTokens: Int = 4, indicatorTokens: Int = 2
  ) {
    self.cameras = cameras
    self.pixels = pixels
    self.proprioception = proprioception
    self.environmentState = environmentState
    self.action = action
    self.textVocabulary = textVocabulary
    self.actionVocabulary = actionVocabulary
    self.taskTokens = taskTokens
    self.subtaskTokens = subtaskTokens
    self.indicatorTokens = indicatorTokens
  }

  /// The sizes that a network is made from.
  ///
  /// - Parameters:
  ///   - images: Whether the network reads the cameras.
  ///   - environmentState: Whether it reads the environment state.
  func shape(
    patchSize: Int, vision: VisionSettings?, images: Bool, environmentState readsState: Bool
  ) throws(PolicyError) -> ModelShape {
    let cameras = images ? cameras : 0
    let environmentState = readsState ? environmentState : 0
    let merge = vision?.merge ?? 1
    guard cameras == 0 || pixels.isMultiple(of: patchSize * merge) else {
      throw .settings(
        "patchSize\(vision == nil ? "" : " × vision.merge") is \(patchSize * merge); it must divide "
          + "the cameras' \(pixels) pixels")
    }
    let side = pixels / patchSize
    return ModelShape(
      cameras: cameras, patches: cameras * side * side,
      firstCameraPatches: cameras > 0 ? side * side : 0, patchWidth: patchSize * patchSize * 3,
      patchesPerToken: merge * merge, proprioception: proprioception,
      environmentState: environmentState, action: action, textVocabulary: textVocabulary,
      taskSlots: taskTokens)
  }
}
