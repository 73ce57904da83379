import Foundation

extension Experiment {
  /// Reads and checks an experiment's file, its base and the configuration of every arm.
  ///
  /// - Parameters:
  ///   - path: The file; its `base` is relative to it.
  ///   - workcellTasks: The tasks that the built-in simulator offers.
  /// - Throws: `ConfigurationError` with everything that is wrong.
  public static func load(file path: String, workcellTasks: [String]) throws -> Experiment {
    try Experiment(
      yaml: SettingNode.text(ofFile: path), source: path,
      directory: (path as NSString).deletingLastPathComponent, workcellTasks: workcellTasks)
  }

  /// Whether a file is an experiment's rather than a run's configuration.
  public static func isOne(file path: String) throws -> Bool {
    isOne(try SettingNode(yaml: SettingNode.text(ofFile: path), source: path))
  }

  static func isOne(_ root: SettingNode) -> Bool {
    root["experiment"] != nil && root["arms"] != nil
  }

  /// Reads and checks YAML text; see `load(file:workcellTasks:)`.
  ///
  /// - Parameters:
  ///   - source: What to call the text in errors.
  ///   - directory: What `base` is relative to.
  public init(
    yaml: String, source: String, directory: String, workcellTasks: [String]
  ) throws {
    let root = try SettingNode(yaml: yaml, source: source)
    if root["experiment"] == nil, root["arms"] == nil, root["robots"] != nil || root["tasks"] != nil
    {
      throw ConfigurationError(
        source: source,
        problems: [
          .init(
            kind: .wrongType, keyPath: "",
            message: "is a run's configuration; expected an experiment. 'recap run' runs it")
        ])
    }
    try ShapeChecker.require(root, Self.shape, source: source)
    let file = ExperimentFile(root)
    name = root["experiment"]?.text ?? ""
    title = root["title"]?.text
    description = root["description"]?.text
    base = Self.path(root["base"]?.text ?? "", from: directory)
    settings = file.shared.map(\.text)
    arms = file.arms.map { Arm(name: $0.name, title: $0.title, settings: $0.settings.map(\.text)) }
    figures = root["figures"].map(Self.items)?.map(Self.figure) ?? []

    var problems = file.reservedSettings
    guard problems.isEmpty else { throw ConfigurationError(source: source, problems: problems) }
    do {
      _ = try SettingNode.text(ofFile: base)
    } catch let error as ConfigurationError {
      let found = error.problems.map {
        ConfigurationError.Problem(
          kind: $0.kind, keyPath: "base", origin: root["base"]?.origin,
          message: "\(base): \($0.message); paths in an experiment are beside its file")
      }
      throw ConfigurationError(source: source, problems: found)
    }
    // What is wrong with the base alone is told as it is told for a run.
    _ = try RunConfiguration.load(file: base, workcellTasks: workcellTasks)
    var configurations: [RunConfiguration] = []
    for (arm, written) in zip(arms, file.arms) {
      do {
        configurations.append(try configuration(of: arm, seed: 1, workcellTasks: workcellTasks))
      } catch let error as ConfigurationError {
        let found = error.problems.map { file.place($0, of: written) }
        problems += found.filter { !problems.contains($0) }
      }
    }
    if problems.isEmpty { problems = figureProblems(configurations, root["figures"]) }
    guard problems.isEmpty else {
      throw ConfigurationError(source: source, problems: problems.sorted())
    }
  }

  /// `path` from the working directory, where it was written in a file of `directory`.
  private static func path(_ path: String, from directory: String) -> String {
    if directory.isEmpty || path.hasPrefix("/") { return path }
    // Standardising keeps a relative path relative, and takes the ".." out where it can.
    var parts = (directory as NSString).pathComponents
    for part in (path as NSString).pathComponents {
      if part == "..", let last = parts.last, last != "..", last != "/", last != "." {
        parts.removeLast()
      } else if part != "." {
        parts.append(part)
      }
    }
    return NSString.path(withComponents: parts)
  }

  fileprivate static func items(_ node: SettingNode) -> [SettingNode] {
    if case .list(let items) = node.content { items } else { [] }
  }

  private static func figure(_ node: SettingNode) -> Figure {
    var iteration: Int?
    if case .integer(let k) = node["iteration"]?.content { iteration = k }
    return Figure(
      title: node["title"]?.text,
      metric: node["metric"]?.text.flatMap { Metric(rawValue: $0) } ?? .throughput,
      over: node["over"]?.text.flatMap { Abscissa(rawValue: $0) } ?? .arms, iteration: iteration,
      task: node["task"]?.text)
  }

