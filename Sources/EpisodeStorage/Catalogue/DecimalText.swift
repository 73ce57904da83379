/// A 64-bit number that is coded as decimal text, since most readers of JSON take numbers for doubles and round them.
@propertyWrapper
public struct DecimalText: Codable, Hashable, Sendable {
  public var wrappedValue: UInt64

  public init(wrappedValue: UInt64) { self.wrappedValue = wrappedValue }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = UInt64(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected an unsigned 64-bit number as text")
    }
    wrappedValue = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(String(wrappedValue))
  }
}
