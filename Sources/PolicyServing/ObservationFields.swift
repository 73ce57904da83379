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
