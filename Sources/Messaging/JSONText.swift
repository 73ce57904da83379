import Glibc

/// Writes JSON without `Codable`, for what every message has. Strings are written as `JSONEncoder` writes them.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

  /// - Parameter capacity: Bytes to expect.
  init(capacity: Int) { bytes.reserveCapacity(capacity) }

  /// Appends text as it is.
  mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  /// Appends JSON that is written already.
  mutating func append(json: some Sequence<UInt8>) { bytes.append(contentsOf: json) }

  mutating func append(_ number: Int) { bytes.append(contentsOf: String(number).utf8) }

  mutating func append(_ flag: Bool) { append(flag ? "true" : "false") }

  /// Appends a string with its quotes.
  mutating func append(string: String) {
    bytes.append(UInt8(ascii: "\""))
    let isPlain = string.utf8.withContiguousStorageIfAvailable { text in
      guard text.allSatisfy(Self.isPlain) else { return false }
      bytes.append(contentsOf: text)
      return true
    }
    if isPlain != true {
      for byte in string.utf8 { append(character: byte) }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Whether a byte of a string is written as it is.
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func append(character byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append("\\\"")
    case UInt8(ascii: "\\"): append("\\\\")
    case 0x08: append("\\b")
    case 0x09: append("\\t")
    case 0x0A: append("\\n")
    case 0x0C: append("\\f")
    case 0x0D: append("\\r")
    case 0..<0x20:
      append("\\u00")
      let digits = String(byte, radix: 16)
      bytes.append(contentsOf: (digits.utf8.count < 2 ? "0" + digits : digits).utf8)
    default: bytes.append(byte)
    }
  }
}

/// Reads JSON in its usual form without `Codable`. Whatever is unusual (escapes, for example) or wrong it gives back as
/// nil or false, so that `JSONDecoder` reads it or says what is wrong.
struct JSONScanner {
  private let bytes: [UInt8]
  /// The next byte to read.
  private(set) var position: Int
  private let end: Int

  init(_ bytes: [UInt8], _ range: Range<Int>? = nil) {
    self.bytes = bytes
    position = range?.lowerBound ?? 0
    end = range?.upperBound ?? bytes.count
  }

  private mutating func skipSpace() {
    while position < end {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  /// The next byte that is not space; 0 at the end.
  private mutating func peek() -> UInt8 {
    if position < end, bytes[position] > 0x20 { return bytes[position] }
    skipSpace()
    return position < end ? bytes[position] : 0
  }

  /// Whether nothing is left.
  mutating func isAtEnd() -> Bool { peek() == 0 && position >= end }

  /// Takes a character, if it is next.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// Takes a word, if it is next.
  private mutating func take(word: StaticString) -> Bool {
    _ = peek()
    let count = word.utf8CodeUnitCount
    guard position + count <= end,
      word.withUTF8Buffer({ bytes[position..<position + count].elementsEqual($0) })
    else { return false }
    position += count
    return true
  }

  mutating func null() -> Bool { take(word: "null") }

  mutating func bool() -> Bool? {
    if take(word: "true") { return true }
    return take(word: "false") ? false : nil
  }

  /// A whole number of at most 18 digits.
  mutating func integer() -> Int? {
    let isNegative = take("-")
    let start = position
    var value = 0
    while position < end, case let digit = bytes[position] &- 0x30, digit < 10,
      position - start < 18
    {
      value = value * 10 + Int(digit)
      position += 1
    }
    // Neither 1.5 nor 1e5 nor 01.
    if position < end, ".eE".utf8.contains(bytes[position]) { return nil }
    guard position > start, position - start == 1 || bytes[start] != 0x30 else { return nil }
    return isNegative ? -value : value
  }

  /// A string without escapes.
  mutating func string() -> String? { word()?.string }

  /// A string without escapes, left where it is: enough to compare it.
  mutating func word() -> JSONWord? {
    guard take("\"") else { return nil }
    let start = position
    var bits: UInt8 = 0
    while position < end, bytes[position] != UInt8(ascii: "\"") {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\\") || byte < 0x20 { return nil }
      bits |= byte
      position += 1
    }
    guard position < end else { return nil }
    position += 1
    return JSONWord(bytes: bytes[start..<position - 1], isASCII: bits < 0x80)
  }

  /// Reads an object's members until its end.
  ///
  /// - Parameter member: Reads the value of the member with this key; false where it cannot.
  /// - Returns: False where it is no object in the usual form.
  mutating func object(_ member: (JSONWord, inout JSONScanner) -> Bool) -> Bool {
    guard take("{") else { return false }
    if take("}") { return true }
    while true {
      guard let key = word(), key.isValid, take(":"), member(key, &self) else { return false }
      if take(",") { continue }
      return take("}")
    }
  }

  /// Reads an array's elements until its end.
  mutating func array(_ element: (inout JSONScanner) -> Bool) -> Bool {
    guard take("[") else { return false }
    if take("]") { return true }
    while true {
      guard element(&self) else { return false }
      if take(",") { continue }
      return take("]")
    }
  }

  /// Skips an object of any content, whose brackets are only counted.
  ///
  /// - Returns: Where it lies; nil where there is none.
  mutating func skipObject() -> Range<Int>? {
    guard peek() == UInt8(ascii: "{") else { return nil }
    let start = position
    var depth = 0
    while position < end {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return start..<position }
      case UInt8(ascii: "\""):
        while position < end, bytes[position] != UInt8(ascii: "\"") {
          position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        position += 1
      default: break
      }
    }
    return nil
  }
}

/// A string in a JSON text, compared there with words that are known: most keys and many values need no `String`.
struct JSONWord {
  fileprivate let bytes: ArraySlice<UInt8>
  fileprivate let isASCII: Bool

