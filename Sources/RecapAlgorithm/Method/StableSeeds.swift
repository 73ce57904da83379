/// Sebastiano Vigna's SplitMix64: small, and the same everywhere and for ever.
public struct SplitMix64: RandomNumberGenerator, Sendable, Hashable, Codable {
  private var state: UInt64

  /// Begins at `seed`; nearby seeds give unrelated numbers.
  public init(seed: UInt64) { state = seed }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mixed(state)
  }

  /// A bijection that leaves no pattern.
  static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Seeds of a run's parts, derived from the run's seed by name, so that each part can be repeated
/// alone and adding a part changes no other. Swift's `Hasher` differs from process to process and
/// cannot serve here.
public enum StableSeed {
  /// The seed of the part called `name`.
  public static func derive(_ seed: UInt64, _ name: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return SplitMix64.mixed(SplitMix64.mixed(seed) ^ hash)
  }

  /// The seed of part `index`.
  public static func derive(_ seed: UInt64, _ index: Int) -> UInt64 {
    var generator = SplitMix64(seed: seed ^ SplitMix64.mixed(UInt64(truncatingIfNeeded: index)))
    return generator.next()
  }
}
