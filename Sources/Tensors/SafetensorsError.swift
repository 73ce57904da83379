/// Why bytes are not a safetensors file, or not the one that the reader wanted.
public enum SafetensorsError: Error, Equatable, CustomStringConvertible {
  /// The file ends before its length field, header or data does.
  case truncated(expectedBytes: Int, actualBytes: Int)
  /// The length field asks for more header than `SafetensorsFile.maximumHeaderBytes`.
  case headerTooLarge(bytes: UInt64, maximum: Int)
  /// The header is not the JSON that the format wants.
  case malformedHeader(String)
  /// A tensor's description does not fit its data.
  case malformedTensor(name: String, reason: String)
  /// Bytes that no tensor claims, or two do: `offset` counts from the start of the data.
  case brokenLayout(name: String, expectedOffset: Int, actualOffset: Int)
  case missingTensor(name: String, available: [String])
  case missingMetadata(key: String)
  case wrongElementType(name: String, expected: ElementType, actual: ElementType)
  case wrongShape(name: String, expected: [Int], actual: [Int])

  public var description: String {
    switch self {
    case .truncated(let expected, let actual):
      return "not a whole safetensors file: expected \(expected) bytes, got \(actual)"
    case .headerTooLarge(let bytes, let maximum):
      return "not a safetensors file: its header claims \(bytes) bytes, more than \(maximum)"
    case .malformedHeader(let reason):
      return "not a safetensors header: \(reason)"
    case .malformedTensor(let name, let reason):
      return "tensor '\(name)': \(reason)"
    case .brokenLayout(let name, let expected, let actual):
      return "tensor '\(name)': expected its data to start at byte \(expected), the header says "
        + "\(actual): tensors must fill the file without gaps or overlaps"
    case .missingTensor(let name, let available):
      let shown = available.prefix(12).joined(separator: ", ")
      let more = available.count > 12 ? ", … (\(available.count) in all)" : ""
      return "tensor '\(name)' is missing; the file holds: \(shown)\(more)"
    case .missingMetadata(let key):
      return "metadata '\(key)' is missing"
    case .wrongElementType(let name, let expected, let actual):
      return "tensor '\(name)': expected \(expected.rawValue) elements, got \(actual.rawValue)"
    case .wrongShape(let name, let expected, let actual):
      return "tensor '\(name)': expected shape \(expected), got \(actual)"
    }
  }
}
