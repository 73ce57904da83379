import Yams

/// A value of a Kubernetes manifest, whose mappings keep their order.
indirect enum Manifest {
  case text(String)
  case integer(Int)
  case boolean(Bool)
  case list([Manifest])
  case map([(String, Manifest)])

  /// YAML documents, one after the other.
  static func yaml(_ documents: [Manifest]) throws -> String {
    try documents.map { "---\n" + (try Yams.serialize(node: $0.node)) }.joined()
  }

  private var node: Node {
    switch self {
    // Quoted wherever it could be read as something else than a text.
    case .text(let text):
      Node(
        text, Tag(.str), text.contains("\n") ? .literal : Self.isPlain(text) ? .any : .doubleQuoted)
    case .integer(let number): Node("\(number)", Tag(.int))
    case .boolean(let value): Node(value ? "true" : "false", Tag(.bool))
    case .list(let items): Node(items.map(\.node), Tag(.seq), .block)
    case .map(let entries):
      Node(entries.map { (Node($0.0, Tag(.str)), $0.1.node) }, Tag(.map), .block)
    }
  }

  private static func isPlain(_ text: String) -> Bool {
    let words: Set = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    return text.first?.isLetter == true && !words.contains(text.lowercased())
  }
}

extension Manifest: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByStringInterpolation
{
  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int) { self = .integer(value) }
  init(booleanLiteral value: Bool) { self = .boolean(value) }
  init(arrayLiteral elements: Manifest...) { self = .list(elements) }
  init(dictionaryLiteral elements: (String, Manifest)...) { self = .map(elements) }

  /// A list of texts.
  static func texts(_ texts: [String]) -> Manifest { .list(texts.map { .text($0) }) }
}
