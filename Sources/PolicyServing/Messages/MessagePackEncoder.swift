extension MessagePackValue {
  /// The value as a message, each part in its shortest form.
  var message: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .null, .foreign: bytes.append(0xc0)
    case .bool(let isTrue): bytes.append(isTrue ? 0xc3 : 0xc2)
    case .integer(let number) where number >= 0: Self.write(UInt64(number), to: &bytes)
    case .integer(let number): Self.write(negative: number, to: &bytes)
    case .unsigned(let number): Self.write(number, to: &bytes)
    case .double(let number):
      bytes.append(0xcb)
      Self.write(number.bitPattern, width: 8, to: &bytes)
    case .string(let text):
      let utf8 = Array(text.utf8)
      switch utf8.count {
      case ..<32: bytes.append(0xa0 | UInt8(utf8.count))
      default: Self.write(count: utf8.count, tags: [0xd9, 0xda, 0xdb], widths: [1, 2, 4], &bytes)
      }
      bytes += utf8
    case .binary(let content): Self.write(binary: content, to: &bytes)
    case .array(let values):
      Self.write(values.count, small: 0x90, tags: [0xdc, 0xdd], to: &bytes)
      for value in values { value.write(to: &bytes) }
    case .map(let entries):
      Self.write(entries.count, small: 0x80, tags: [0xde, 0xdf], to: &bytes)
      for entry in entries {
        entry.key.write(to: &bytes)
        entry.value.write(to: &bytes)
      }
    case .numpy(let array): Self.write(array, to: &bytes)
    }
  }

  /// An array as `openpi-client` writes it: a map whose keys are bytes, in this order.
  private static func write(_ array: NumPyArray, to bytes: inout [UInt8]) {
    let order = array.type.size == 1 ? "|" : array.type.isBigEndian ? ">" : "<"
    bytes.append(0x84)
    write(binary: Array("__ndarray__".utf8)[...], to: &bytes)
    bytes.append(0xc3)
    write(binary: Array("data".utf8)[...], to: &bytes)
    write(binary: array.bytes, to: &bytes)
    write(binary: Array("dtype".utf8)[...], to: &bytes)
    string("\(order)\(array.type.kind.rawValue)\(array.type.size)").write(to: &bytes)
    write(binary: Array("shape".utf8)[...], to: &bytes)
    MessagePackValue.array(array.shape.map { .integer(Int64($0)) }).write(to: &bytes)
  }

  private static func write(binary content: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
    write(count: content.count, tags: [0xc4, 0xc5, 0xc6], widths: [1, 2, 4], &bytes)
    bytes += content
  }

  private static func write(_ number: UInt64, to bytes: inout [UInt8]) {
    switch number {
    case ..<0x80: bytes.append(UInt8(number))
    case ...0xff: write(number, tag: 0xcc, width: 1, &bytes)
    case ...0xffff: write(number, tag: 0xcd, width: 2, &bytes)
    case ...0xffff_ffff: write(number, tag: 0xce, width: 4, &bytes)
    default: write(number, tag: 0xcf, width: 8, &bytes)
    }
  }

  private static func write(negative number: Int64, to bytes: inout [UInt8]) {
    let pattern = UInt64(bitPattern: number)
    switch number {
    case (-32)...: bytes.append(UInt8(truncatingIfNeeded: pattern))
    case Int64(Int8.min)...: write(pattern, tag: 0xd0, width: 1, &bytes)
    case Int64(Int16.min)...: write(pattern, tag: 0xd1, width: 2, &bytes)
    case Int64(Int32.min)...: write(pattern, tag: 0xd2, width: 4, &bytes)
    default: write(pattern, tag: 0xd3, width: 8, &bytes)
    }
  }

  /// The head of a list or a map.
  private static func write(
    _ count: Int, small: UInt8, tags: [UInt8], to bytes: inout [UInt8]
  ) {
    if count < 16 {
      bytes.append(small | UInt8(count))
    } else {
      write(count: count, tags: tags, widths: [2, 4], &bytes)
    }
  }

  /// A count behind the tag of the first width that holds it.
  private static func write(
    count: Int, tags: [UInt8], widths: [Int], _ bytes: inout [UInt8]
  ) {
    let choice = widths.firstIndex { count < 1 << ($0 * 8) }
    precondition(choice != nil, "a message holds less than 4 GiB")
    write(UInt64(count), tag: tags[choice!], width: widths[choice!], &bytes)
  }

  private static func write(_ number: UInt64, tag: UInt8, width: Int, _ bytes: inout [UInt8]) {
    bytes.append(tag)
    write(number, width: width, to: &bytes)
  }

  private static func write(_ number: UInt64, width: Int, to bytes: inout [UInt8]) {
    for place in (0..<width).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(place * 8)))
    }
  }
}
