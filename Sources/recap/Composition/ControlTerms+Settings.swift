import CollectorRole
import Configuration
import Robots

extension ControlTerms {
  /// What a configuration says of a robot, once the robot is known.
  ///
  /// - Throws: `ControlRefused` where the two do not fit together.
  init(_ settings: RobotSettings, for robot: any Robot) throws(ControlRefused) {
    guard let control = settings.control else {
      self.init()
      return
    }
    let width = robot.embodiment.actionWidth
    for (name, list) in [
      ("actionMinimum", control.actionMinimum), ("actionMaximum", control.actionMaximum),
      ("actionMaximumChange", control.actionMaximumChange),
    ] {
      guard let list, list.count != width else { continue }
      throw ControlRefused(
        description: "robots.\(settings.name).control.\(name) has \(list.count) values, but an "
          + "action of \(robot.embodiment.name) has \(width)")
    }
    if control.watchdogSeconds != nil, !robot.holds {
      throw ControlRefused(
        description: "robots.\(settings.name).control.watchdogSeconds needs a driver that can be "
          + "told to hold, and this one does not say that it can: it should answer driver.describe "
          + "with \"holds\": true (Drivers.md, driver.hold)")
    }
    let overlaps = control.inference == .overlapped
    let isLimited =
      control.actionMinimum != nil || control.actionMaximum != nil
      || control.actionMaximumChange != nil
    self.init(
      overlapsInference: overlaps, crossfadeSteps: overlaps ? control.crossfadeSteps ?? 4 : 0,
      watchdog: control.watchdogSeconds.map { .seconds($0) },
      limits: isLimited
        ? ActionLimits(
          minimum: control.actionMinimum, maximum: control.actionMaximum,
          maximumChange: control.actionMaximumChange) : nil)
  }
}

/// A robot cannot be controlled as its settings say.
struct ControlRefused: Error, CustomStringConvertible {
  var description: String
}
