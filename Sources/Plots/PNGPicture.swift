import CRSVG

/// Bitmaps of SVG documents, drawn by librsvg.
///
/// Text is drawn with this machine's fonts; `Scripts/setup.sh` installs one. An SVG needs none.
public enum PNGPicture {
  /// A PNG file of an SVG document, as it shows on a light screen.
  ///
  /// - Parameters:
  ///   - svg: A document whose root has a width and a height in pixels.
  ///   - scale: Pixels of the picture for each pixel of the document, above 0.
  /// - Throws: `PNGPictureError` for what is no SVG or has no size that makes a picture, and where
  ///   there is no font.
  public static func png(svg: String, scale: Double = 2) throws -> [UInt8] {
    let handle = try handle(of: svg)
    defer { g_object_unref(UnsafeMutableRawPointer(handle)) }
    var (width, height) = (0.0, 0.0)
    guard rsvg_handle_get_intrinsic_size_in_pixels(handle, &width, &height) != 0 else {
      throw PNGPictureError(reason: "the document has no width and height in pixels")
    }
    let size = ((width * scale).rounded(), (height * scale).rounded())
    // cairo's own limit for either side.
    guard scale > 0, (1...32767).contains(size.0), (1...32767).contains(size.1) else {
      throw PNGPictureError(
        reason: "\(width)×\(height) pixels at the scale \(scale) make no picture; "
          + "expected 1 to 32767 pixels a side")
    }
    let surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, Int32(size.0), Int32(size.1))
    defer { cairo_surface_destroy(surface) }
    let context = cairo_create(surface)
    defer { cairo_destroy(context) }
    guard hasFont(context) else {
      throw PNGPictureError(
        reason: "this machine has no font to draw text with; install one, such as Debian's "
          + "fonts-dejavu-core, or choose SVG")
    }
    // Stays white where the document is transparent.
    cairo_set_source_rgb(context, 1, 1, 1)
    cairo_paint(context)
    var viewport = RsvgRectangle(x: 0, y: 0, width: size.0, height: size.1)
    var error: UnsafeMutablePointer<GError>?
    guard rsvg_handle_render_document(handle, context, &viewport, &error) != 0 else {
      throw failure("librsvg cannot draw the document", error)
    }
    cairo_surface_flush(surface)
    return try file(of: surface)
  }

  /// Whether text would be more than empty boxes. Where fontconfig knows no font, cairo takes one
  /// that is built into it, which librsvg does not use: a "user font" in cairo's words.
  private static func hasFont(_ context: OpaquePointer?) -> Bool {
    cairo_select_font_face(
      context, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL)
    return cairo_scaled_font_get_type(cairo_get_scaled_font(context)) != CAIRO_FONT_TYPE_USER
  }

  private static func handle(of svg: String) throws -> OpaquePointer {
    var error: UnsafeMutablePointer<GError>?
    let bytes = Array(svg.utf8)
    guard let handle = rsvg_handle_new_from_data(bytes, UInt(bytes.count), &error) else {
      throw failure("not an SVG document", error)
    }
    return handle
  }

  private static func failure(
    _ what: String, _ error: UnsafeMutablePointer<GError>?
  ) -> PNGPictureError {
    defer { if let error { g_error_free(error) } }
    let reason = error.flatMap { $0.pointee.message }.map { ": " + String(cString: $0) } ?? ""
    return PNGPictureError(reason: what + reason)
  }

  private static func file(of surface: OpaquePointer?) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let status = withUnsafeMutablePointer(to: &bytes) { target in
      // Called during this call only, with the pointer that is passed on beside it.
      cairo_surface_write_to_png_stream(
        surface,
        { target, data, count in
          guard let target, let data else { return CAIRO_STATUS_WRITE_ERROR }
          target.assumingMemoryBound(to: [UInt8].self).pointee
            .append(contentsOf: UnsafeBufferPointer(start: data, count: Int(count)))
          return CAIRO_STATUS_SUCCESS
        }, target)
    }
    guard status == CAIRO_STATUS_SUCCESS else {
      throw PNGPictureError(
        reason: "cairo cannot write the picture: \(String(cString: cairo_status_to_string(status)))"
      )
    }
    return bytes
  }
}

/// Why there is no picture.
public struct PNGPictureError: Error, Equatable, CustomStringConvertible {
  public let reason: String

  public init(reason: String) { self.reason = reason }

  public var description: String { "no PNG: \(reason)" }
}