  private func figureProblems(
    _ configurations: [RunConfiguration], _ nodes: SettingNode?
  ) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    let tasks = Set(configurations.flatMap { $0.tasks.map(\.name) })
    let iterations = configurations.map(\.schedule.iterations).max() ?? 0
    for (index, (figure, node)) in zip(figures, nodes.map(Self.items) ?? []).enumerated() {
      func note(_ key: String, _ kind: ConfigurationError.Kind, _ message: String) {
        problems.append(
          .init(
            kind: kind, keyPath: "figures.\(index).\(key)",
            origin: node[key]?.origin ?? node.origin, message: message))
      }
      if let task = figure.task, !tasks.contains(task) {
        note(
          "task", .outOfRange,
          "got '\(task)', which no arm practises; \(NearestName.advice(for: task, among: tasks))")
      }
      guard let k = figure.iteration else { continue }
      if figure.over == .iterations {
        note(
          "iteration", .inconsistent,
          "got \(k), but over: iterations draws all of them; leave it out, or give over: arms")
      } else if k > iterations {
        note(
          "iteration", .outOfRange, "got \(k), but no arm has more than \(iterations) iterations")
      }
    }
    return problems
  }
}

/// An experiment's file with the lines of its settings, to say where something is wrong.
private struct ExperimentFile {
  struct Setting {
    var key: String
    /// As `--set` takes it.
    var text: String
    var origin: ConfigurationError.Origin?
  }

  struct Arm {
    var name: String
    var title: String?
    var settings: [Setting]
    var origin: ConfigurationError.Origin?
  }

  let shared: [Setting]
  let arms: [Arm]

  /// - Parameter root: Of the right shape.
  init(_ root: SettingNode) {
    shared = Self.settings(root["set"])
    arms = (root["arms"].map(Experiment.items) ?? []).map { node in
      Arm(
        name: node["name"]?.text ?? "", title: node["title"]?.text,
        settings: Self.settings(node["set"]), origin: node["name"]?.origin ?? node.origin)
    }
  }

  /// The settings of a mapping in the order in which they were written. A mapping inside it says
  /// what it names and leaves the rest.
  private static func settings(_ node: SettingNode?) -> [Setting] {
    var found: [Setting] = []
    func collect(_ node: SettingNode, _ path: String) {
      if case .mapping(let entries) = node.content {
        for (key, value) in entries { collect(value, path.isEmpty ? key : "\(path).\(key)") }
      } else {
        found.append(
          Setting(key: path, text: "\(path)=\(node.override)", origin: node.origin))
      }
    }
    if let node, node.content != .nothing { collect(node, "") }
    func line(_ setting: Setting) -> Int {
      if case .line(let line) = setting.origin { line } else { .max }
    }
    return found.sorted { (line($0), $0.key) < (line($1), $1.key) }
  }

  /// Settings that are not an arm's to make.
  var reservedSettings: [ConfigurationError.Problem] {
    let reasons = [
      "seed": "every arm is run with the same seeds: give --seeds and --first-seed instead",
      "name": "runs are named after the experiment and their arm",
    ]
    let all =
      shared.map { ("set", $0) }
      + arms.flatMap { arm in
        arm.settings.map { ("arms.\(arm.name).set", $0) }
      }
    return all.compactMap { path, setting in
      reasons[setting.key].map { reason in
        ConfigurationError.Problem(
          kind: .inconsistent, keyPath: "\(path).\(setting.key)", origin: setting.origin,
          message: "not a setting of an arm; \(reason)")
      }
    }
  }

  /// A problem of an arm's configuration, as one of this file.
  func place(
    _ problem: ConfigurationError.Problem, of arm: Arm
  ) -> ConfigurationError.Problem {
    func concerns(_ setting: Setting) -> Bool {
      setting.key == problem.keyPath || problem.keyPath.hasPrefix("\(setting.key).")
        || setting.key.hasPrefix("\(problem.keyPath).")
    }
    if let setting = arm.settings.last(where: concerns) {
      return .init(
        kind: problem.kind, keyPath: "arms.\(arm.name).set.\(problem.keyPath)",
        origin: setting.origin, message: problem.message)
    }
    if let setting = shared.last(where: concerns) {
      return .init(
        kind: problem.kind, keyPath: "set.\(problem.keyPath)", origin: setting.origin,
        message: problem.message)
    }
    return .init(
      kind: problem.kind, keyPath: "arms.\(arm.name)", origin: arm.origin,
      message: "\(problem.keyPath): \(problem.message)")
  }
}

extension SettingNode {
  /// The value as it follows `=` in `--set`.
  fileprivate var override: String {
    if case .text(let text) = content, !text.isEmpty,
      (try? SettingNode(yaml: text))?.content == content
    {
      return text
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // JSON is YAML, and every value that YAML can hold here can be written in it.
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
  }
}
