/// Raw bytes of one message frame, and what they mean: owned by an array, or by the transport's own
/// buffer and read in place.
public struct Frame: Sendable {
  // Frames are copied often: two references make that cheap.
  private let content: Content
  /// Nil for plain bytes, of which every message has some.
  private let meaning: Meaning?

  private enum Content: Sendable {
    case bytes([UInt8])
    case stored(any FrameStorage)
  }

  private final class Meaning: Sendable {
    let description: FrameDescription
    init(_ description: FrameDescription) { self.description = description }
  }

  /// Plain bytes, described as a vector of U8.
  public init(_ bytes: [UInt8]) { (content, meaning) = (.bytes(bytes), nil) }

  /// Plain bytes in a buffer of somebody else's.
  public init(_ storage: any FrameStorage) { (content, meaning) = (.stored(storage), nil) }

  /// Bytes that have the meaning `description`.
  ///
  /// - Throws: `RequestError.malformed` when the storage has not as many bytes as the description
  ///   asks for.
  public init(_ storage: any FrameStorage, _ description: FrameDescription) throws {
    try self.init(.stored(storage), description)
  }

  private init(_ content: Content, _ description: FrameDescription) throws {
    self.content = content
    meaning = Meaning(description)
    guard description.byteCount == count else {
      throw RequestError.malformed(
        "\(description) takes \(description.byteCount.map(String.init) ?? "too many")"
          + " bytes, the frame has \(count)")
    }
  }

  /// Name, element type and shape, which travel in the header; the element count times the
  /// element's size is the frame's byte count.
  public var description: FrameDescription {
    meaning?.description ?? FrameDescription(type: .uint8, shape: [count])
  }

  /// The same bytes with another meaning.
  func described(as description: FrameDescription) throws -> Frame {
    try Frame(content, description)
  }

  /// Bytes.
  public var count: Int {
    switch content {
    case .bytes(let bytes): bytes.count
    case .stored(let storage): storage.count
    }
  }

  /// Reads the bytes in place; the pointer is valid only inside `body`, and need not be aligned.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    switch content {
    case .bytes(let bytes): try bytes.withUnsafeBytes(body)
    case .stored(let storage): try storage.withUnsafeBytes(body)
    }
  }

  /// The bytes: a copy, where they do not lie in an array already.
  public var bytes: [UInt8] {
    if case .bytes(let bytes) = content { bytes } else { withUnsafeBytes { Array($0) } }
  }
}

/// An immutable buffer that a frame can read from. Its address stays the same as long as it lives.
public protocol FrameStorage: AnyObject, Sendable {
  /// Bytes.
  var count: Int { get }
  /// Reads the bytes in place; the pointer is valid only inside `body`.
  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R
}

/// An array's elements as they lie in memory.
final class ArrayFrame<Element: BitwiseCopyable & Sendable>: FrameStorage {
  let elements: [Element]
  init(elements: [Element]) { self.elements = elements }
  var count: Int { elements.count * MemoryLayout<Element>.stride }
  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try elements.withUnsafeBytes(body)
  }
}
