/// What a robot senses at one moment.
public struct Observation: Sendable, Equatable {
  /// `observation.state`, [proprioceptionWidth], in the robot's own units.
  public var proprioception: [Float]
  /// `observation.environment_state`, [environmentStateWidth]; empty when the robot does not report it.
  public var environmentState: [Float]
  /// Frames in the embodiment's camera order, each [height × width × 3] bytes; empty when cameras are off.
  public var images: [[UInt8]]

  public init(
    proprioception: [Float], environmentState: [Float] = [], images: [[UInt8]] = []
  ) {
    self.proprioception = proprioception
    self.environmentState = environmentState
    self.images = images
  }
}

/// A stretch of consecutive actions that a policy asks a robot to execute.
public struct ActionChunk: Sendable, Equatable {
  /// Row-major [count, width], in the robot's own units.
  public var values: [Float]
  /// Width of one action.
  public var width: Int

  public init(values: [Float], width: Int) {
    precondition(
      width > 0 && values.count % width == 0,
      "an action chunk of width \(width) cannot hold \(values.count) values")
    self.values = values
    self.width = width
  }

  /// The number of actions.
  public var count: Int { values.count / width }

  /// Action `index`, [width].
  public subscript(index: Int) -> ArraySlice<Float> {
    values[index * width..<(index + 1) * width]
  }
}
