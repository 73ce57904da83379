import Foundation
import Yams

/// A value as it was written, before it is known to be valid.
struct SettingNode: Equatable, Sendable {
  indirect enum Content: Equatable, Sendable {
    case nothing
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([SettingNode])
    case mapping([String: SettingNode])
  }

  var content: Content
  var origin: ConfigurationError.Origin?

  init(_ content: Content, origin: ConfigurationError.Origin? = nil) {
    self.content = content
    self.origin = origin
  }

  /// A mapping's entry; nil for other values.
  subscript(key: String) -> SettingNode? {
    get {
      guard case .mapping(let entries) = content else { return nil }
      return entries[key]
    }
    set {
      guard case .mapping(var entries) = content else { return }
      entries[key] = newValue
      content = .mapping(entries)
    }
  }

  /// A list's item; nil for other values.
  subscript(index: Int) -> SettingNode? {
    guard case .list(let items) = content, items.indices.contains(index) else { return nil }
    return items[index]
  }

  var text: String? {
    if case .text(let text) = content { text } else { nil }
  }

  /// The value for error messages.
  var description: String {
    switch content {
    case .nothing: "nothing"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .text(let value): "the text '\(value)'"
    case .list(let values): values.isEmpty ? "an empty list" : "a list of \(values.count)"
    case .mapping(let values):
      values.isEmpty
        ? "an empty mapping" : "a mapping with \(values.keys.sorted().joined(separator: ", "))"
    }
  }
}

// MARK: - YAML

extension SettingNode {
  /// Reads YAML, of which JSON is a part.
  ///
  /// - Throws: `YamlError` with the line and the parser's words, also for a key that is given
  ///   twice.
  init(yaml: String, origin: ConfigurationError.Origin? = nil) throws {
    guard let root = try Yams.compose(yaml: yaml) else {
      self.init(.nothing, origin: origin)
      return
    }
    self.init(root, origin: origin)
  }

  /// Reads a whole file's YAML, which is a mapping.
  ///
  /// - Parameter source: What to call the text in errors.
  /// - Throws: `ConfigurationError`.
  init(yaml: String, source: String) throws {
    do {
      try self.init(yaml: yaml)
    } catch {
      throw ConfigurationError(
        source: source,
        problems: [.init(kind: .unreadable, keyPath: "", message: "not valid YAML: \(error)")])
    }
    if content == .nothing { content = .mapping([:]) }
  }

  /// A file's text.
  ///
  /// - Throws: `ConfigurationError` that says why it cannot be read.
  static func text(ofFile path: String) throws -> String {
    do {
      return try String(contentsOfFile: path, encoding: .utf8)
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
  }

  /// Settings as they would be written.
  init(encoding settings: some Encodable) throws {
    self = try JSONDecoder().decode(SettingNode.self, from: JSONEncoder().encode(settings))
  }

  private init(_ node: Node, origin: ConfigurationError.Origin?) {
    let here = origin ?? node.mark.map { .line($0.line) }
    switch node {
    case .mapping(let mapping):
      let entries = mapping.map { key, value in
        var value = SettingNode(value, origin: origin)
        // A block's mark is its first line; the key's own line is where a person looks.
        value.origin = origin ?? key.mark.map { .line($0.line) } ?? value.origin
        return (key.string ?? "?", value)
      }
      self.init(.mapping(Dictionary(entries) { first, _ in first }), origin: here)
    case .sequence(let items):
      self.init(.list(items.map { SettingNode($0, origin: origin) }), origin: here)
    case .scalar, .alias:
      self.init(Self.scalar(node), origin: here)
    }
  }

  private static func scalar(_ node: Node) -> Content {
    switch node.tag.description {
    // In YAML 1.1 "2:00:00" is the number 7200, to base 60. Nobody means that.
    case Tag.Name.int.rawValue where node.string?.contains(":") == true,
      Tag.Name.float.rawValue where node.string?.contains(":") == true:
      .text(node.string ?? "")
    case Tag.Name.null.rawValue: .nothing
    case Tag.Name.bool.rawValue: node.bool.map(Content.boolean) ?? .text(node.string ?? "")
    case Tag.Name.int.rawValue: node.int.map(Content.integer) ?? .text(node.string ?? "")
    case Tag.Name.float.rawValue: node.float.map(Content.number) ?? .text(node.string ?? "")
    default: .text(node.string ?? "")
    }
  }
}

// MARK: - JSON, and the way to and from typed settings

extension SettingNode: Codable {
  init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: SettingKey.self) {
      var entries: [String: SettingNode] = [:]
      for key in container.allKeys {
        entries[key.stringValue] = try container.decode(SettingNode.self, forKey: key)
      }
      self.init(.mapping(entries))
      return
    }
    if var container = try? decoder.unkeyedContainer() {
      var items: [SettingNode] = []
      while !container.isAtEnd { items.append(try container.decode(SettingNode.self)) }
      self.init(.list(items))
      return
    }
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self.init(.nothing)
    } else if let value = try? container.decode(Bool.self) {
      self.init(.boolean(value))
    } else if let value = try? container.decode(Int.self) {
      self.init(.integer(value))
    } else if let value = try? container.decode(Double.self) {
      self.init(.number(value))
    } else {
      self.init(.text(try container.decode(String.self)))
    }
  }

  func encode(to encoder: any Encoder) throws {
    switch content {
    case .list(let items):
      var container = encoder.unkeyedContainer()
      for item in items { try container.encode(item) }
    case .mapping(let entries):
      var container = encoder.container(keyedBy: SettingKey.self)
      for (key, value) in entries {
        try container.encode(value, forKey: SettingKey(stringValue: key))
      }
    case .nothing, .boolean, .integer, .number, .text:
      var container = encoder.singleValueContainer()
      switch content {
      case .boolean(let value): try container.encode(value)
      case .integer(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      case .text(let value): try container.encode(value)
      default: try container.encodeNil()
      }
    }
  }
}

private struct SettingKey: CodingKey {
  var stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
