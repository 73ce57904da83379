import CPNG

extension RGBImage {
  /// The picture as a PNG file, without loss.
  ///
  /// - Throws: `ImageEncodingError` when there is no memory for it.
  public func png() throws(ImageEncodingError) -> [UInt8] {
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
    defer { png_image_free(&image) }
    // More than the file can take: each row as it is, with a byte for its filter, in blocks that
    // deflate leaves alone, and the headers.
    let raw = height * (width * 3 + 1)
    var file = [UInt8](repeating: 0, count: raw + raw / 1000 + 1024)
    var size = png_alloc_size_t(file.count)
    guard png_image_write_to_memory(&image, &file, &size, 0, bytes, png_int_32(width * 3), nil) != 0
    else {
      let reason = withUnsafeBytes(of: image.message) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw ImageEncodingError(reason: reason)
    }
    return Array(file.prefix(Int(size)))
  }
}

/// Why a picture cannot be written.
public struct ImageEncodingError: Error, Equatable, CustomStringConvertible {
  public let reason: String

  public var description: String { "the picture cannot be written as PNG: \(reason)" }
}
