/// One robot of a run.
///
/// In a file, `count: 3` beside `name: cell` stands for three robots, `cell-1` to `cell-3`.
public struct RobotSettings: Codable, Hashable, Sendable {
  /// Unique within the run. Required.
  public var name: String
  /// What stands behind it. Required.
  public var kind: RobotKind
  /// The tasks of the run that it practises; nil for all that it offers.
  public var tasks: [String]?
  /// What it reports.
  public var observation: ObservationSettings
  /// How to reach the driver. Required for, and only for, `kind: driver`.
  public var driver: DriverSettings?
  /// How it is controlled while the policy acts; nil for as ever.
  public var control: ControlSettings?

  /// A robot that no configuration describes: whatever answers at `endpoint`.
  public static func driver(
    named name: String, at endpoint: String, control: ControlSettings? = nil
  ) -> RobotSettings {
    RobotSettings(
      name: name, kind: .driver, tasks: nil,
      observation: ObservationSettings(cameras: .off, environmentState: true),
      driver: DriverSettings(endpoint: endpoint, command: nil), control: control)
  }
}

/// What stands behind a robot's name.
public enum RobotKind: String, Codable, Hashable, Sendable, CaseIterable {
  /// The built-in simulator, in the collector's own process.
  case workcell
  /// A process in any language that speaks the driver link.
  case driver
}

/// What a robot reports besides proprioception.
public struct ObservationSettings: Codable, Hashable, Sendable {
  /// `off`, or the side of the square camera frames in pixels.
  public var cameras: CameraSize
  /// Whether object poses are reported as `observation.environment_state`.
  public var environmentState: Bool

  /// Proprioception alone.
  static let nothing = ObservationSettings(cameras: .off, environmentState: false)
}

/// The side of square camera frames, or no cameras at all. Written as a number of pixels, or as
/// `off`.
public enum CameraSize: Codable, Hashable, Sendable {
  case off
  case pixels(Int)

  /// Pixels, or nil where cameras are off.
  public var pixels: Int? {
    if case .pixels(let side) = self { side } else { nil }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    self = if let side = try? container.decode(Int.self) { .pixels(side) } else { .off }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .off: try container.encode("off")
    case .pixels(let side): try container.encode(side)
    }
  }
}

/// How a collector reaches its robot's driver.
public struct DriverSettings: Codable, Hashable, Sendable {
  /// Where the link is, such as `tcp://127.0.0.1:7801`; nil to let `recap` choose a local socket,
  /// which needs `command`.
  public var endpoint: String?
  /// The command that starts the driver, or nil when somebody else does. Words may hold
  /// `{endpoint}`, `{name}`, `{seed}` and `{tasks}`; `{tasks}` is a comma-separated list.
  public var command: [String]?

  /// The words that `command` may hold in braces.
  public static let placeholders = ["endpoint", "name", "seed", "tasks"]

  /// The command with its placeholders filled in; nil without a command.
  public func commandLine(
    endpoint: String, robot: String, tasks: [String], seed: UInt64
  ) -> [String]? {
    let values = [
      "endpoint": endpoint, "name": robot, "seed": String(seed),
      "tasks": tasks.joined(separator: ","),
    ]
    return command?.map { word in
      values.reduce(word) { $0.replacing("{\($1.key)}", with: $1.value) }
    }
  }
}
