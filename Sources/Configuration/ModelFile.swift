import Foundation
import Policies

/// A file of `Configs/models`: the sizes of a policy and a value function that belong together, for
/// runs to start from (`models.from`), and the robot that they are described for.
public struct ModelFile: Codable, Sendable {
  public var policy: PolicySettings
  public var value: ValueSettings
  /// The robot for which `recap model describe` counts parameters and operations.
  public var reference: ReferenceRobot

  /// Reads and checks a file.
  ///
  /// - Parameter overrides: Settings that replace the file's, as "key.path=value".
  /// - Throws: `ConfigurationError` with everything that is wrong.
  public static func load(file path: String, overrides: [String] = []) throws -> ModelFile {
    let root = try checkedRoot(file: path, overrides: overrides)
    let defaults = try SettingNode(
      encoding: ModelFile(
        policy: RunConfiguration.defaults.models.policy,
        value: RunConfiguration.defaults.models.value, reference: ReferenceRobot()))
    var models = Resolution.merge(root, over: defaults)
    try Resolution.completeOptionals(&models)
    let reference = models["reference"]
    Resolution.use(
      images: reference?["cameras"]?.content != .integer(0),
      environmentState: reference?["environmentState"]?.content != .integer(0), in: &models,
      given: root)
    return try JSONDecoder().decode(ModelFile.self, from: JSONEncoder().encode(models))
  }

  /// Puts the models of the file that `models.from` names below a run's own settings.
  ///
  /// - Parameters:
  ///   - root: The run's file.
  ///   - source: What the run's file is called.
  ///   - directory: Where the file of models is looked for.
  static func insert(into root: inout SettingNode, source: String, directory: String) throws {
    guard let file = root["models"]?["from"] else { return }
    root["models"]?["from"] = nil
    if file.content == .nothing { return }
    guard let name = file.text else {
      throw ConfigurationError(
        source: source,
        problems: [
          .init(
            kind: .wrongType, keyPath: "models.from", origin: file.origin,
            message: "got \(file.description); expected a file, such as models/tiny.yaml")
        ])
    }
    let path = name.hasPrefix("/") ? name : (directory as NSString).appendingPathComponent(name)
    var models = try checkedRoot(file: path)
    models["reference"] = nil
    root["models"] = Resolution.merge(root["models"] ?? models, over: models)
  }

  private static func checkedRoot(
    file path: String, overrides: [String] = []
  ) throws -> SettingNode {
    var root = try SettingNode(yaml: SettingNode.text(ofFile: path), source: path)
    if root["tasks"] != nil || root["models"] != nil {
      throw ConfigurationError(
        source: path,
        problems: [
          .init(
            kind: .unknownKey, keyPath: root["tasks"] != nil ? "tasks" : "models",
            message: "this is a run's configuration, whose models are below 'models'; expected a "
              + "file of models, with policy, value and reference, such as "
              + "Configs/models/tiny.yaml")
        ])
    }
    let problems = root.apply(overrides)
    try ShapeChecker.require(
      root, RunConfiguration.modelFileShape, source: path, known: problems)
    return root
  }
}
