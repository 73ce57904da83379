/// How a robot is controlled while the policy acts. What is left out is as it always was: the robot waits for the
/// policy, and nobody but the robot limits its actions.
public struct ControlSettings: Codable, Hashable, Sendable {
  /// Whether the policy computes while the robot moves; nil for `sequential`.
  public var inference: InferenceMode?
  /// Steps over which one chunk gives way to the next, ≥ 0; nil for 4. Only where inference overlaps.
  public var crossfadeSteps: Int?
  /// Seconds without a new action of the policy after which the robot is told to hold, ≥ 0; nil for never.
  public var watchdogSeconds: Double?
  /// The least of each number of an action, [A], in the robot's own units; nil for no limit.
  public var actionMinimum: [Float]?
  /// The most of each, [A]; nil for no limit.
  public var actionMaximum: [Float]?
  /// The most that each may change from one control step to the next, [A], above 0; nil for no limit.
  public var actionMaximumChange: [Float]?

  public init(
    inference: InferenceMode? = nil, crossfadeSteps: Int? = nil, watchdogSeconds: Double? = nil,
    actionMinimum: [Float]? = nil, actionMaximum: [Float]? = nil,
    actionMaximumChange: [Float]? = nil
  ) {
    self.inference = inference
    self.crossfadeSteps = crossfadeSteps
    self.watchdogSeconds = watchdogSeconds
    self.actionMinimum = actionMinimum
    self.actionMaximum = actionMaximum
    self.actionMaximumChange = actionMaximumChange
  }
}

/// When the policy computes.
public enum InferenceMode: String, Codable, Hashable, Sendable, CaseIterable {
  /// Between two chunks; the robot waits.
  case sequential
  /// While the robot executes the chunk before.
  case overlapped
}

extension RobotSettings {
  /// Settings of `control` that are valid one by one and wrong together, or wrong for this robot.
  func checkControl(at path: String, _ notes: inout RunConfiguration.Notes) {
    guard let control else { return }
    if control.inference == .overlapped {
      if kind == .workcell {
        notes.add(
          .inconsistent, "\(path).inference",
          "got overlapped, but a workcell's time stands still while the policy computes: there is nothing to overlap; "
            + "leave it out")
      } else if control.watchdogSeconds == nil {
        notes.add(
          .missingKey, "\(path).watchdogSeconds",
          "missing, but required with inference: overlapped: for how long the last action may be repeated when the "
            + "next chunk is late, such as 0.2")
      }
    } else {
      if control.crossfadeSteps != nil {
        notes.add(
          .inconsistent, "\(path).crossfadeSteps",
          "chunks only give way to each other with inference: overlapped; expected that, or nothing here"
        )
      }
      if kind == .workcell, control.watchdogSeconds != nil {
        notes.add(
          .inconsistent, "\(path).watchdogSeconds",
          "a workcell's time stands still while the policy computes; leave it out")
      }
    }
    let lists = [
      ("actionMinimum", control.actionMinimum), ("actionMaximum", control.actionMaximum),
      ("actionMaximumChange", control.actionMaximumChange),
    ].compactMap { name, list in list.map { (name, $0) } }
    for (name, list) in lists.dropFirst() where list.count != lists[0].1.count {
      notes.add(
        .inconsistent, "\(path).\(name)",
        "has \(list.count) values, but \(lists[0].0) has \(lists[0].1.count); expected one for each number of the "
          + "robot's action")
    }
    if let low = control.actionMinimum, let high = control.actionMaximum,
      let wrong = zip(low, high).enumerated().first(where: { $1.0 > $1.1 })
    {
      notes.add(
        .inconsistent, "\(path).actionMaximum",
        "value \(wrong.offset) is \(wrong.element.1), below actionMinimum's \(wrong.element.0)")
    }
  }
}
