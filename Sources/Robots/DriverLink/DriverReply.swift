import Episodes
import Messaging

/// Reads a driver's reply: checks every width and number against what the driver described.
struct DriverReply {
  let embodiment: Embodiment
  let task: TaskDescription
  let supervision: Supervision

  /// - Parameters:
  ///   - reply: The reply to `driver.begin` or `driver.execute`.
  ///   - steps: The largest number of steps that were asked for; 0 for `driver.begin`.
  /// - Throws: `DriverError.invalidReply`, naming the frame or field.
  func turn(_ reply: Envelope<DriverTurn>, atMost steps: Int) throws(DriverError) -> RobotTurn {
    do {
      return try read(reply, atMost: steps)
    } catch let error as DriverError {
      throw error
    } catch {
      throw .invalidReply(String(describing: error))
    }
  }

  private func read(_ reply: Envelope<DriverTurn>, atMost steps: Int) throws -> RobotTurn {
    let count = reply.body.steps
    guard (0...steps).contains(count) else {
      throw DriverError.invalidReply("steps: expected 0 to \(steps), got \(count)")
    }
    if supervision == .none, reply.body.personInControl {
      throw DriverError.invalidReply("personInControl, in an episode where nobody may take over")
    }
    guard let now = try observations(in: reply, prefix: "next.", leading: []).first else {
      throw DriverError.invalidReply("no observation")
    }
    return RobotTurn(
      steps: count == 0 ? [] : try self.steps(in: reply, count: count), observation: now,
      outcome: reply.body.outcome,
      reason: reply.body.outcome == nil ? nil : reply.body.reason.flatMap(Self.line),
      stages: reply.body.outcome == nil ? nil : Self.stages(reply.body.criteria ?? [:]),
      personInControl: reply.body.personInControl)
  }

  /// The most code points of a reason that are kept.
  static let longestReason = 200

  /// A reason as one line: white space and control characters become single spaces, and what is too
  /// long is cut, since nobody wants to lose an episode over its description. nil if nothing is left.
  static func line(_ reason: String) -> String? {
    let words = reason.unicodeScalars.split {
      $0.properties.isWhitespace || $0.properties.generalCategory == .control
    }
    let line = words.map { String($0) }.joined(separator: " ")
    return line.isEmpty ? nil : String(line.unicodeScalars.prefix(longestReason))
  }

  /// Criteria as the stages of an episode, by name; nil where there are none.
  private static func stages(_ criteria: [String: Bool]) -> [StageScore]? {
    let named = criteria.compactMap { name, passed in
      line(name).map { StageScore(name: $0, isDone: passed) }
    }
    return named.isEmpty ? nil : named.sorted { $0.name < $1.name }
  }

  private func steps(in reply: Envelope<DriverTurn>, count: Int) throws -> [RobotStep] {
    let observations = try observations(in: reply, prefix: "", leading: [count])
    let actions = try floats("action", in: reply, shape: [count, embodiment.actionWidth])
    let interventions = try reply.frame("intervention").bools(shape: [count])
    let subtasks = try subtasks(in: reply, count: count)
    switch supervision {
    case .demonstration where interventions.contains(false):
      throw DriverError.invalidReply("intervention: a step of a demonstration is not the person's")
    case .none where interventions.contains(true):
      throw DriverError.invalidReply("intervention: a person acted where nobody may take over")
    default: break
    }
    return (0..<count).map { index in
      RobotStep(
        observation: observations[index], action: actions[index],
        intervention: interventions[index], subtask: subtasks[index])
    }
  }

  /// - Parameter leading: `[n]` for a stack of n observations, empty for a single one.
  private func observations(
    in reply: Envelope<DriverTurn>, prefix: String, leading: [Int]
  ) throws -> [Observation] {
    let count = leading.first ?? 1
    let proprioception = try floats(
      "\(prefix)observation.state", in: reply,
      shape: leading + [embodiment.proprioceptionWidth])
    var environmentState = [[Float]](repeating: [], count: count)
    if embodiment.environmentStateWidth > 0 {
      environmentState = try floats(
        "\(prefix)observation.environment_state", in: reply,
        shape: leading + [embodiment.environmentStateWidth])
    }
    let images = try embodiment.cameras.map { camera in
      let bytes = try reply.frame("\(prefix)observation.images.\(camera.name)")
        .bytes(shape: leading + [camera.height, camera.width, 3])
      return rows(of: bytes, width: camera.byteCount)
    }
    return (0..<count).map { index in
      Observation(
        proprioception: proprioception[index], environmentState: environmentState[index],
        images: images.map { $0[index] })
    }
  }

  /// An F32 frame's rows along its last axis.
  private func floats(
    _ name: String, in reply: Envelope<DriverTurn>, shape: [Int]
  ) throws -> [[Float]] {
    let values = try reply.frame(name).floats(shape: shape)
    let width = shape[shape.count - 1]
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw DriverError.invalidReply(
        "\(name): value \(bad % width) of row \(bad / width) is \(values[bad])")
    }
    return rows(of: values, width: width)
  }

  private func rows<Element>(of values: [Element], width: Int) -> [[Element]] {
    stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
  }

  /// −1 in the frame, or no frame at all, means unknown.
  private func subtasks(in reply: Envelope<DriverTurn>, count: Int) throws -> [Int?] {
    let name = "subtask_index"
    guard reply.frames.contains(where: { $0.description.name == name }) else {
      return Array(repeating: nil, count: count)
    }
    let indices = try reply.frame(name).int32s(shape: [count])
    return try indices.map { index in
      if index == -1 { return nil }
      guard task.subtasks.indices.contains(Int(index)) else {
        throw DriverError.invalidReply(
          "\(name): \(index); '\(task.name)' has \(task.subtasks.count) subtasks")
      }
      return Int(index)
    }
  }
}
