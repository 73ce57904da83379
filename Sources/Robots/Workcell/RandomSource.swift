#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The workcell's random numbers: xoshiro256++ seeded through SplitMix64, so that neighbouring
/// seeds give unrelated streams. The same seed gives the same numbers everywhere.
struct RandomSource: RandomNumberGenerator, Sendable {
  private var s0: UInt64
  private var s1: UInt64
  private var s2: UInt64
  private var s3: UInt64
  /// The second of the two normal numbers that one Box–Muller draw makes.
  private var spare: Float?

  init(seed: UInt64) {
    var state = seed
    func mix() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    s0 = mix()
    s1 = mix()
    s2 = mix()
    s3 = mix()
  }

  /// An independent stream of the same seed, told apart by its name.
  init(seed: UInt64, stream: String) {
    // FNV-1a: unlike `hashValue`, the same in every process.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    self.init(seed: seed ^ hash)
  }

  mutating func next() -> UInt64 {
    let sum = s0 &+ s3
    let result = ((sum << 23) | (sum >> 41)) &+ s0
    let t = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << 45) | (s3 >> 19)
    return result
  }

  /// Uniform on [0, 1).
  mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Uniform on [low, high).
  mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * uniform() }

  /// Mean 0, standard deviation 1.
  mutating func normal() -> Float {
    if let value = spare {
      spare = nil
      return value
    }
    let radius = (-2 * log(1 - uniform())).squareRoot()
    let angle = 2 * Float.pi * uniform()
    spare = radius * sin(angle)
    return radius * cos(angle)
  }

  /// Uniform on 0 ..< bound; bound ≥ 1.
  mutating func integer(below bound: Int) -> Int {
    // The bias of the multiply-shift is below 2⁻⁴⁰ for the small bounds used here.
    Int(((next() >> 32) &* UInt64(bound)) >> 32)
  }

  /// An integer of the range, each equally likely.
  mutating func integer(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + integer(below: range.count)
  }

  /// True with the given probability.
  mutating func chance(_ probability: Float) -> Bool { uniform() < probability }
}
