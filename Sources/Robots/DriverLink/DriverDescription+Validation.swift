import Episodes

extension DriverDescription {
  /// Refuses what no robot can be before anything depends on it.
  ///
  /// - Throws: `DriverError.invalidDescription`, naming the field.
  func validate() throws(DriverError) {
    try check(!embodiment.name.isEmpty, "embodiment.name is empty")
    try check(atLeastOne: embodiment.proprioceptionWidth, "embodiment.proprioceptionWidth")
    try check(atLeastOne: embodiment.actionWidth, "embodiment.actionWidth")
    try check(
      embodiment.environmentStateWidth >= 0,
      "embodiment.environmentStateWidth must be 0 or more, is \(embodiment.environmentStateWidth)")
    try check(
      embodiment.controlRate > 0 && embodiment.controlRate.isFinite,
      "embodiment.controlRate must be above 0, is \(embodiment.controlRate)")
    for camera in embodiment.cameras {
      try check(!camera.name.isEmpty, "a camera has no name")
      for side in [camera.width, camera.height] {
        try check(
          (1...Self.longestSide).contains(side),
          "camera '\(camera.name)' has \(camera.width) × \(camera.height) pixels; "
            + "1 to \(Self.longestSide) a side are possible")
      }
    }
    try check(unique: embodiment.cameras.map(\.name), "cameras")
    try check(!tasks.isEmpty, "it offers no tasks")
    try check(unique: tasks.map(\.name), "tasks")
    for task in tasks {
      try check(!task.name.isEmpty, "a task has no name")
      try check(atLeastOne: task.maximumSteps, "tasks: \(task.name): maximumSteps")
    }
  }

  private static let longestSide = 8192

  private func check(_ holds: Bool, _ reason: String) throws(DriverError) {
    guard holds else { throw .invalidDescription(reason) }
  }

  private func check(atLeastOne value: Int, _ field: String) throws(DriverError) {
    try check(value >= 1, "\(field) must be at least 1, is \(value)")
  }

  private func check(unique names: [String], _ what: String) throws(DriverError) {
    try check(Set(names).count == names.count, "two \(what) have the same name: \(names)")
  }
}
