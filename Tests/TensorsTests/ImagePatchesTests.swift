import Testing

@testable import Tensors

@Suite struct ImagePatchesTests {
  /// The same, pixel by pixel.
  private func expected(
    _ bytes: [UInt8], at start: Int, height: Int, width: Int, patch: Int, merge: Int
  ) -> [Float] {
    var values: [Float] = []
    let block = patch * merge
    for blockTop in stride(from: 0, to: height, by: block) {
      for blockLeft in stride(from: 0, to: width, by: block) {
        for top in stride(from: blockTop, to: blockTop + block, by: patch) {
          for left in stride(from: blockLeft, to: blockLeft + block, by: patch) {
            for row in top..<top + patch {
              for column in left..<left + patch {
                for channel in 0..<3 {
                  let byte = bytes[start + (row * width + column) * 3 + channel]
                  values.append(Float(byte) / 127.5 - 1)
                }
              }
            }
          }
        }
      }
    }
    return values
  }

  @Test func framesAreCutIntoBlocksOfPatches() {
    var random = RandomSource(seed: 1, stream: "images")
    let sizes = [(8, 8, 8, 1), (8, 12, 4, 1), (16, 24, 4, 2), (64, 64, 16, 1), (18, 18, 3, 3)]
    var sources: [ImagePatches.Source] = []
    var all: [Float] = []
    for (height, width, patch, merge) in sizes {
      let count = height * width * 3
      let bytes = (0..<3 * count).map { _ in UInt8(random.integer(below: 256)) }
      for start in [0, count, 2 * count] {
        sources.append(
          .init(
            bytes[start..<start + count], height: height, width: width, patch: patch, merge: merge))
        all += expected(bytes, at: start, height: height, width: width, patch: patch, merge: merge)
      }
    }
    #expect(ImagePatches.gathered(from: sources) == all)
    #expect(ImagePatches.gathered(from: []).isEmpty)
  }
}
