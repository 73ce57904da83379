import Episodes
import RecapAlgorithm

/// What a client's message asks for.
enum ServingRequest: Sendable {
  /// Actions for what the robot senses.
  case infer(Observation, task: TaskDescription, AdvantageIndicator)
  /// A new episode begins: nothing to do here, and the client wants to hear so.
  case reset
}

/// How messages are understood: which columns the policy reads, which tasks it knows, and under which
/// indicator it acts where the client does not say.
public struct ServingInterpreter: Sendable {
  let mapping: ObservationMapping
  /// The tasks that the policy knows; not empty.
  let tasks: [TaskDescription]
  /// For an observation without a prompt; nil where it must have one.
  let defaultTask: TaskDescription?
  let indicator: AdvantageIndicator

  /// - Parameters:
  ///   - tasks: At least one.
  ///   - defaultTask: The name of the one that is meant without a prompt; nil for the only one.
  /// - Throws: `ServingError` for a name that is none of the tasks'.
  public init(
    mapping: ObservationMapping, tasks: [TaskDescription], defaultTask: String?,
    indicator: AdvantageIndicator
  ) throws(ServingError) {
    self.mapping = mapping
    self.tasks = tasks
    self.indicator = indicator
    guard let defaultTask else {
      self.defaultTask = tasks.count == 1 ? tasks[0] : nil
      return
    }
    guard let task = tasks.first(where: { $0.name == defaultTask }) else {
      throw ServingError(
        "the policy does not know the task '\(defaultTask)'; it knows "
          + tasks.map(\.name).joined(separator: ", "))
    }
    self.defaultTask = task
  }

  /// - Throws: `ServingError` with what was expected and what came.
  func request(_ bytes: [UInt8]) throws(ServingError) -> ServingRequest {
    let fields = try ObservationFields(parsing: bytes)
    if try fields.isReset { return .reset }
    return .infer(
      try mapping.observation(fields), task: try task(fields), try indicator(fields))
  }

  private func task(_ fields: ObservationFields) throws(ServingError) -> TaskDescription {
    if let task = try namedTask(fields) ?? defaultTask { return task }
    throw ServingError("prompt: expected \(known), nothing came")
  }

  /// The tasks, for people.
  private var known: String {
    tasks.map { "'\($0.instruction)' (\($0.name))" }.joined(separator: ", ")
  }

  /// The task that the client says it is at; nil where it does not say.
  func namedTask(_ fields: ObservationFields) throws(ServingError) -> TaskDescription? {
    let (given, named) = (try fields.text("prompt"), try fields.text("task"))
    guard let prompt = given ?? named else { return nil }
    if let task = tasks.first(where: { $0.instruction == prompt || $0.name == prompt }) {
      return task
    }
    let plain = Self.plain(prompt)
    if let task = tasks.first(where: { Self.plain($0.instruction) == plain }) { return task }
    throw ServingError("prompt: expected \(known), came '\(prompt.prefix(200))'")
  }

  /// A prompt without what people vary: case, space around it, a full stop.
  private static func plain(_ prompt: String) -> String {
    var words = prompt.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    while words.hasSuffix(".") { words.removeLast() }
    return words
  }

  private func indicator(_ fields: ObservationFields) throws(ServingError) -> AdvantageIndicator {
    guard let text = try fields.text("adv_ind") else { return indicator }
    switch text.lowercased() {
    case "positive": return .positive
    case "negative": return .negative
    case "none", "absent", "": return .absent
    default:
      throw ServingError(
        "adv_ind: expected 'positive', 'negative' or 'none', came '\(text.prefix(100))'")
    }
  }
}
