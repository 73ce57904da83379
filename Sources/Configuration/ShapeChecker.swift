/// Compares what was written with what may be written, and notes every difference.
struct ShapeChecker {
  private(set) var problems: [ConfigurationError.Problem] = []

  /// Compares a whole file with what may be written in it.
  ///
  /// - Parameter known: Problems that were found before.
  /// - Throws: `ConfigurationError` with these and every difference.
  static func require(
    _ root: SettingNode, _ shape: Shape, source: String,
    known: [ConfigurationError.Problem] = []
  ) throws {
    var checker = ShapeChecker()
    checker.check(root, against: shape, at: "")
    let problems = known + checker.problems
    guard problems.isEmpty else {
      throw ConfigurationError(source: source, problems: problems.sorted())
    }
  }

  mutating func check(_ node: SettingNode, against shape: Shape, at path: String) {
    switch (shape, node.content) {
    case (.boolean, .boolean): break
    case (.integer(let range), .integer(let value)):
      check(Double(value), in: range, node, shape, path)
    case (.integer(let range), .number(let value)) where value.rounded() == value:
      check(value, in: range, node, shape, path)
    case (.number(let range), .integer(let value)):
      check(Double(value), in: range, node, shape, path)
    case (.number(let range), .number(let value)):
      check(value, in: range, node, shape, path)
    case (.cameraSize, .boolean(false)): break
    case (.cameraSize, .text("off")): break
    case (.cameraSize(let range), .integer(let value)):
      check(Double(value), in: range, node, shape, path)
    case (.integerOr(let word, _), .text(let text)) where text == word: break
    case (.integerOr(_, let range), .integer(let value)):
      check(Double(value), in: range, node, shape, path)
    case (.settings, .mapping): break
    case (.labels, .mapping(let entries)):
      for (key, value) in entries where value.text == nil {
        note(
          .wrongType, value, path.isEmpty ? key : "\(path).\(key)",
          "got \(value.description); expected a text: quote it, as in \"true\"")
      }
    case (.text(let rule), .text(let value)):
      if !rule.accepts(value) { note(.outOfRange, node, shape, path) }
    case (.choice(let names), .text(let value)):
      if !names.contains(value) {
        note(
          .outOfRange, node, path, "got '\(value)'; \(NearestName.advice(for: value, among: names))"
        )
      }
    case (.list(let item, let least), .list(let items)):
      if items.count < least { note(.outOfRange, node, shape, path) }
      check(items, against: item, at: path)
    case (.mapping(let fields), .mapping(let entries)):
      check(entries, of: node, against: fields, at: path)
    default:
      note(.wrongType, node, shape, path)
    }
  }

  private mutating func check(
    _ value: Double, in range: Shape.Range, _ node: SettingNode, _ shape: Shape, _ path: String
  ) {
    if !range.contains(value) { note(.outOfRange, node, shape, path) }
  }

  private mutating func check(_ items: [SettingNode], against shape: Shape, at path: String) {
    var seen: Set<String> = []
    for (index, item) in items.enumerated() {
      let itemPath = "\(path).\(item["name"]?.text ?? String(index))"
      check(item, against: shape, at: itemPath)
      guard let name = item["name"]?.text ?? item.text else { continue }
      if !seen.insert(name).inserted {
        note(.duplicate, item, path, "'\(name)' is given twice; names must differ")
      }
    }
  }

  private mutating func check(
    _ entries: [String: SettingNode], of node: SettingNode, against fields: [String: Shape.Field],
    at path: String
  ) {
    func below(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
    // A required key that was written in another way is one mistake, not two.
    var meant: Set<String> = []
    for (key, value) in entries {
      guard let field = fields[key] else {
        if let nearest = NearestName.to(key, among: fields.keys) { meant.insert(nearest) }
        note(
          .unknownKey, value, below(key),
          "unknown key; \(NearestName.advice(for: key, among: fields.keys))")
        continue
      }
      if field.mayBeNothing, value.content == .nothing { continue }
      check(value, against: field.shape, at: below(key))
    }
    for (key, field) in fields
    where field.required && entries[key] == nil && !meant.contains(key) {
      note(
        .missingKey, node, below(key), "missing, but required: give \(field.shape.description)")
    }
  }

  private mutating func note(
    _ kind: ConfigurationError.Kind, _ node: SettingNode, _ shape: Shape, _ path: String
  ) {
    note(kind, node, path, "got \(node.description); expected \(shape.description)")
  }

  private mutating func note(
    _ kind: ConfigurationError.Kind, _ node: SettingNode, _ path: String, _ message: String
  ) {
    problems.append(
      ConfigurationError.Problem(
        kind: kind, keyPath: path, origin: node.origin, message: message))
  }
}