  static func ~= (word: StaticString, text: JSONWord) -> Bool {
    text.bytes.count == word.utf8CodeUnitCount
      && text.bytes.withUnsafeBytes { memcmp($0.baseAddress!, word.utf8Start, $0.count) == 0 }
  }

  /// Nil where it is not UTF-8.
  var string: String? {
    // Validating what is ASCII alone takes longer than all else that is done with it.
    isASCII ? String(decoding: bytes, as: UTF8.self) : String(validating: bytes, as: UTF8.self)
  }

  /// Whether it is UTF-8.
  fileprivate var isValid: Bool { isASCII || string != nil }
}

/// A body of which there are very many, written and read without `Codable`, which takes several times as long. The text
/// is the same: a property that is added to one of them is added here too, as `WireHeaderTests` checks.
protocol DirectBody {
  /// Appends the body; false, with nothing appended, where only `Codable` can.
  func write(to json: inout JSONWriter) -> Bool
  /// nil where only `Codable` can read it, or tell what is wrong.
  init?(reading json: inout JSONScanner)
}

extension Acknowledgement: DirectBody {
  func write(to json: inout JSONWriter) -> Bool {
    json.append("{}")
    return true
  }

  init?(reading json: inout JSONScanner) {
    guard json.object({ _, _ in false }) else { return nil }
    self.init()
  }
}

extension HeartbeatRequest: DirectBody {
  func write(to json: inout JSONWriter) -> Bool {
    // Metrics and vitals have any numbers: `Codable` knows how to write those.
    guard progress == nil, vitals == nil else { return false }
    json.append("{\"incarnation\":")
    json.append(string: incarnation)
    if let lease {
      json.append(",\"lease\":")
      json.append(string: lease)
    }
    json.append(",\"worker\":")
    json.append(string: worker)
    json.append("}")
    return true
  }

  init?(reading json: inout JSONScanner) {
    var (worker, incarnation, lease): (String?, String?, String?)
    let isUsual = json.object { key, json in
      switch key {
      case "worker" where worker == nil: worker = json.string()
      case "incarnation" where incarnation == nil: incarnation = json.string()
      case "lease" where lease == nil:
        if json.null() { return true }
        lease = json.string()
        return lease != nil
      default: return false
      }
      return true
    }
    guard isUsual, let worker, let incarnation else { return nil }
    self.init(worker: worker, incarnation: incarnation, lease: lease, progress: nil)
  }
}

extension HeartbeatRequest.Reply: DirectBody {
  func write(to json: inout JSONWriter) -> Bool {
    json.append("{\"known\":")
    json.append(known)
    json.append(",\"leaseValid\":")
    json.append(leaseValid)
    json.append(",\"paused\":")
    json.append(paused)
    json.append("}")
    return true
  }

  init?(reading json: inout JSONScanner) {
    var (known, leaseValid, paused): (Bool?, Bool?, Bool?)
    let isUsual = json.object { key, json in
      switch key {
      case "known" where known == nil: known = json.bool()
      case "leaseValid" where leaseValid == nil: leaseValid = json.bool()
      case "paused" where paused == nil: paused = json.bool()
      default: return false
      }
      return true
    }
    guard isUsual, let known, let leaseValid, let paused else { return nil }
    self.init(leaseValid: leaseValid, known: known, paused: paused)
  }
}
