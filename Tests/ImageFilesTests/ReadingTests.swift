import Foundation
import Testing

@testable import ImageFiles

/// `Fixtures/make_images.sh` made the files.
@Suite struct ReadingTests {
  private static func path(_ name: String) throws -> String {
    try #require(Bundle.module.resourceURL).appending(path: "Fixtures/\(name)").path
  }

  /// A file of its own, which is deleted afterwards.
  private static func reading(_ bytes: [UInt8]) throws -> RGBImage {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try Data(bytes).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try RGBImage(file: path)
  }

  private static func reason(_ bytes: [UInt8]) -> String {
    do {
      _ = try reading(bytes)
      return ""
    } catch {
      return (error as? ImageFileError)?.reason ?? "\(error)"
    }
  }

  @Test(arguments: [
    "colours.png", "deep.png", "palette.png", "interlaced.png", "colours.ppm", "deep.ppm",
  ])
  func everyLosslessFormGivesTheSameColours(name: String) throws {
    let expected: [UInt8] = [
      255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255,
      0, 0, 0, 128, 128, 128, 255, 255, 0, 10, 20, 30,
    ]
    #expect(
      try RGBImage(file: Self.path(name)) == RGBImage(width: 4, height: 2, bytes: expected))
  }

  @Test func greyHasThreeEqualColours() throws {
    #expect(
      try RGBImage(file: Self.path("grey.png")).bytes == [0, 0, 0, 100, 100, 100, 255, 255, 255])
    let jpeg = try RGBImage(file: Self.path("grey.jpg"))
    #expect(close(pixel(jpeg, 4, 8), [40, 40, 40]) && close(pixel(jpeg, 28, 8), [200, 200, 200]))
  }

  @Test func transparentStandsOnWhite() throws {
    #expect(
      try RGBImage(file: Self.path("alpha.png")).bytes == [255, 255, 255, 255, 0, 0, 0, 0, 0])
  }

  @Test(arguments: ["halves.jpg", "progressive.jpeg"])
  func jpegs(name: String) throws {
    let image = try RGBImage(file: Self.path(name))
    #expect(image.width == 32 && image.height == 16)
    #expect(close(pixel(image, 4, 8), [255, 0, 0]) && close(pixel(image, 28, 8), [0, 0, 255]))
  }

  @Test func wrongFilesAreNamedWithTheReason() throws {
    let missing = #expect(throws: ImageFileError.self) { try RGBImage(file: "/nowhere/a.png") }
    #expect(missing?.description == "/nowhere/a.png: there is no such file")
    let script = try Self.path("make_images.sh")
    let text = #expect(throws: ImageFileError.self) { try RGBImage(file: script) }
    #expect(text?.path == script)
    #expect(
      text?.reason
        == "expected a PNG, JPEG or binary PPM (P6) file; it begins with the bytes 23 21 2f 75")
    #expect(Self.reason([]).hasSuffix("it is empty"))
    #expect(throws: ImageFileError.self) { try RGBImage(file: Self.path("cmyk.jpg")) }
  }

  /// Wherever pixels are missing; what ends a PNG (12 bytes) or a JPEG (2) is not needed.
  @Test(arguments: [
    ("colours.png", 12), ("halves.jpg", 2), ("colours.ppm", 0), ("deep.ppm", 0),
  ])
  func everyCutIsNoticed(name: String, ending: Int) throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: try Self.path(name))))
    for count in 0..<bytes.count - ending {
      #expect(Self.reason(Array(bytes.prefix(count))) != "", "\(count) bytes")
    }
  }

  @Test func wrongPPMHeaders() {
    #expect(Self.reason(Array("P6 1 x 255 ...".utf8)) == "its header has no height")
    #expect(Self.reason(Array("P6 1 1 70000 ...".utf8)).contains("largest value is 70000"))
    #expect(Self.reason(Array("P6 0 1 255 ...".utf8)).hasPrefix("it has 0×1 pixels"))
    #expect(Self.reason(Array("P6 1000000 1000000 255 ...".utf8)).contains("at most 100000000"))
  }

  /// A comment between numbers, and values up to 3: 3 is white, 1 a third of it.
  @Test func ppmCommentsAndSmallValues() throws {
    let image = try Self.reading(Array("P6 # a comment 9\n1\t1 3\n".utf8) + [3, 1, 0])
    #expect(image == RGBImage(width: 1, height: 1, bytes: [255, 85, 0]))
  }

  private func pixel(_ image: RGBImage, _ x: Int, _ y: Int) -> [UInt8] {
    let start = (y * image.width + x) * 3
    return Array(image.bytes[start..<start + 3])
  }

  private func close(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    zip(a, b).allSatisfy { abs(Int($0) - Int($1)) <= 6 }
  }
}
