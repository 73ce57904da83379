import Tensors

/// The noise of one training step's proprioception and environment state.
struct StateNoise: Sendable {
  /// In normalised units, > 0.
  let deviation: Float
  /// Of the step.
  let seed: UInt64

  /// - Returns: nil, with nothing drawn, where the deviation is 0.
  init?(deviation: Float, using random: inout RandomSource) {
    guard deviation > 0 else { return nil }
    self.deviation = deviation
    seed = random.next()
  }
}

extension ObservationBatch {
  /// Adds noise to every sample's numbers, its own whichever slice of a step it is in.
  ///
  /// - Parameters:
  ///   - noise: nil for none.
  ///   - first: The place of the first sample in the whole step.
  mutating func add(_ noise: StateNoise?, first: Int) {
    guard let noise, count > 0 else { return }
    let (width, environmentWidth) = (proprioception.count / count, environmentState.count / count)
    for sample in 0..<count {
      var random = RandomSource(seed: noise.seed &+ UInt64(first + sample))
      for place in sample * width..<(sample + 1) * width {
        proprioception[place] += noise.deviation * random.normal()
      }
      for place in sample * environmentWidth..<(sample + 1) * environmentWidth {
        environmentState[place] += noise.deviation * random.normal()
      }
    }
  }
}
