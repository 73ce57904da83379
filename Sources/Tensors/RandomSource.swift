import Foundation

/// A seeded generator (xoshiro256++), the same on every machine and in every version of Swift. Its
/// state is Codable, so that a checkpoint can continue a stream exactly.
///
/// Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021.
///
/// What a simulation calls at every step is inlinable, since it is called from other modules.
@frozen
public struct RandomSource: RandomNumberGenerator, Hashable, Sendable, Codable {
  @usableFromInline var s0: UInt64
  @usableFromInline var s1: UInt64
  @usableFromInline var s2: UInt64
  @usableFromInline var s3: UInt64
  /// The second normal of a Box–Muller pair, kept for the next call.
  @usableFromInline var spareNormal: Float?

  public init(seed: UInt64) {
    // SplitMix64 fills the state, as the generator's authors advise: close seeds give unrelated
    // states.
    var state = seed
    func mixed() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      return Self.mix(state)
    }
    s0 = mixed()
    s1 = mixed()
    s2 = mixed()
    s3 = mixed()
  }

  /// A substream of `seed`: streams of different names are unrelated, so that drawing more numbers
  /// from one changes nothing in the others.
  public init(seed: UInt64, stream: String) {
    self.init(seed: Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15) ^ Self.mix(Self.hash(of: stream)))
  }

  /// FNV-1a of a name; Swift's `Hasher` differs from process to process and cannot serve here.
  public static func hash(of name: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return hash
  }

  /// SplitMix64's finish: a bijection that leaves no pattern.
  public static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  @inlinable
  public mutating func next() -> UInt64 {
    let sum = s0 &+ s3
    let result = (sum << 23 | sum >> 41) &+ s0
    let t = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = s3 << 45 | s3 >> 19
    return result
  }

  /// Uniform in [0, 1), a multiple of 2⁻²⁴.
  @inlinable
  public mutating func uniform() -> Float {
    Float(next() >> 40) * 0x1p-24
  }

  /// Uniform in [range.lowerBound, range.upperBound); the bound itself where the range is empty.
  @inlinable
  public mutating func uniform(in range: Range<Float>) -> Float {
    let value = range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    // Rounding may reach the bound that the range leaves out.
    return value < range.upperBound ? value : range.lowerBound
  }

  /// True with the given probability, to within 2⁻²⁴.
  @inlinable
  public mutating func chance(_ probability: Float) -> Bool { uniform() < probability }

  /// Uniform in 0..<bound, without bias (Lemire 2019).
  ///
  /// - Precondition: `bound` > 0.
  @inlinable
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0, "expected a positive bound, got \(bound)")
    let n = UInt64(bound)
    var product = next().multipliedFullWidth(by: n)
    if product.low < n {
      let threshold = (0 &- n) % n
      while product.low < threshold { product = next().multipliedFullWidth(by: n) }
    }
    return Int(product.high)
  }

  /// An integer of the range, each equally likely.
  ///
  /// - Precondition: `range` has at most `Int.max` members.
  @inlinable
  public mutating func integer(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + integer(below: range.count)
  }

  /// Standard normal (Box–Muller).
  @inlinable
  public mutating func normal() -> Float {
    if let spare = spareNormal {
      spareNormal = nil
      return spare
    }
    // 1 − u lies in (0, 1], so the logarithm is finite. It is a double for the sake of the tails; the
    // angle needs no more than a float, whose sine and cosine are much quicker.
    let u = 1 - Double(next() >> 11) * 0x1p-53
    let angle = 2 * Float.pi * uniform()
    let radius = Float((-2 * log(u)).squareRoot())
    spareNormal = radius * sin(angle)
    return radius * cos(angle)
  }

  /// Replaces every element by a normal number.
  public mutating func fillNormal(
    _ values: inout [Float], mean: Float = 0, standardDeviation: Float = 1
  ) {
    for index in values.indices { values[index] = mean + standardDeviation * normal() }
  }

  /// `count` standard normal numbers.
  public mutating func normals(_ count: Int) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    fillNormal(&values)
    return values
  }

  /// The numbers 0..<count in random order (Fisher–Yates; the standard library's shuffle may change
  /// between versions of Swift, this one does not).
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for index in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(index, integer(below: index + 1))
    }
    return order
  }
}
