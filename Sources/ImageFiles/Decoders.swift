import CPNG
import CTurboJPEG

// The two C libraries. They read from and write to arrays whose sizes are checked here, and keep no
// address after a call.

extension RGBImage {
  static func png(_ bytes: [UInt8]) throws(UnreadableImage) -> RGBImage {
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    // The image refers to `bytes` from its beginning until it is read.
    let result = bytes.withUnsafeBytes { file -> Result<RGBImage, UnreadableImage> in
      guard png_image_begin_read_from_memory(&image, file.baseAddress, file.count) != 0 else {
        return .failure(UnreadableImage("not a PNG file that can be read: \(message(of: image))"))
      }
      let (width, height) = (Int(image.width), Int(image.height))
      do throws(UnreadableImage) {
        try checkSize(width, height)
      } catch {
        return .failure(error)
      }
      image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
      // Without a word about brightness two bytes a channel mean what one would.
      image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      var white = png_color(red: 255, green: 255, blue: 255)
      var pixels = [UInt8](repeating: 0, count: width * height * 3)
      guard png_image_finish_read(&image, &white, &pixels, png_int_32(width * 3), nil) != 0 else {
        return .failure(UnreadableImage("not a PNG file that can be read: \(message(of: image))"))
      }
      return .success(RGBImage(width: width, height: height, bytes: pixels))
    }
    return try result.get()
  }

  private static func message(of image: png_image) -> String {
    withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  static func jpeg(_ bytes: [UInt8]) throws(UnreadableImage) -> RGBImage {
    guard let decoder = tjInitDecompress() else {
      throw UnreadableImage(
        "the JPEG decoder cannot start: \(String(cString: tjGetErrorStr2(nil)))")
    }
    defer { tjDestroy(decoder) }
    func failure() -> UnreadableImage {
      UnreadableImage(
        "not a JPEG file that can be read: \(String(cString: tjGetErrorStr2(decoder)))")
    }
    var (width, height, sampling, space) = (Int32(0), Int32(0), Int32(0), Int32(0))
    let size = UInt(bytes.count)
    guard
      tjDecompressHeader3(decoder, bytes, size, &width, &height, &sampling, &space) == 0
    else { throw failure() }
    try checkSize(Int(width), Int(height))
    var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * 3)
    // A file that is cut short gives a warning, which is not 0 either.
    guard
      tjDecompress2(
        decoder, bytes, size, &pixels, width, width * 3, height, Int32(TJPF_RGB.rawValue),
        TJFLAG_ACCURATEDCT) == 0
    else { throw failure() }
    return RGBImage(width: Int(width), height: Int(height), bytes: pixels)
  }
}
