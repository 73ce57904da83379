import Foundation
import ImageFiles
import Plots
import Testing

@Suite("PNG")
struct PNGPictureTests {
  private static func image(_ png: [UInt8]) throws -> RGBImage {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).png")
      .path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(png).write(to: URL(filePath: path))
    return try RGBImage(file: path)
  }

  /// Pixels of a part for which `condition` holds.
  private static func count(
    _ image: RGBImage, x: Range<Int>, y: Range<Int>, where condition: (Int, Int, Int) -> Bool
  ) -> Int {
    y.reduce(0) { sum, row in
      sum
        + x.count { column in
          let place = (row * image.width + column) * 3
          return condition(
            Int(image.bytes[place]), Int(image.bytes[place + 1]), Int(image.bytes[place + 2]))
        }
    }
  }

  @Test("A chart's PNG has its size, its text and its colours")
  func chart() throws {
    let chart = Chart(
      title: "Much text in the title", x: Axis(label: "x"), y: Axis(label: "y"),
      marks: [.line(name: "", points: [Point(x: 0, y: 0), Point(x: 1, y: 1)])])
    let image = try Self.image(
      try PNGPicture.png(svg: chart.svg(width: 400, height: 300), scale: 1.5))
    #expect(image.width == 600 && image.height == 450)
    let dark = Self.count(image, x: 0..<600, y: 0..<50) { $0 < 100 && $1 < 100 && $2 < 100 }
    #expect(dark > 200, "the title shows; is there a font?")
    #expect(Self.count(image, x: 0..<600, y: 0..<10) { $0 < 255 || $1 < 255 || $2 < 255 } == 0)
    // The first series' blue.
    #expect(Self.count(image, x: 0..<600, y: 50..<450) { $0 < 30 && $1 > 90 && $2 > 150 } > 300)
  }

  @Test("What is no SVG is refused in words")
  func refusal() {
    #expect(throws: PNGPictureError.self) { try PNGPicture.png(svg: "no picture") }
    #expect(throws: PNGPictureError.self) {
      try PNGPicture.png(
        svg: Chart(title: "", x: Axis(label: ""), y: Axis(label: ""), marks: []).svg(), scale: 0)
    }
  }
}
