import Tensors

/// Seeds of a run's parts, derived from the run's seed by name, so that each part can be repeated
/// alone and adding a part changes no other.
///
/// Fixed for ever: a resumed run must derive what it derived before.
public enum StableSeed {
  /// The seed of the part called `name`.
  public static func derive(_ seed: UInt64, _ name: String) -> UInt64 {
    RandomSource.mix(RandomSource.mix(seed) ^ RandomSource.hash(of: name))
  }

  /// The seed of part `index`.
  public static func derive(_ seed: UInt64, _ index: Int) -> UInt64 {
    let part = RandomSource.mix(UInt64(truncatingIfNeeded: index))
    return RandomSource.mix((seed ^ part) &+ 0x9E37_79B9_7F4A_7C15)
  }
}
