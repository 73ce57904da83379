import Testing

@testable import ImageFiles

@Suite struct ResizingTests {
  /// A grey picture from its rows.
  private func grey(_ rows: [[UInt8]]) -> RGBImage {
    RGBImage(
      width: rows[0].count, height: rows.count,
      bytes: rows.joined().flatMap { [$0, $0, $0] })
  }

  private func greys(_ image: RGBImage) -> [UInt8] {
    stride(from: 0, to: image.bytes.count, by: 3).map { image.bytes[$0] }
  }

  @Test func theSameSizeIsTheSamePicture() {
    let image = grey([[1, 2, 3], [40, 50, 60]])
    #expect(image.filling(width: 3, height: 2) == image)
  }

  @Test func sidesAreCutOff() {
    let wide = grey([[9, 1, 2, 9], [9, 3, 4, 9]])
    #expect(greys(wide.filling(width: 2, height: 2)) == [1, 2, 3, 4])
    let tall = grey([[9, 9], [1, 2], [3, 4], [9, 9]])
    #expect(greys(tall.filling(width: 2, height: 2)) == [1, 2, 3, 4])
  }

  /// The triangle of a pixel of two weighs 1 : 3 : 3 : 1, without the one outside of the picture.
  @Test func smallerIsAWeightedMean() {
    let image = grey([[70, 70, 140, 0], [70, 70, 140, 0]])
    #expect(greys(image.filling(width: 2, height: 1)) == [80, 70])
  }

  @Test func largerIsInterpolated() {
    let image = grey([[0, 100], [0, 100]])
    #expect(greys(image.filling(width: 4, height: 4)).prefix(4) == [0, 25, 75, 100])
  }

  /// One bright pixel in a large picture is not lost, as it would be by picking pixels.
  @Test func everyPixelCounts() {
    var rows = Array(repeating: [UInt8](repeating: 0, count: 64), count: 64)
    rows[33][21] = 255
    for y in 0..<8 { for x in 0..<8 { rows[8 + y][40 + x] = 255 } }
    let small = greys(grey(rows).filling(width: 8, height: 8))
    #expect(small[4 * 8 + 2] > 0)
    #expect(small[8 + 5] > 120 && small.map(Int.init).reduce(0, +) < 300)
  }

  @Test func coloursStayApart() {
    let image = RGBImage(width: 2, height: 1, bytes: [10, 20, 30, 30, 40, 50])
    #expect(image.filling(width: 1, height: 1).bytes == [20, 30, 40])
  }
}
