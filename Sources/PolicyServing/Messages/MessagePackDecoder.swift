/// Bytes that are no message, and why.
struct MessagePackError: Error, Equatable, CustomStringConvertible {
  /// Where in the message, from 0.
  var offset: Int
  var reason: String

  var description: String { "byte \(offset): \(reason)" }
}

extension MessagePackValue {
  /// What a message may hold.
  struct Limits: Sendable {
    /// Maps and lists within each other.
    var depth = 16
    /// Values, those within maps and lists included.
    var values = 65_536
    /// Axes of an array.
    var axes = 8
  }

  /// Reads a message: one value and nothing behind it.
  ///
  /// Total: every sequence of bytes gives a value or an error, with memory and time in proportion to
  /// its length.
  ///
  /// - Throws: `MessagePackError`.
  init(parsing bytes: [UInt8], limits: Limits = Limits()) throws(MessagePackError) {
    var reader = MessagePackReader(bytes: bytes, limits: limits)
    self = try reader.value(depth: 0)
    guard reader.place == bytes.count else {
      throw MessagePackError(
        offset: reader.place, reason: "\(bytes.count - reader.place) bytes behind the message")
    }
  }
}

private struct MessagePackReader {
  let bytes: [UInt8]
  let limits: MessagePackValue.Limits
  var place = 0
  private var values = 0

  init(bytes: [UInt8], limits: MessagePackValue.Limits) {
    self.bytes = bytes
    self.limits = limits
  }

  mutating func value(depth: Int) throws(MessagePackError) -> MessagePackValue {
    values += 1
    guard values <= limits.values else { throw failure("more than \(limits.values) values") }
    let tag = try byte()
    switch tag {
    case 0x00...0x7f: return .integer(Int64(tag))
    case 0x80...0x8f: return try map(Int(tag & 0x0f), depth)
    case 0x90...0x9f: return try array(Int(tag & 0x0f), depth)
    case 0xa0...0xbf: return try string(Int(tag & 0x1f))
    case 0xc0: return .null
    case 0xc2, 0xc3: return .bool(tag == 0xc3)
    case 0xc4, 0xc5, 0xc6: return .binary(try slice(try count(width: 1 << (tag - 0xc4))))
    case 0xc7, 0xc8, 0xc9: return try foreign(try count(width: 1 << (tag - 0xc7)))
    case 0xca: return .double(Double(Float(bitPattern: UInt32(try number(width: 4)))))
    case 0xcb: return .double(Double(bitPattern: try number(width: 8)))
    case 0xcc, 0xcd, 0xce, 0xcf:
      let number = try number(width: 1 << (tag - 0xcc))
      return Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
    case 0xd0: return .integer(Int64(Int8(truncatingIfNeeded: try number(width: 1))))
    case 0xd1: return .integer(Int64(Int16(truncatingIfNeeded: try number(width: 2))))
    case 0xd2: return .integer(Int64(Int32(truncatingIfNeeded: try number(width: 4))))
    case 0xd3: return .integer(Int64(bitPattern: try number(width: 8)))
    case 0xd4...0xd8: return try foreign(1 << (tag - 0xd4))
    case 0xd9, 0xda, 0xdb: return try string(try count(width: 1 << (tag - 0xd9)))
    case 0xdc, 0xdd: return try array(try count(width: 2 << (tag - 0xdc)), depth)
    case 0xde, 0xdf: return try map(try count(width: 2 << (tag - 0xde)), depth)
    case 0xe0...0xff: return .integer(Int64(Int8(bitPattern: tag)))
    default:
      place -= 1
      throw failure("0x\(String(tag, radix: 16)) begins no value")
    }
  }

  private func failure(_ reason: String) -> MessagePackError {
    MessagePackError(offset: place, reason: reason)
  }

  private mutating func byte() throws(MessagePackError) -> UInt8 {
    guard place < bytes.count else { throw failure("the message ends early") }
    defer { place += 1 }
    return bytes[place]
  }

  private mutating func number(width: Int) throws(MessagePackError) -> UInt64 {
    var number: UInt64 = 0
    for _ in 0..<width { number = number << 8 | UInt64(try byte()) }
    return number
  }

  /// A count of bytes or values, at most 2³² − 1.
  private mutating func count(width: Int) throws(MessagePackError) -> Int {
    Int(try number(width: width))
  }

