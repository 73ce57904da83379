extension SettingNode {
  /// Replaces settings, each as "key.path=value".
  ///
  /// - Returns: What could not be replaced, and why.
  mutating func apply(_ overrides: [String]) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    for text in overrides {
      do {
        try Override(text).apply(to: &self)
      } catch let problem as OverrideProblem {
        problems.append(problem.problem)
      } catch {
        problems.append(.init(kind: .unreadable, keyPath: text, message: "\(error)"))
      }
    }
    return problems
  }
}

/// One `--set key.path=value`.
struct Override {
  var path: [String]
  var value: SettingNode

  /// - Parameter text: "key.path=value", where the value is YAML.
  init(_ text: String) throws {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw OverrideProblem(
        .unreadable, path: text, "expected key.path=value, such as schedule.iterations=3")
    }
    path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let yaml = String(text[text.index(after: equals)...])
    do {
      value = try SettingNode(yaml: yaml, origin: .override)
    } catch {
      throw OverrideProblem(
        .unreadable, path: path.joined(separator: "."), "'\(yaml)' is not a YAML value")
    }
  }

  /// Puts the value in its place. Whether the key exists and the value is valid is checked with the
  /// file's own.
  func apply(to root: inout SettingNode) throws {
    try set(in: &root, path[...])
  }

  private func set(in node: inout SettingNode, _ rest: ArraySlice<String>) throws {
    guard let key = rest.first else {
      node = value
      return
    }
    switch node.content {
    case .mapping(var entries):
      var entry = entries[key] ?? SettingNode(.nothing, origin: .override)
      try set(in: &entry, rest.dropFirst())
      entries[key] = entry
      node.content = .mapping(entries)
    case .list(var items):
      let names = items.enumerated().map { $1["name"]?.text ?? String($0) }
      guard
        let index = names.firstIndex(of: key)
          ?? Int(key).flatMap({ items.indices.contains($0) ? $0 : nil })
      else {
        throw OverrideProblem(
          .unknownKey, path: path.joined(separator: "."),
          "there is no entry '\(key)'; \(NearestName.advice(for: key, among: names))")
      }
      try set(in: &items[index], rest.dropFirst())
      node.content = .list(items)
    case .nothing:
      node.content = .mapping([:])
      try set(in: &node, rest)
    default:
      throw OverrideProblem(
        .wrongType, path: path.joined(separator: "."),
        "cannot set '\(key)' inside \(node.description)")
    }
  }
}

/// Why an override cannot be applied.
struct OverrideProblem: Error {
  var problem: ConfigurationError.Problem

  init(_ kind: ConfigurationError.Kind, path: String, _ message: String) {
    problem = .init(kind: kind, keyPath: path, origin: .override, message: message)
  }
}
