/// The sizes of everything that a model reads and writes besides its own: what robot, tasks and
/// tokenizers decide.
struct ModelShape: Hashable, Sendable {
  /// Cameras that are read; 0 where images are not used.
  var cameras = 0
  /// M: patches of all cameras together.
  var patches = 0
  /// K: patches of the first camera, which reads the images of image–text pairs.
  var firstCameraPatches = 0
  /// Numbers in one patch: p × p × 3.
  var patchWidth = 0
  /// Patches that become one token: m², 1 without a vision tower.
  var patchesPerToken = 1
  /// P: width of the robot's own state.
  var proprioception: Int
  /// E: width of the environment state; 0 where it is not used.
  var environmentState = 0
  /// A: width of one action.
  var action: Int
  /// Token ids of texts.
  var textVocabulary: Int
  /// The ids that fill places without text, and that begin or stand for a text.
  var pad: Int32 = 0
  var none: Int32 = 1
  /// N, S, I: places of task text, subtask and indicator. S is 0 where no task has subtasks.
  var taskSlots: Int
  var subtaskSlots = 0
  var indicatorSlots = 0
  /// Token ids of actions, and F, their places; of a policy alone.
  var actionVocabulary = 0
  var actionSlots = 0

  /// Tokens of all cameras.
  var imageTokens: Int { patches / patchesPerToken }
  /// Tokens of an observation: images, task text, proprioception, environment state.
  var observationTokens: Int {
    imageTokens + taskSlots + 1 + (environmentState > 0 ? 1 : 0)
  }
}
