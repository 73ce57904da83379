import Foundation

extension SafetensorsFile {
  /// The longest header that is read, as in the reference implementation.
  public static let maximumHeaderBytes = 100_000_000

  /// One tensor as the header describes it.
  private struct Description: Decodable {
    var dtype: String
    var shape: [Int]
    var offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private struct Name: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private struct Header: Decodable {
    var metadata: [String: String] = [:]
    var tensors: [String: Description] = [:]

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Name.self)
      for key in container.allKeys {
        if key.stringValue == "__metadata__" {
          metadata = try container.decode([String: String].self, forKey: key)
        } else {
          tensors[key.stringValue] = try container.decode(Description.self, forKey: key)
        }
      }
    }
  }

  /// Reads a whole file.
  ///
  /// Every claim of the header is checked against the bytes before any tensor can be read: lengths,
  /// element types, shapes, and that the tensors fill the data exactly.
  public init(parsing bytes: [UInt8]) throws(SafetensorsError) {
    guard bytes.count >= 8 else {
      throw .truncated(expectedBytes: 8, actualBytes: bytes.count)
    }
    let claimed = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard claimed <= UInt64(Self.maximumHeaderBytes) else {
      throw .headerTooLarge(bytes: claimed, maximum: Self.maximumHeaderBytes)
    }
    let start = 8 + Int(claimed)
    guard bytes.count >= start else {
      throw .truncated(expectedBytes: start, actualBytes: bytes.count)
    }
    let header: Header
    do {
      header = try JSONDecoder().decode(Header.self, from: Data(bytes[8..<start]))
    } catch let error as DecodingError {
      throw .malformedHeader(Self.reason(of: error))
    } catch {
      throw .malformedHeader("\(error)")
    }

    self.init()
    metadata = header.metadata
    // In the order of their data (then of their ends: empty tensors share a start), to see gaps and
    // overlaps.
    var ranges: [(name: String, start: Int, end: Int)] = []
    for (name, tensor) in header.tensors {
      let (entry, range) = try Self.entry(name, tensor)
      ranges.append((name, range.lowerBound, range.upperBound))
      entries[name] = entry
    }
    ranges.sort { ($0.start, $0.end, $0.name) < ($1.start, $1.end, $1.name) }
    var offset = 0
    for range in ranges {
      guard range.start == offset else {
        throw .brokenLayout(name: range.name, expectedOffset: offset, actualOffset: range.start)
      }
      guard range.end <= bytes.count - start else {
        let (end, overflow) = start.addingReportingOverflow(range.end)
        throw .truncated(expectedBytes: overflow ? .max : end, actualBytes: bytes.count)
      }
      entries[range.name]?.data = bytes[start + range.start..<start + range.end]
      offset = range.end
    }
    guard start + offset == bytes.count else {
      throw .malformedHeader(
        "expected \(start + offset) bytes in the file, got \(bytes.count): "
          + "no tensor claims the last \(bytes.count - start - offset)")
    }
  }

  /// Checks one tensor's description against itself; its data is filled in later.
  private static func entry(
    _ name: String, _ tensor: Description
  ) throws(SafetensorsError) -> (Entry, Range<Int>) {
    guard let type = ElementType(rawValue: tensor.dtype) else {
      let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw .malformedTensor(
        name: name, reason: "element type '\(tensor.dtype)' is not one of \(known)")
    }
    var size = type.byteCount
    for length in tensor.shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: length)
      guard length >= 0, !overflow else {
        throw .malformedTensor(name: name, reason: "impossible shape \(tensor.shape)")
      }
      size = product
    }
    let offsets = tensor.offsets
    guard offsets.count == 2, offsets[0] >= 0, offsets[1] >= offsets[0] else {
      throw .malformedTensor(
        name: name, reason: "expected data_offsets [start, end] with start ≤ end, got \(offsets)")
    }
    guard offsets[1] - offsets[0] == size else {
      throw .malformedTensor(
        name: name,
        reason: "shape \(tensor.shape) of \(type.rawValue) takes \(size) bytes, "
          + "its data_offsets give \(offsets[1] - offsets[0])")
    }
    return (Entry(elementType: type, shape: tensor.shape, data: []), offsets[0]..<offsets[1])
  }

  private static func reason(of error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      context.codingPath.isEmpty
        ? "" : "at " + context.codingPath.map(\.stringValue).joined(separator: ".") + ": "
    }
    switch error {
    case .typeMismatch(let type, let context):
      return place(context) + "expected \(type)"
    case .valueNotFound(let type, let context):
      return place(context) + "expected \(type), got null"
    case .keyNotFound(let key, let context):
      return place(context) + "'\(key.stringValue)' is missing"
    case .dataCorrupted(let context):
      return place(context) + context.debugDescription
    @unknown default:
      return "\(error)"
    }
  }

  // MARK: Writing

  /// The file's bytes. Header keys are sorted; data lies in the order of element size, largest
  /// first, then name, so that every tensor is aligned for readers that map the file.
  public func serialized() -> [UInt8] {
    let layout = entries.sorted {
      let (a, b) = ($0.value.elementType.byteCount, $1.value.elementType.byteCount)
      return a != b ? a > b : $0.key < $1.key
    }
    var offsets: [String: Range<Int>] = [:]
    var offset = 0
    for (name, entry) in layout {
      offsets[name] = offset..<offset + entry.data.count
      offset += entry.data.count
    }
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }
        .map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      let range = offsets[name]!
      fields.append(
        "\(Self.quoted(name)):{\"dtype\":\"\(entry.elementType.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}")
    }
    var header = Array("{\(fields.joined(separator: ","))}".utf8)
    // Spaces up to a multiple of eight keep the data aligned.
    header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + offset)
    let length = UInt64(header.count)
    bytes += (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
    bytes += header
    for (_, entry) in layout { bytes += entry.data }
    return bytes
  }

  /// `text` as a JSON string.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
