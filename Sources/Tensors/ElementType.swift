/// The element types that files and wire frames may hold, by their safetensors names. All
/// little-endian.
public enum ElementType: String, Codable, Hashable, Sendable, CaseIterable {
  case float32 = "F32"
  case float64 = "F64"
  case uint8 = "U8"
  /// One byte an element, 0 or 1.
  case bool = "BOOL"
  case int32 = "I32"
  case int64 = "I64"

  /// Bytes in one element.
  public var byteCount: Int {
    switch self {
    case .uint8, .bool: 1
    case .float32, .int32: 4
    case .float64, .int64: 8
    }
  }
}
