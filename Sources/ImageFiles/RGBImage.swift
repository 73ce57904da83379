/// A picture in red, green and blue.
public struct RGBImage: Equatable, Sendable {
  /// Pixels.
  public let width: Int
  public let height: Int
  /// [height, width, 3]
  public let bytes: [UInt8]

  /// - Precondition: as many bytes as width × height × 3, and at least one pixel.
  public init(width: Int, height: Int, bytes: [UInt8]) {
    precondition(
      width > 0 && height > 0 && bytes.count == width * height * 3,
      "\(bytes.count) bytes are no picture of \(width)×\(height) pixels")
    self.width = width
    self.height = height
    self.bytes = bytes
  }
}

/// A file that is no picture, or none that can be read.
public struct ImageFileError: Error, Equatable, CustomStringConvertible {
  public let path: String
  public let reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path): \(reason)" }
}
