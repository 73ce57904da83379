import Foundation
import RecapAlgorithm

extension RunConfiguration {
  /// Reads and checks a YAML file.
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
    let yaml: String
    do {
      yaml = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      let here = FileManager.default.currentDirectoryPath
      var isDirectory: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      throw ConfigurationError(
        source: path,
        problems: [
          .init(
            kind: .unreadable, keyPath: "",
            message: isDirectory.boolValue
              ? "is a directory; expected a YAML file"
              : exists
                ? "cannot be read as UTF-8 text" : "there is no such file (looked from \(here))")
        ])
    }
    return try RunConfiguration(
      yaml: yaml, source: path, overrides: overrides, workcellTasks: workcellTasks)
  }

  /// Reads and checks YAML text; see `load(file:overrides:workcellTasks:)`.
  ///
  /// - Parameter source: What to call the text in errors.
  public init(
    yaml: String, source: String = "configuration", overrides: [String] = [],
    workcellTasks: [String]
  ) throws {
    var root: SettingNode
    do {
      root = try SettingNode(yaml: yaml)
    } catch {
      throw ConfigurationError(
        source: source,
        problems: [.init(kind: .unreadable, keyPath: "", message: "not valid YAML: \(error)")])
    }
    if root.content == .nothing { root.content = .mapping([:]) }

    var problems: [ConfigurationError.Problem] = []
    for text in overrides {
      do {
        try Override(text).apply(to: &root)
      } catch let problem as OverrideProblem {
        problems.append(problem.problem)
      }
    }
    var checker = ShapeChecker()
    checker.check(root, against: Self.shape, at: "")
    problems += checker.problems
    guard problems.isEmpty else {
      throw ConfigurationError(source: source, problems: problems.sorted())
    }

    self = try JSONDecoder().decode(
      RunConfiguration.self, from: JSONEncoder().encode(Resolution.resolve(root)))
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

  /// Reads what `resolvedJSON` gave.
  ///
  /// - Throws: `ConfigurationError` when a setting is missing or of another type, as between
  ///   different versions.
  public init(resolvedJSON: String) throws {
    do {
      self = try JSONDecoder().decode(RunConfiguration.self, from: Data(resolvedJSON.utf8))
    } catch {
      throw ConfigurationError(
        source: "stored configuration",
        problems: [Self.problem(from: error)])
    }
  }

  private static func problem(from error: any Error) -> ConfigurationError.Problem {
    func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
      (context.codingPath + (key.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
    }
    return switch error {
    case DecodingError.keyNotFound(let key, let context):
      .init(
        kind: .missingKey, keyPath: path(context, key),
        message: "missing; was this run made by another version?")
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      .init(kind: .wrongType, keyPath: path(context), message: context.debugDescription)
    default:
      .init(kind: .unreadable, keyPath: "", message: "\(error)")
    }
  }
}

extension [ConfigurationError.Problem] {
  /// In the order of the file, then by key.
  fileprivate func sorted() -> Self {
    func line(_ problem: Element) -> Int {
      if case .line(let line) = problem.origin { line } else { .max }
    }
    return sorted { (line($0), $0.keyPath) < (line($1), $1.keyPath) }
  }
}
