import Tensors

/// A message's header, written and read without `Codable` as far as that goes: every message has one, and `Codable`
/// takes longer for it than all the rest of sending a small message.
struct WireHeader {
  var id: String
  var type: String
  var kind: WireMessage.Kind
  var frames: [FrameDescription]
  /// Where the body lies in the header's bytes.
  var body: Range<Int>

  /// The header's text, keys sorted.
  ///
  /// - Parameter body: Its JSON, where only `Codable` could write it.
  static func text(
    id: String, type: String, kind: WireMessage.Kind, frames: [Frame],
    body: (inout JSONWriter) throws -> Void
  ) rethrows -> [UInt8] {
    var json = JSONWriter(capacity: 256 + 64 * frames.count)
    json.append("{\"body\":")
    try body(&json)
    json.append(",\"frames\":[")
    for (index, frame) in frames.enumerated() {
      if index > 0 { json.append(",") }
      json.append("{\"dtype\":")
      json.append(string: frame.description.type.rawValue)
      if let name = frame.description.name {
        json.append(",\"name\":")
        json.append(string: name)
      }
      json.append(",\"shape\":[")
      for (axis, extent) in frame.description.shape.enumerated() {
        if axis > 0 { json.append(",") }
        json.append(extent)
      }
      json.append("]}")
    }
    json.append("],\"id\":")
    json.append(string: id)
    json.append(",\"kind\":")
    json.append(string: kind.rawValue)
    json.append(",\"type\":")
    json.append(string: type)
    json.append("}")
    return json.bytes
  }

  /// nil for a header that is not in the usual form, right or wrong.
  init?(scanning text: [UInt8]) {
    var json = JSONScanner(text)
    var (id, type, kind): (String?, String?, WireMessage.Kind?)
    var frames: [FrameDescription]?
    var body: Range<Int>?
    let isUsual = json.object { key, json in
      switch key {
      case "id" where id == nil:
        id = json.string()
        return id != nil
      case "type" where type == nil:
        type = json.string()
        return type != nil
      case "kind" where kind == nil:
        kind = json.word().flatMap(WireMessage.Kind.init)
        return kind != nil
      case "body" where body == nil:
        body = json.skipObject()
        return body != nil
      case "frames" where frames == nil:
        var described: [FrameDescription] = []
        guard
          json.array({ json in
            guard let description = FrameDescription(scanning: &json) else { return false }
            described.append(description)
            return true
          })
        else { return false }
        frames = described
        return true
      default: return false
      }
    }
    guard isUsual, json.isAtEnd(), let id, let type, let kind, let body else { return nil }
    (self.id, self.type, self.kind, self.frames, self.body) = (id, type, kind, frames ?? [], body)
  }
}

extension WireMessage.Kind {
  fileprivate init?(_ word: JSONWord) {
    switch word {
    case "request": self = .request
    case "reply": self = .reply
    case "error": self = .error
    default: return nil
    }
  }
}

extension FrameDescription {
  fileprivate init?(scanning json: inout JSONScanner) {
    var name: String?
    var type: ElementType?
    var shape: [Int]?
    let isUsual = json.object { key, json in
      switch key {
      case "name" where name == nil:
        name = json.string()
        return name != nil
      case "dtype" where type == nil:
        type = json.string().flatMap(ElementType.init)
        return type != nil
      case "shape" where shape == nil:
        var extents: [Int] = []
        guard
          json.array({ json in
            guard let extent = json.integer() else { return false }
            extents.append(extent)
            return true
          })
        else { return false }
        shape = extents
        return true
      default: return false
      }
    }
    guard isUsual, let type, let shape else { return nil }
    self.init(name: name, type: type, shape: shape)
  }
}
