/// GPT-2's way to write any byte as a printable character: printable Latin-1 bytes stand for
/// themselves, the others for characters from U+0100 on.
enum ByteLevel {
  private static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0...255).map { (byte: UInt32) in
      let printable =
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
      defer { if !printable { next += 1 } }
      return Unicode.Scalar(printable ? byte : next) ?? "?"
    }
  }()

  private static let bytes = Dictionary(
    uniqueKeysWithValues: scalars.enumerated().map { ($1, UInt8($0)) })

  static func name(of bytes: [UInt8]) -> String {
    var name = String.UnicodeScalarView()
    for byte in bytes { name.append(scalars[Int(byte)]) }
    return String(name)
  }

  /// The bytes that a name stands for; nil for one that holds other characters.
  static func bytes(of name: String) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in name.unicodeScalars {
      guard let byte = bytes[scalar] else { return nil }
      result.append(byte)
    }
    return result
  }
}
