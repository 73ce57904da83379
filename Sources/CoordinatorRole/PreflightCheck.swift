import Configuration
import Episodes
import Foundation

/// The check before a robot's first episode: compares what it is with what the run was made for, and says every
/// difference. What would otherwise be found when a network is trained costs all that was recorded until then.
struct PreflightCheck {
  /// The robot's, as its driver describes it.
  let robot: Embodiment
  private(set) var differences: [String] = []

  init(of robot: Embodiment) { self.robot = robot }

  /// Against the embodiment of the run's episodes, or of the robot that came first.
  mutating func compare(with expected: Embodiment) {
    check("embodiment", expected.name, robot.name)
    check(
      "observation.state", width(expected.proprioceptionWidth), width(robot.proprioceptionWidth))
    check(
      "observation.environment_state", width(expected.environmentStateWidth),
      width(robot.environmentStateWidth))
    check("action", width(expected.actionWidth), width(robot.actionWidth))
    check("control rate", rate(expected.controlRate), rate(robot.controlRate))
    for camera in expected.cameras {
      let own = robot.cameras.first { $0.name == camera.name }
      check("camera '\(camera.name)'", size(camera), own.map(size) ?? "none")
    }
    for camera in robot.cameras where !expected.cameras.contains(where: { $0.name == camera.name })
    {
      check("camera '\(camera.name)'", "none", size(camera))
    }
    let (order, own) = (expected.cameras.map(\.name), robot.cameras.map(\.name))
    if order != own, Set(order) == Set(own) {
      check("order of cameras", order.joined(separator: ", "), own.joined(separator: ", "))
    }
  }

  /// Against what the configuration says that the robot senses, under `key`.
  mutating func compare(with settings: ObservationSettings, key: String) {
    if settings.environmentState, robot.environmentStateWidth == 0 {
      differences.append(
        "\(key).environmentState is true, but the embodiment '\(robot.name)' reports no environment "
          + "state; set it to false, or have the robot report one")
    }
    guard let side = settings.cameras.pixels else { return }
    if robot.cameras.isEmpty {
      differences.append(
        "\(key).cameras is \(side), but the embodiment '\(robot.name)' reports no cameras; set it to "
          + "off, or have the robot report some")
    }
    for camera in robot.cameras where camera.width != side || camera.height != side {
      differences.append(
        "\(key).cameras is \(side), but camera '\(camera.name)' has \(size(camera)); set it to the "
          + "camera's size, or have the robot send frames of \(side) × \(side)")
    }
  }

  /// Against the coordinator's clock.
  ///
  /// - Parameters:
  ///   - time: What the robot's machine takes for the time; nil where it does not say.
  ///   - now: What the coordinator does.
  mutating func compare(time: Date?, now: Date) {
    guard let time else { return }
    let seconds = time.timeIntervalSince(now)
    guard abs(seconds) > Self.toleratedSeconds else { return }
    differences.append(
      "clock: the robot's machine is \(Int(abs(seconds).rounded())) s \(seconds > 0 ? "ahead of" : "behind") "
        + "the coordinator's (at most \(Int(Self.toleratedSeconds)) s are allowed): set its clock, with NTP "
        + "for example")
  }

  /// Messages take their time, and clocks differ; what is measured in minutes is set wrong.
  static let toleratedSeconds = 60.0

  private mutating func check(_ what: String, _ expected: String, _ own: String) {
    if expected != own { differences.append("\(what): expected \(expected), the robot has \(own)") }
  }

  private func width(_ count: Int) -> String {
    count == 0 ? "none" : count == 1 ? "1 value" : "\(count) values"
  }
  private func rate(_ rate: Double) -> String { "\(rate) Hz" }
  private func size(_ camera: Camera) -> String { "\(camera.width) × \(camera.height) pixels" }
}