  private mutating func slice(_ count: Int) throws(MessagePackError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - place else {
      throw failure("\(count) bytes are announced, \(bytes.count - place) are there")
    }
    defer { place += count }
    return bytes[place..<place + count]
  }

  private mutating func string(_ count: Int) throws(MessagePackError) -> MessagePackValue {
    let start = place
    guard let text = String(validating: try slice(count), as: UTF8.self) else {
      place = start
      throw failure("text that is no UTF-8")
    }
    return .string(text)
  }

  private mutating func foreign(_ count: Int) throws(MessagePackError) -> MessagePackValue {
    let type = Int8(bitPattern: try byte())
    _ = try slice(count)
    return .foreign(type)
  }

  /// Checks what a map or list announces before memory is taken for it: each value is a byte at least.
  private func check(_ count: Int, _ depth: Int) throws(MessagePackError) {
    guard depth < limits.depth else {
      throw failure("more than \(limits.depth) maps and lists within each other")
    }
    guard count <= bytes.count - place else {
      throw failure("\(count) values are announced, \(bytes.count - place) bytes are there")
    }
    guard count <= limits.values - values else {
      throw failure("more than \(limits.values) values")
    }
  }

  private mutating func array(
    _ count: Int, _ depth: Int
  ) throws(MessagePackError) -> MessagePackValue {
    try check(count, depth)
    var elements: [MessagePackValue] = []
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try value(depth: depth + 1)) }
    return .array(elements)
  }

  private mutating func map(
    _ count: Int, _ depth: Int
  ) throws(MessagePackError) -> MessagePackValue {
    try check(2 * count, depth)
    let start = place
    var entries: [MessagePackValue.Entry] = []
    entries.reserveCapacity(count)
    for _ in 0..<count {
      entries.append(
        .init(key: try value(depth: depth + 1), value: try value(depth: depth + 1)))
    }
    do {
      return try .numPy(entries, limits) ?? .map(entries)
    } catch {
      throw MessagePackError(offset: start, reason: error.reason)
    }
  }
}

/// A map that says it is an array and is none.
private struct NumPyError: Error {
  var reason: String
}

extension MessagePackValue {
  /// The array or number that a map stands for; nil for any other map. Keys may be bytes, as
  /// `openpi-client` writes them, or text, as readers that do not tell them apart write them back.
  fileprivate static func numPy(
    _ entries: [Entry], _ limits: Limits
  ) throws(NumPyError) -> MessagePackValue? {
    func part(_ name: String) -> MessagePackValue? {
      entries.last { $0.key == .string(name) || $0.key == .binary(Array(name.utf8)[...]) }?.value
    }
    // Maps with many entries are observations; looking through them for marks would be quadratic.
    guard entries.count <= 4 else { return nil }
    let isArray = part("__ndarray__") == .bool(true)
    guard isArray || part("__npgeneric__") == .bool(true) else { return nil }
    let name: String? =
      switch part("dtype") {
      case .string(let text): text
      case .binary(let bytes): String(validating: bytes, as: UTF8.self)
      default: nil
      }
    guard let name, let type = NumPyArray.ElementType(name) else {
      throw NumPyError(
        reason: "an array of the type '\(String((name ?? "").prefix(20)))'; expected bool, int8 to "
          + "int64, uint8 to uint64, float32 or float64")
    }
    guard isArray else {
      // A number carries its value as MessagePack writes it.
      guard let number = part("data") else { throw NumPyError(reason: "a number without data") }
      return number
    }
    guard case .binary(let bytes)? = part("data"), case .array(let axes)? = part("shape"),
      axes.count <= limits.axes
    else {
      throw NumPyError(
        reason: "an array needs data (bytes) and a shape of at most \(limits.axes) axes")
    }
    var shape: [Int] = []
    for axis in axes {
      guard case .integer(let size) = axis, size >= 0 else {
        throw NumPyError(reason: "an array's shape holds \(axis.kind); expected sizes from 0")
      }
      shape.append(Int(size))
    }
    guard let array = NumPyArray(type: type, shape: shape, bytes: bytes) else {
      throw NumPyError(
        reason: "an array of \(type.name) \(shape) came with \(bytes.count) bytes")
    }
    return .numpy(array)
  }
}
