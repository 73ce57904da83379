import Episodes

/// What a robot's program says while it practises for a run.
enum CollectingMessage: Sendable {
  /// What the robot senses, and wants an action for.
  case observation(SensedObservation)
  /// The episode under way is over: the next observation begins another.
  case reset(verdict: Outcome?)
}

/// An observation with what it says about episodes.
struct SensedObservation: Sendable {
  var observation: Observation
  /// The task that the robot's program says it is at; nil where it does not say.
  var task: TaskDescription?
  /// Whether it is the first of an episode: one that was under way ended before.
  var isFirst = false
  /// How the episode under way ended; nil while it goes on, and where nobody says.
  var verdict: Outcome?
}

/// How messages are understood.
struct CollectingInterpreter: Sendable {
  let serving: ServingInterpreter

  /// - Throws: `ServingError` with what was expected and what came.
  func message(_ bytes: [UInt8]) throws(ServingError) -> CollectingMessage {
    let fields = try ObservationFields(parsing: bytes)
    let isReset = try fields.isReset
    let (success, failure) = (try fields.truth("success"), try fields.truth("failure"))
    if success == true, failure == true {
      throw ServingError("success and failure: expected one of them, both came as true")
    }
    // Programs send "success": false with every step, for "not yet". In a message of its own it is a word
    // about an episode that is over.
    let hasFailed = failure == true || (isReset && success == false)
    let verdict: Outcome? = success == true ? .success : hasFailed ? .failure : nil
    if isReset { return .reset(verdict: verdict) }
    return .observation(
      SensedObservation(
        observation: try serving.mapping.observation(fields), task: try serving.namedTask(fields),
        isFirst: try fields.truth("reset") ?? false, verdict: verdict))
  }
}
