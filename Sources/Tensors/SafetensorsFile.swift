/// A safetensors file in memory: named tensors and a text dictionary.
///
/// The same content always gives the same bytes. Layout
/// (https://github.com/huggingface/safetensors): eight bytes of little-endian header length, a JSON
/// header, then the tensors' little-endian data without gaps.
public struct SafetensorsFile: Sendable, Equatable {
  struct Entry: Sendable, Equatable {
    var elementType: ElementType
    var shape: [Int]
    /// A slice of the parsed file, so that reading copies nothing before a tensor is asked for.
    var data: ArraySlice<UInt8>
  }

  /// The header's `__metadata__`.
  public var metadata: [String: String]
  var entries: [String: Entry]

  /// An empty file.
  public init() {
    metadata = [:]
    entries = [:]
  }

  /// The tensors' names, sorted.
  public var names: [String] { entries.keys.sorted() }

  public func contains(_ name: String) -> Bool { entries[name] != nil }

  /// - Throws: `.missingTensor`.
  public func shape(of name: String) throws(SafetensorsError) -> [Int] { try entry(name).shape }

  /// - Throws: `.missingTensor`.
  public func elementType(of name: String) throws(SafetensorsError) -> ElementType {
    try entry(name).elementType
  }

  /// - Throws: `.missingMetadata`.
  public func metadata(_ key: String) throws(SafetensorsError) -> String {
    guard let text = metadata[key] else { throw .missingMetadata(key: key) }
    return text
  }

  // MARK: Writing

  /// Adds a tensor, or replaces the one of the same name. Likewise for the other element types.
  ///
  /// - Precondition: as many elements as `shape` says.
  public mutating func add(_ name: String, shape: [Int], floats: [Float]) {
    insert(name, .float32, shape, floats.count, littleEndian(floats.lazy.map(\.bitPattern))[...])
  }

  public mutating func add(_ name: String, shape: [Int], bytes: ArraySlice<UInt8>) {
    insert(name, .uint8, shape, bytes.count, bytes)
  }

  public mutating func add(_ name: String, shape: [Int], bools: [Bool]) {
    insert(name, .bool, shape, bools.count, bools.map { $0 ? 1 : 0 }[...])
  }

  public mutating func add(_ name: String, shape: [Int], int32s: [Int32]) {
    insert(name, .int32, shape, int32s.count, littleEndian(int32s)[...])
  }

  private mutating func insert(
    _ name: String, _ type: ElementType, _ shape: [Int], _ count: Int, _ data: ArraySlice<UInt8>
  ) {
    precondition(name != "__metadata__", "'__metadata__' names the text dictionary, not a tensor")
    let expected = shape.reduce(1, *)
    precondition(
      shape.allSatisfy { $0 >= 0 } && expected == count,
      "tensor '\(name)': shape \(shape) holds \(expected) elements, got \(count)")
    entries[name] = Entry(elementType: type, shape: shape, data: data)
  }

  // MARK: Reading

  /// The elements of a 32-bit float tensor. Likewise for the other element types.
  ///
  /// - Parameter shape: The shape that the tensor must have; nil takes any.
  /// - Throws: `.missingTensor`, `.wrongElementType`, `.wrongShape`.
  public func floats(
    _ name: String, shape: [Int]? = nil
  ) throws(SafetensorsError) -> [Float] {
    let words: [UInt32] = fromLittleEndian(try entry(name, .float32, shape).data)
    return words.map(Float.init(bitPattern:))
  }

  /// The elements of a tensor of bytes: a part of the parsed file, which lives as long as this does.
  public func bytes(
    _ name: String, shape: [Int]? = nil
  ) throws(SafetensorsError) -> ArraySlice<UInt8> {
    try entry(name, .uint8, shape).data
  }

  /// - Throws: also `.malformedTensor` when an element is neither 0 nor 1.
  public func bools(_ name: String, shape: [Int]? = nil) throws(SafetensorsError) -> [Bool] {
    let data = try entry(name, .bool, shape).data
    if let wrong = data.first(where: { $0 > 1 }) {
      throw .malformedTensor(name: name, reason: "expected booleans 0 or 1, got \(wrong)")
    }
    return data.map { $0 == 1 }
  }

  public func int32s(_ name: String, shape: [Int]? = nil) throws(SafetensorsError) -> [Int32] {
    fromLittleEndian(try entry(name, .int32, shape).data)
  }

  private func entry(_ name: String) throws(SafetensorsError) -> Entry {
    guard let entry = entries[name] else { throw .missingTensor(name: name, available: names) }
    return entry
  }

  private func entry(
    _ name: String, _ type: ElementType, _ shape: [Int]?
  ) throws(SafetensorsError) -> Entry {
    let found = try entry(name)
    guard found.elementType == type else {
      throw .wrongElementType(name: name, expected: type, actual: found.elementType)
    }
    if let shape, shape != found.shape {
      throw .wrongShape(name: name, expected: shape, actual: found.shape)
    }
    return found
  }
}

/// The elements' bytes, least significant first.
private func littleEndian<S: Collection>(_ elements: S) -> [UInt8]
where S.Element: FixedWidthInteger {
  let width = MemoryLayout<S.Element>.size
  return [UInt8](unsafeUninitializedCapacity: elements.count * width) { buffer, count in
    let raw = UnsafeMutableRawPointer(buffer.baseAddress)
    var offset = 0
    for element in elements {
      raw?.storeBytes(of: element.littleEndian, toByteOffset: offset, as: S.Element.self)
      offset += width
    }
    count = offset
  }
}

private func fromLittleEndian<Element: FixedWidthInteger>(_ data: ArraySlice<UInt8>) -> [Element] {
  let width = MemoryLayout<Element>.size
  return data.withUnsafeBytes { raw in
    (0..<raw.count / width).map {
      Element(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * width, as: Element.self))
    }
  }
}
