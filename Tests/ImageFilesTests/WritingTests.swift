import Foundation
import ImageFiles
import Testing

@Suite struct WritingTests {
  @Test(arguments: [(1, 1), (3, 2), (64, 48)])
  func whatIsWrittenIsRead(width: Int, height: Int) throws {
    // Noise, which no compression makes smaller.
    var state: UInt32 = 1
    let bytes = (0..<width * height * 3).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    let image = RGBImage(width: width, height: height, bytes: bytes)
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(image.png()).write(to: URL(filePath: path))
    #expect(try RGBImage(file: path) == image)
  }
}
