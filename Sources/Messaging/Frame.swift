/// Raw bytes of one message frame, and what they mean: owned by an array, or by the transport's own
/// buffer and read in place.
public struct Frame: Sendable {
  /// Name, element type and shape, which travel in the header; the element count times the
  /// element's size is the frame's byte count.
  public let description: FrameDescription
  private let storage: any FrameStorage

  /// Plain bytes, described as a vector of U8.
  public init(_ bytes: [UInt8]) { self.init(ArrayFrame(elements: bytes)) }

  /// Plain bytes in a buffer of somebody else's.
  public init(_ storage: any FrameStorage) {
    self.storage = storage
    description = FrameDescription(type: .uint8, shape: [storage.count])
  }

  /// Bytes that have the meaning `description`.
  ///
  /// - Throws: `RequestError.malformed` when the storage has not as many bytes as the description
  ///   asks for.
  public init(_ storage: any FrameStorage, _ description: FrameDescription) throws {
    guard description.byteCount == storage.count else {
      throw RequestError.malformed(
        "\(description) takes \(description.byteCount.map(String.init) ?? "too many")"
          + " bytes, the frame has \(storage.count)")
    }
    self.storage = storage
    self.description = description
  }

  /// The same bytes with another meaning.
  func described(as description: FrameDescription) throws -> Frame {
    try Frame(storage, description)
  }

  /// Bytes.
  public var count: Int { storage.count }

  /// Reads the bytes in place; the pointer is valid only inside `body`, and need not be aligned.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try storage.withUnsafeBytes(body)
  }

  /// A copy of the bytes.
  public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
}

/// An immutable buffer that a frame can read from. Its address stays the same as long as it lives.
public protocol FrameStorage: Sendable {
  /// Bytes.
  var count: Int { get }
  /// Reads the bytes in place; the pointer is valid only inside `body`.
  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R
}

/// An array's elements as they lie in memory.
struct ArrayFrame<Element: BitwiseCopyable & Sendable>: FrameStorage {
  let elements: [Element]
  var count: Int { elements.count * MemoryLayout<Element>.stride }
  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try elements.withUnsafeBytes(body)
  }
}
