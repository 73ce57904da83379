import Episodes

// What a robot tells of its workcell, whoever moves the arms.

extension Workcell {
  /// What is sensed now.
  ///
  /// - Parameters:
  ///   - environmentState: Whether that holds object positions and gauges.
  ///   - imageSide: The side of every camera's square image, pixels; nil for none.
  public func observation(environmentState: Bool, imageSide: Int?) -> Observation {
    Observation(
      proprioception: proprioception,
      environmentState: environmentState ? self.environmentState : [],
      images: imageSide.map { side in
        WorkcellCamera.allCases.map { image($0, side: side) }
      } ?? [])
  }
}

extension RobotTurn {
  /// Says how the episode ended, where it is over.
  public mutating func conclude(_ cell: Workcell) {
    guard let ending = cell.ending else { return }
    outcome = ending.outcome
    reason = ending.reason
    decidedAtStep = cell.decidedAtStep
    mistakeAtStep = cell.mistakeAtStep
    stages = cell.stages
  }
}
