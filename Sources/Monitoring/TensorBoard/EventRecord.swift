/// Records of a TensorBoard event file: a length, the event as a protocol buffer, and a checksum of each. The few
/// messages that scalars need are written by hand.
enum EventRecord {
  /// What every file begins with.
  static func fileVersion(time: Double) -> [UInt8] {
    // Event.file_version = 3
    framed(event(step: 0, time: time) + field(3, Array("brain.Event:2".utf8)))
  }

  /// Scalars of one step.
  static func scalars(_ values: [(tag: String, value: Double)], step: Int, time: Double) -> [UInt8]
  {
    // Event.summary = 5 { value = 1 { tag = 1, simple_value = 2 } }
    let summary = values.flatMap { tag, value in
      field(1, field(1, Array(tag.utf8)) + [2 << 3 | 5] + littleEndian(Float(value).bitPattern))
    }
    return framed(event(step: step, time: time) + field(5, summary))
  }

  /// Event.wall_time = 1, Event.step = 2
  private static func event(step: Int, time: Double) -> [UInt8] {
    [1 << 3 | 1] + littleEndian(time.bitPattern) + [2 << 3] + varint(UInt64(max(step, 0)))
  }

  /// Length and masked checksums around an event.
  static func framed(_ event: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(event.count))
    return length + littleEndian(masked(checksum(length))) + event
      + littleEndian(masked(checksum(event)))
  }

  /// A field of bytes.
  private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + varint(UInt64(bytes.count)) + bytes
  }

  static func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest > 127 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// As the format wants it: a checksum of data that holds its own checksum would be a poor one.
  static func masked(_ checksum: UInt32) -> UInt32 {
    (checksum >> 15 | checksum << 17) &+ 0xa282_ead8
  }

  /// CRC-32C, Castagnoli's polynomial, reflected.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82f6_3b78 : 0) }
  }
}
