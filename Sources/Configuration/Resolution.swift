import Foundation
import Policies

/// Fills in what a valid file leaves out.
enum Resolution {
  /// The whole configuration, ready to be decoded.
  static func resolve(_ file: SettingNode) throws -> SettingNode {
    var root = try merge(file, over: SettingNode(encoding: RunConfiguration.defaults))
    let taskDefaults = try merge(
      file["taskDefaults"] ?? SettingNode(.mapping([:])),
      over: SettingNode(encoding: TaskSettings.defaults))
    root["taskDefaults"] = nil
    if var models = root["models"] {
      try completeOptionals(&models)
      root["models"] = models
    }
    root["tasks"] = map(root["tasks"]) { [merge($0, over: taskDefaults)] }
    let robotDefaults = try SettingNode(encoding: RobotSettings.defaults)
    root["robots"] = map(root["robots"]) { copies(of: merge($0, over: robotDefaults)) }
    senseWhatRobotsReport(&root, file: file)
    return root
  }

  /// A vision tower and co-training are there or not; what is left out of one has defaults.
  static func completeOptionals(_ models: inout SettingNode) throws {
    let vision = try SettingNode(encoding: VisionSettings.defaults)
    let coTraining = try SettingNode(encoding: CoTrainingSettings.defaults)
    for (model, key, defaults) in [
      ("policy", "vision", vision), ("value", "vision", vision),
      ("value", "coTraining", coTraining),
    ] {
      if let given = models[model]?[key], case .mapping = given.content {
        models[model]?[key] = merge(given, over: defaults)
      }
    }
  }

  /// `top` where it says something, `base` elsewhere; lists are replaced as a whole.
  static func merge(_ top: SettingNode, over base: SettingNode) -> SettingNode {
    guard case .mapping(let topEntries) = top.content, case .mapping(let baseEntries) = base.content
    else { return top }
    var result = top
    result.content = .mapping(
      baseEntries.merging(topEntries) { base, top in merge(top, over: base) })
    return result
  }

  /// A robot with `count` as that many robots with numbered names; without it, as it is.
  private static func copies(of robot: SettingNode) -> [SettingNode] {
    var robot = robot
    if robot["observation"]?["cameras"]?.content == .boolean(false) {
      // YAML 1.1 reads a bare `off` as false.
      robot["observation"]?["cameras"]?.content = .text("off")
    }
    guard case .integer(let count) = robot["count"]?.content, let name = robot["name"]?.text else {
      return [robot]
    }
    robot["count"] = nil
    return (1...count).map { number in
      var copy = robot
      copy["name"] = SettingNode(.text("\(name)-\(number)"), origin: robot.origin)
      return copy
    }
  }

  /// A network uses what every robot reports, unless the file decides.
  private static func senseWhatRobotsReport(_ root: inout SettingNode, file: SettingNode) {
    guard case .list(let robots) = root["robots"]?.content else { return }
    let images = robots.allSatisfy { $0["observation"]?["cameras"]?.text != "off" }
    let state = robots.allSatisfy {
      $0["observation"]?["environmentState"]?.content == .boolean(true)
    }
    guard var models = root["models"] else { return }
    use(images: images, environmentState: state, in: &models, given: file["models"])
    root["models"] = models
  }

  /// Says of both models what they read, where `given` does not decide.
  static func use(
    images: Bool, environmentState: Bool, in models: inout SettingNode, given: SettingNode?
  ) {
    for model in ["policy", "value"] {
      for (key, used) in [("usesImages", images), ("usesEnvironmentState", environmentState)]
      where given?[model]?[key] == nil {
        models[model]?[key] = SettingNode(.boolean(used))
      }
    }
  }

  private static func map(
    _ list: SettingNode?, _ transform: (SettingNode) -> [SettingNode]
  ) -> SettingNode? {
    guard var list, case .list(let items) = list.content else { return list }
    list.content = .list(items.flatMap(transform))
    return list
  }
}
