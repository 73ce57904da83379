import Episodes

extension ActionChunk {
  /// A chunk of one action.
  init(action: [Float]) { self.init(values: action, width: action.count) }

  /// What is left without the first `count` actions, at most all of them.
  func dropping(_ count: Int) -> ActionChunk {
    ActionChunk(values: Array(values[(count * width)...]), width: width)
  }

  /// This chunk, with a linear change-over from another at its beginning.
  ///
  /// Of n steps, step i = 1…n has the share i / (n + 1) of this chunk, so that step n + 1 is the first that is this
  /// chunk's alone.
  ///
  /// - Parameters:
  ///   - steps: n ≥ 0.
  ///   - action: The other's action for step i − 1, [width].
  func blended(over steps: Int, from action: (Int) -> [Float]) -> ActionChunk {
    var blended = self
    for step in 0..<min(steps, count) {
      let share = Float(step + 1) / Float(steps + 1)
      for (number, old) in action(step).enumerated() {
        let place = step * width + number
        blended.values[place] = old + (values[place] - old) * share
      }
    }
    return blended
  }
}
