import Foundation
import RecapAlgorithm

extension RunConfiguration {
  /// Reads and checks a YAML file. A folder of images in it is relative to the working directory.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - overrides: Settings that replace the file's, as "key.path=value" with a YAML value; an
  ///     entry of `tasks` or `robots` is named, as in "tasks.espresso.demonstrations=50".
  ///   - workcellTasks: The tasks that the built-in simulator offers.
  /// - Throws: `ConfigurationError` with everything that is wrong.
  public static func load(
    file path: String, overrides: [String] = [], workcellTasks: [String]
  ) throws -> RunConfiguration {
    let yaml = try SettingNode.text(ofFile: path)
    return try RunConfiguration(
      yaml: yaml, source: path, directory: (path as NSString).deletingLastPathComponent,
      overrides: overrides, workcellTasks: workcellTasks)
  }

  /// Reads and checks YAML text; see `load(file:overrides:workcellTasks:)`.
  ///
  /// - Parameters:
  ///   - source: What to call the text in errors.
  ///   - directory: Where `models.from` is looked for.
  public init(
    yaml: String, source: String = "configuration", directory: String = "",
    overrides: [String] = [], workcellTasks: [String]
  ) throws {
    var root = try SettingNode(yaml: yaml, source: source)
    if Experiment.isOne(root) {
      throw ConfigurationError(
        source: source,
        problems: [
          .init(
            kind: .wrongType, keyPath: "",
            message: "is an experiment; expected a run's configuration. 'recap experiment' runs it")
        ])
    }

    var problems = root.apply(overrides)
    if problems.isEmpty {
      try ModelFile.insert(into: &root, source: source, directory: directory)
    }
    try ShapeChecker.require(root, Self.shape, source: source, known: problems)

    self = try Self.decoded(root)
    locateImageTextPairs()
    problems = inconsistencies(workcellTasks: workcellTasks)
    guard problems.isEmpty else { throw ConfigurationError(source: source, problems: problems) }
  }

  /// The whole configuration as JSON with sorted keys: stored with the run and given to every
  /// worker.
  public var resolvedJSON: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// Reads what `resolvedJSON` gave. A run of an earlier version knows fewer settings; those that it
  /// lacks have their defaults, which is what it ran with.
  ///
  /// - Throws: `ConfigurationError` for a setting that this version does not know or accept.
  public init(resolvedJSON: String) throws {
    let source = "stored configuration (of another version of recap?)"
    var root = try SettingNode(yaml: resolvedJSON, source: source)
    if root["schedule"]?["episodesPerLabelJob"] == nil {
      // An earlier version labelled every dataset in one job, and this decides the run's jobs.
      root["schedule"]?["episodesPerLabelJob"] = SettingNode(.nothing)
    }
    try ShapeChecker.require(root, Self.shape, source: source)
    self = try Self.decoded(root)
  }

  private static func decoded(_ root: SettingNode) throws -> RunConfiguration {
    try JSONDecoder().decode(
      RunConfiguration.self, from: JSONEncoder().encode(Resolution.resolve(root)))
  }
}
