import Foundation

extension RGBImage {
  /// What the names of files that can be read end with, in small letters.
  public static let fileExtensions: Set<String> = ["png", "jpg", "jpeg", "ppm"]

  /// Larger pictures are refused before memory is taken for them.
  static let pixelLimit = 100_000_000

  /// Reads a PNG, JPEG or binary PPM (P6) file. Its first bytes tell which it is, not its name.
  ///
  /// Grey becomes colour, deeper channels become bytes, and what is transparent stands on white.
  /// A camera's note about turning the picture (EXIF) is not followed.
  ///
  /// - Throws: `ImageFileError` with the path and the reason.
  public init(file path: String) throws(ImageFileError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      let exists = FileManager.default.fileExists(atPath: path)
      throw ImageFileError(
        path: path, reason: exists ? "cannot be read: \(error)" : "there is no such file")
    }
    do {
      self = try Self.parsing(Array(data))
    } catch {
      throw ImageFileError(path: path, reason: error.reason)
    }
  }

  private static func parsing(_ bytes: [UInt8]) throws(UnreadableImage) -> RGBImage {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return try .png(bytes) }
    if bytes.starts(with: [0xFF, 0xD8]) { return try .jpeg(bytes) }
    if bytes.starts(with: Array("P6".utf8)) { return try .ppm(bytes) }
    let start = bytes.prefix(4).map { String($0, radix: 16) }.joined(separator: " ")
    throw UnreadableImage(
      "expected a PNG, JPEG or binary PPM (P6) file; "
        + (bytes.isEmpty ? "it is empty" : "it begins with the bytes \(start)"))
  }

  /// - Throws: `UnreadableImage` for no pixels or too many.
  static func checkSize(_ width: Int, _ height: Int) throws(UnreadableImage) {
    let (pixels, overflows) = width.multipliedReportingOverflow(by: height)
    guard width > 0, height > 0, !overflows, pixels <= pixelLimit else {
      throw UnreadableImage(
        "it has \(width)×\(height) pixels; expected at least one and at most \(pixelLimit)")
    }
  }
}

/// Why bytes are no picture.
struct UnreadableImage: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}
