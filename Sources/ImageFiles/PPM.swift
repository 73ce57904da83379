extension RGBImage {
  /// Netpbm's binary colour format: "P6", width, height and largest value in decimal, with spaces
  /// and comments between them, one space, then the values, of two bytes where the largest is above
  /// 255.
  static func ppm(_ bytes: [UInt8]) throws(UnreadableImage) -> RGBImage {
    var reader = PPMHeader(bytes: bytes, place: 2)
    let width = try reader.number("width")
    let height = try reader.number("height")
    let largest = try reader.number("largest value")
    try checkSize(width, height)
    guard (1...65535).contains(largest) else {
      throw UnreadableImage("its largest value is \(largest); expected 1 to 65535")
    }
    let start = reader.place + 1
    let size = largest > 255 ? 2 : 1
    let count = width * height * 3
    guard bytes.count - start >= count * size else {
      throw UnreadableImage(
        "it is cut short: \(width)×\(height) pixels take \(count * size) bytes, "
          + "\(max(bytes.count - start, 0)) came")
    }
    if largest == 255 {
      return RGBImage(width: width, height: height, bytes: Array(bytes[start..<start + count]))
    }
    let values = (0..<count).map { index -> UInt8 in
      let place = start + index * size
      let value = size == 1 ? Int(bytes[place]) : Int(bytes[place]) << 8 | Int(bytes[place + 1])
      return UInt8((min(value, largest) * 255 + largest / 2) / largest)
    }
    return RGBImage(width: width, height: height, bytes: values)
  }
}

/// Reads decimal numbers between spaces and comments.
private struct PPMHeader {
  let bytes: [UInt8]
  var place: Int

  mutating func number(_ name: String) throws(UnreadableImage) -> Int {
    var inComment = false
    while place < bytes.count, inComment || isSpace(bytes[place]) || bytes[place] == 0x23 {
      if bytes[place] == 0x23 { inComment = true }
      if bytes[place] == 0x0A || bytes[place] == 0x0D { inComment = false }
      place += 1
    }
    var digits = ""
    while place < bytes.count, (0x30...0x39).contains(bytes[place]), digits.count < 10 {
      digits.unicodeScalars.append(Unicode.Scalar(bytes[place]))
      place += 1
    }
    guard let number = Int(digits), place < bytes.count, isSpace(bytes[place]) else {
      throw UnreadableImage("its header has no \(name)")
    }
    return number
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
