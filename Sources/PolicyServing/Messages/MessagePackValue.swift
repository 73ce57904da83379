/// A value of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), with NumPy's arrays
/// and numbers as `openpi-client` writes them.
enum MessagePackValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// Any integer but those above `Int64.max`.
  case integer(Int64)
  /// An integer above `Int64.max`.
  case unsigned(UInt64)
  case double(Double)
  case string(String)
  /// Shares the memory of the message it came in.
  case binary(ArraySlice<UInt8>)
  case array([MessagePackValue])
  case map([Entry])
  case numpy(NumPyArray)
  /// A type of an application's own, which means nothing here.
  case foreign(Int8)

  struct Entry: Sendable, Equatable {
    var key: MessagePackValue
    var value: MessagePackValue
  }

  /// A map with keys of text.
  static func record(_ entries: KeyValuePairs<String, MessagePackValue>) -> MessagePackValue {
    .map(entries.map { Entry(key: .string($0.key), value: $0.value) })
  }

  /// What kind it is, in words for people: "text", "float32 [8]".
  var kind: String {
    switch self {
    case .null: "nil"
    case .bool: "a truth value"
    case .integer, .unsigned: "an integer"
    case .double: "a number"
    case .string: "text"
    case .binary(let bytes): "\(bytes.count) bytes"
    case .array(let values): "a list of \(values.count)"
    case .map(let entries): "a map of \(entries.count)"
    case .numpy(let array): array.kind
    case .foreign(let type): "an extension of type \(type)"
    }
  }
}

/// An array of NumPy: numbers of one type in rows, the last axis running fastest.
struct NumPyArray: Sendable, Equatable {
  /// A type of numbers, by its letter in NumPy's descriptions, and their size in bytes.
  struct ElementType: Sendable, Hashable {
    enum Kind: Character, Sendable {
      case truth = "b"
      case integer = "i"
      case unsigned = "u"
      case float = "f"
    }

    var kind: Kind
    var size: Int
    var isBigEndian = false

    /// Reads NumPy's `dtype.str`, such as "<f4" or "|u1"; nil for what is not held here.
    init?(_ text: String) {
      var rest = text[...]
      guard let order = rest.popFirst(), let letter = rest.popFirst(),
        let kind = Kind(rawValue: letter), let size = Int(rest), "<>|=".contains(order)
      else { return nil }
      let sizes: [Int] =
        switch kind {
        case .truth: [1]
        case .integer, .unsigned: [1, 2, 4, 8]
        case .float: [4, 8]
        }
      guard sizes.contains(size) else { return nil }
      (self.kind, self.size, isBigEndian) = (kind, size, order == ">")
    }

    /// Such as "float32".
    var name: String {
      switch kind {
      case .truth: "bool"
      case .integer: "int\(size * 8)"
      case .unsigned: "uint\(size * 8)"
      case .float: "float\(size * 8)"
      }
    }
  }

  let type: ElementType
  /// Empty for a single number.
  let shape: [Int]
  /// As many bytes as type and shape say.
  let bytes: ArraySlice<UInt8>

  /// - Returns: nil unless there are as many bytes as type and shape say.
  init?(type: ElementType, shape: [Int], bytes: ArraySlice<UInt8>) {
    var count = type.size
    for size in shape {
      let (product, overflows) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflows else { return nil }
      count = product
    }
    guard count == bytes.count else { return nil }
    (self.type, self.shape, self.bytes) = (type, shape, bytes)
  }

  /// Numbers as float32.
  ///
  /// - Precondition: as many values as `shape` says.
  init(_ values: [Float], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values are not \(shape)")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 4)
    for value in values {
      let pattern = value.bitPattern
      bytes.append(UInt8(truncatingIfNeeded: pattern))
      bytes.append(UInt8(truncatingIfNeeded: pattern >> 8))
      bytes.append(UInt8(truncatingIfNeeded: pattern >> 16))
      bytes.append(UInt8(truncatingIfNeeded: pattern >> 24))
    }
    type = ElementType("<f4")!
    (self.shape, self.bytes) = (shape, bytes[...])
  }

  /// Elements: 1 for a single number.
  var count: Int { shape.reduce(1, *) }
  /// Such as "float32 [8]", or "float64" for a single number.
  var kind: String { shape.isEmpty ? type.name : "\(type.name) \(shape)" }

  /// All elements, rounded to float32.
  var floats: [Float] {
    (0..<bytes.count / type.size).map { index in
      let pattern = pattern(at: index)
      switch (type.kind, type.size) {
      case (.float, 4): return Float(bitPattern: UInt32(truncatingIfNeeded: pattern))
      case (.float, _): return Float(Double(bitPattern: pattern))
      case (.integer, 1): return Float(Int8(truncatingIfNeeded: pattern))
      case (.integer, 2): return Float(Int16(truncatingIfNeeded: pattern))
      case (.integer, 4): return Float(Int32(truncatingIfNeeded: pattern))
      case (.integer, _): return Float(Int64(truncatingIfNeeded: pattern))
      case (.unsigned, _): return Float(pattern)
      case (.truth, _): return pattern == 0 ? 0 : 1
      }
    }
  }

  private func pattern(at index: Int) -> UInt64 {
    let start = bytes.startIndex + index * type.size
    var pattern: UInt64 = 0
    for place in 0..<type.size {
      let byte = bytes[start + place]
      pattern |= UInt64(byte) << UInt64((type.isBigEndian ? type.size - 1 - place : place) * 8)
    }
    return pattern
  }
}
