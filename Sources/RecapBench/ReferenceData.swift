/// The reference workloads' numbers: a generator that any language can repeat, so that
/// implementations can be compared number by number.
///
/// Number `i` of stream `name` is splitmix64 at state FNV-1a-64(name) + (i + 1) · golden ratio.
enum ReferenceData {
  /// `count` words of 64 random bits.
  static func bits(_ name: String, _ count: Int) -> [UInt64] {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return (0..<count).map { index in
      var z = hash &+ UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  /// Uniform numbers in [0, 1).
  static func unit(_ name: String, _ count: Int) -> [Double] {
    bits(name, count).map { Double($0 >> 11) * 0x1p-53 }
  }

  /// Uniform numbers in [−scale, scale).
  static func symmetric(_ name: String, _ count: Int, scale: Double = 1) -> [Float] {
    unit(name, count).map { Float((2 * $0 - 1) * scale) }
  }

  /// Whole numbers in `range`.
  static func integers(_ name: String, _ count: Int, in range: Range<Int>) -> [Int32] {
    bits(name, count).map {
      Int32(UInt64(range.lowerBound) + ($0 >> 33) % UInt64(range.count))
    }
  }
}

/// A batch of the reference workloads, B samples.
struct ReferenceBatch: Sendable {
  static let cameras = 2
  static let imageSize = 64
  static let patchSize = 16
  static let patches = 32
  static let patchWidth = 768
  static let textTokens = 24
  static let stateWidth = 16
  static let fastTokens = 32
  static let chunkLength = 16
  static let actionWidth = 8
  static let vocabulary = 512
  static let bins = 201
  /// Image, text and state tokens.
  static let prefix = patches + textTokens + 1

  let count: Int
  /// [B, cameras, 64, 64, 3]
  let images: [UInt8]
  /// [B, 24]
  var text: [Int32]
  /// [B, 16]
  let state: [Float]
  /// [B, 32]
  let fast: [Int32]
  /// [B, 16, 8]
  let actions: [Float]
  /// [B, 16, 8]
  let noise: [Float]
  /// [B]
  let times: [Float]
  /// [B]
  let returnBins: [Int32]

  init(count: Int) {
    typealias Data = ReferenceData
    let chunk = Self.chunkLength * Self.actionWidth
    self.count = count
    images = Data.bits("in.images", count * Self.cameras * Self.imageSize * Self.imageSize * 3)
      .map { UInt8($0 >> 56) }
    text = Data.integers("in.text", count * Self.textTokens, in: 2..<Self.vocabulary)
    state = Data.symmetric("in.state", count * Self.stateWidth)
    fast = Data.integers("in.fast", count * Self.fastTokens, in: 2..<Self.vocabulary)
    actions = Data.symmetric("in.actions", count * chunk)
    noise = Data.symmetric("in.noise", count * chunk, scale: 3.0.squareRoot())
    times = Data.unit("in.tau", count).map { Float($0) }
    returnBins = Data.integers("in.bin", count, in: 0..<Self.bins)
  }

  /// Observations alone, for sampling.
  init(images: [UInt8], text: [Int32], state: [Float], noise: [Float]) {
    count = state.count / Self.stateWidth
    (self.images, self.text, self.state, self.noise) = (images, text, state, noise)
    (fast, actions, times, returnBins) = ([], [], [], [])
  }

  /// The last text token stands for the advantage indicator; 0 is none.
  func withoutIndicator() -> ReferenceBatch {
    var batch = self
    for sample in 0..<count { batch.text[(sample + 1) * Self.textTokens - 1] = 0 }
    return batch
  }
}

extension Array {
  /// The elements of some samples, of an array with `width` elements a sample.
  func samples(_ samples: Range<Int>, width: Int) -> [Element] {
    Array(self[samples.lowerBound * width..<samples.upperBound * width])
  }
}
