import Foundation
import Testing

@testable import Configuration

/// `Documentation/Configuration.md` is what people read instead of the sources.
@Suite struct DocumentationTests {
  private let page: String

  init() throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    page = try String(
      contentsOf: root.appending(path: "Documentation/Configuration.md"), encoding: .utf8)
  }

  @Test("every key is there with its type, its range and its default")
  func everyKey() throws {
    let keys = Self.leaves(of: RunConfiguration.shape, at: [])
    #expect(keys.count > 100)
    let defaults = try Self.defaults()
    for (path, field) in keys where path[0] != "taskDefaults" {
      var shown = path
      if path[0] == "training" { shown[1] = "STAGE" }
      let row = "| `\(shown.joined(separator: "."))` | \(field.shape.description) |"
      #expect(page.contains(row), "no row begins '\(row)'")
      // The last two depend on the robots.
      guard !field.required, !["usesImages", "usesEnvironmentState"].contains(path.last) else {
        continue
      }
      let value = path.reduce(defaults as SettingNode?) { $0?[$1] }
      let full = "\(row) \(Self.text(value)) |"
      #expect(page.contains(full), "no row begins '\(full)'")
    }
  }

  /// The defaults, with one task and one robot instead of lists.
  private static func defaults() throws -> SettingNode {
    func node(_ value: some Encodable) throws -> SettingNode {
      try JSONDecoder().decode(SettingNode.self, from: JSONEncoder().encode(value))
    }
    var defaults = try node(RunConfiguration.defaults)
    defaults["tasks"] = try node(TaskSettings.defaults)
    defaults["robots"] = try node(RobotSettings.defaults)
    return defaults
  }

  private static func leaves(of shape: Shape, at path: [String]) -> [([String], Shape.Field)] {
    switch shape {
    case .mapping(let fields):
      fields.flatMap { key, field -> [([String], Shape.Field)] in
        let below = leaves(of: field.shape, at: path + [key])
        return below.isEmpty ? [(path + [key], field)] : below
      }
    case .list(let item, _): leaves(of: item, at: path)
    default: []
    }
  }

  private static func text(_ value: SettingNode?) -> String {
    switch value?.content {
    case nil, .nothing: "null"
    case .boolean(let value): "`\(value)`"
    case .integer(let value): "`\(value)`"
    case .number(let value): "`\(value)`"
    case .text(let text): "`\(text)`"
    case .list, .mapping: "`[]`"
    }
  }
}
