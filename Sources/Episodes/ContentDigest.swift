import Crypto

/// The SHA-256 digest of a blob's bytes, as 64 lowercase hexadecimal digits: the blob's name everywhere.
public struct ContentDigest: RawRepresentable, Hashable, Comparable, Sendable, Codable,
  CodingKeyRepresentable, CustomStringConvertible
{
  public let rawValue: String

  /// Returns nil unless `rawValue` is exactly 64 lowercase hexadecimal digits.
  public init?(rawValue: String) {
    guard rawValue.utf8.count == 64,
      rawValue.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    self.rawValue = rawValue
  }

  /// The SHA-256 digest of `bytes`.
  public init(hashing bytes: [UInt8]) {
    rawValue = SHA256.hash(data: bytes).reduce(into: "") { digits, byte in
      digits += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = ContentDigest(rawValue: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected 64 lowercase hexadecimal digits, got '\(text)'")
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  /// The first 12 digits: enough for people to tell blobs apart.
  public var short: String { String(rawValue.prefix(12)) }
  public var description: String { rawValue }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
