// Tensors in frames. Everything that Swift runs on is little-endian, as the wire is.

import Tensors

extension Frame {
  /// A float tensor, F32.
  ///
  /// - Precondition: `floats` has as many elements as `shape` says.
  public init(name: String, shape: [Int], floats: [Float]) {
    self.init(name: name, type: .float32, shape: shape, elements: floats)
  }

  /// A byte tensor, U8.
  public init(name: String, shape: [Int], bytes: [UInt8]) {
    self.init(name: name, type: .uint8, shape: shape, elements: bytes)
  }

  /// An integer tensor, I32.
  public init(name: String, shape: [Int], int32s: [Int32]) {
    self.init(name: name, type: .int32, shape: shape, elements: int32s)
  }

  /// A truth-value tensor, BOOL.
  public init(name: String, shape: [Int], bools: [Bool]) {
    self.init(name: name, type: .bool, shape: shape, elements: bools.map { $0 ? UInt8(1) : 0 })
  }

  private init<Element: BitwiseCopyable & Sendable>(
    name: String, type: ElementType, shape: [Int], elements: [Element]
  ) {
    let description = FrameDescription(name: name, type: type, shape: shape)
    do {
      try self.init(ArrayFrame(elements: elements), description)
    } catch {
      preconditionFailure("\(error)")
    }
  }

  /// The elements of an F32 frame.
  ///
  /// - Parameter shape: The shape that it must have; nil for any.
  /// - Throws: `RequestError.malformed` for another element type or shape.
  public func floats(shape: [Int]? = nil) throws -> [Float] {
    try elements(.float32, shape)
  }

  /// The elements of a U8 frame.
  public func bytes(shape: [Int]?) throws -> [UInt8] { try elements(.uint8, shape) }

  /// The elements of an I32 frame.
  public func int32s(shape: [Int]? = nil) throws -> [Int32] {
    try elements(.int32, shape)
  }

  /// The elements of a BOOL frame: any byte but 0 is true.
  public func bools(shape: [Int]? = nil) throws -> [Bool] {
    let bytes: [UInt8] = try elements(.bool, shape)
    return bytes.map { $0 != 0 }
  }

  private func elements<Element: BitwiseCopyable>(
    _ type: ElementType, _ shape: [Int]?
  ) throws -> [Element] {
    let expected = FrameDescription(
      name: description.name, type: type, shape: shape ?? description.shape)
    guard description == expected else {
      throw RequestError.malformed("expected a frame \(expected), got \(description)")
    }
    return withUnsafeBytes { source in
      Array(unsafeUninitializedCapacity: source.count / MemoryLayout<Element>.stride) {
        target, count in
        // Copied as bytes: a transport's buffer need not be aligned.
        UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
        count = source.count / MemoryLayout<Element>.stride
      }
    }
  }
}

extension Envelope {
  /// The frame called `name`.
  ///
  /// - Throws: `RequestError.malformed` when there is none.
  public func frame(_ name: String) throws -> Frame {
    guard let frame = frames.first(where: { $0.description.name == name }) else {
      throw RequestError.malformed(
        "the frame '\(name)' is missing; there are \(frames.map { $0.description.description })")
    }
    return frame
  }

  /// The message's only frame, as of a blob.
  ///
  /// - Throws: `RequestError.malformed` when there is not exactly one.
  public func onlyFrame() throws -> Frame {
    guard frames.count == 1 else {
      throw RequestError.malformed("expected one raw frame, got \(frames.count)")
    }
    return frames[0]
  }
}
