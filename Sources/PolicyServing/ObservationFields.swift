/// An observation as a client sent it: its fields by their names, those of maps within it as
/// "outer/inner".
struct ObservationFields: Sendable {
  private var fields: [String: MessagePackValue] = [:]
  /// The names by their keys in `ObservationMapping.key`'s form.
  private var names: [String: String] = [:]
  /// In the order in which they came.
  private var order: [String] = []

  /// - Throws: `ServingError` for anything but a map with names of text.
  init(_ message: MessagePackValue) throws(ServingError) {
    guard case .map(let entries) = message else {
      throw ServingError("expected a map of an observation's fields, came \(message.kind)")
    }
    try add(entries, below: "")
  }

  /// Reads a client's message.
  ///
  /// - Throws: `ServingError` with what was expected and what came.
  init(parsing bytes: [UInt8]) throws(ServingError) {
    let message: MessagePackValue
    do {
      message = try MessagePackValue(parsing: bytes)
    } catch {
      throw ServingError("the message is no MessagePack: \(error)")
    }
    try self.init(message)
  }

  private mutating func add(
    _ entries: [MessagePackValue.Entry], below prefix: String
  ) throws(ServingError) {
    for entry in entries {
      guard case .string(let own) = entry.key else {
        throw ServingError("expected names of text, came \(entry.key.kind)")
      }
      let name = prefix + own
      if case .map(let inner) = entry.value {
        try add(inner, below: name + "/")
      } else {
        if fields.updateValue(entry.value, forKey: name) == nil { order.append(name) }
        names[ObservationMapping.key(name)] = name
      }
    }
  }

  subscript(name: String) -> MessagePackValue? { fields[name] }

  /// What the client calls a field; nil where it sent none of this key.
  func name(ofKey key: String) -> String? { names[key] }

  /// The text of a field; nil where there is none.
  ///
  /// - Throws: `ServingError` for a field that is no text.
  func text(_ name: String) throws(ServingError) -> String? {
    switch fields[name] {
    case nil, .null: return nil
    case .string(let text): return text
    case let other?: throw ServingError("\(name): expected text, came \(other.kind)")
    }
  }

  /// Whether it is no observation but the word that an episode is over.
  var isReset: Bool {
    get throws(ServingError) {
      switch try text("endpoint") {
      case nil, "infer": return false
      case "reset": return true
      case let other?:
        throw ServingError("endpoint: expected 'infer' or 'reset', came '\(other.prefix(100))'")
      }
    }
  }

  /// The truth value of a field, also as 0 or 1; nil where there is none.
  ///
  /// - Throws: `ServingError` for a field that is none.
  func truth(_ name: String) throws(ServingError) -> Bool? {
    switch fields[name] {
    case nil, .null: return nil
    case .bool(let value): return value
    case .integer(0): return false
    case .integer(1): return true
    case .numpy(let array) where array.count == 1 && [0, 1].contains(array.floats[0]):
      return array.floats[0] == 1
    case let other?: throw ServingError("\(name): expected true or false, came \(other.kind)")
    }
  }

  /// All names with what came, for people.
  var summary: String {
    guard !order.isEmpty else { return "nothing" }
    let shown = order.prefix(32).map { name in
      "\(name.prefix(100)): \(fields[name]?.kind ?? "")"
    }
    let rest = order.count - shown.count
    return shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }
}
