import Episodes

/// What a robot's actions may be, number by number, in the robot's own units.
public struct ActionLimits: Sendable, Equatable {
  /// [A]; nil for no limit.
  public var minimum: [Float]?
  /// [A], nowhere below `minimum`; nil for no limit.
  public var maximum: [Float]?
  /// [A], above 0: the most that each number may change from one control step to the next; nil for no limit.
  public var maximumChange: [Float]?

  public init(minimum: [Float]? = nil, maximum: [Float]? = nil, maximumChange: [Float]? = nil) {
    self.minimum = minimum
    self.maximum = maximum
    self.maximumChange = maximumChange
  }

  /// The nearest chunk within the limits, from its first action to its last.
  ///
  /// Where both cannot be kept, since the robot was beyond its range before, the range counts.
  ///
  /// - Parameters:
  ///   - chunk: [n, A]
  ///   - previous: The action executed last, [A]; nil at an episode's first step, whose change has no limit.
  /// - Returns: The chunk, and which of its actions are others than before.
  func applied(
    to chunk: ActionChunk, after previous: [Float]?
  ) -> (chunk: ActionChunk, changed: [Bool]) {
    var limited = chunk
    var changed = [Bool](repeating: false, count: chunk.count)
    for step in 0..<chunk.count {
      for number in 0..<chunk.width {
        let place = step * chunk.width + number
        let asked = chunk.values[place]
        var value = asked
        if let change = maximumChange?[number],
          let before = step > 0 ? limited.values[place - chunk.width] : previous?[number]
        {
          value = min(max(value, before - change), before + change)
        }
        if let least = minimum?[number] { value = max(value, least) }
        if let most = maximum?[number] { value = min(value, most) }
        if value != asked {
          limited.values[place] = value
          changed[step] = true
        }
      }
    }
    return (limited, changed)
  }
}
