import Episodes

/// Which episodes trainings leave out, to see how well a network does on what it has not learnt from.
///
/// An episode's digest decides, so that the same ones are held out in every training of a run, and of
/// every run that shares them: a network of iteration 2 must not have seen them in iteration 1.
public enum HeldOut {
  /// - Parameter share: In [0, 0.5]; nearly so many of many episodes are held out.
  public static func isHeldOut(_ episode: ContentDigest, share: Double) -> Bool {
    let digits = episode.rawValue.prefix(12)
    guard share > 0, let number = UInt64(digits, radix: 16) else { return false }
    return Double(number) < share * 0x1p48
  }

  /// The places of the episodes to train on and of those to hold out, in order. Where all would be
  /// held out none are.
  public static func split(
    _ episodes: [ContentDigest], share: Double
  ) -> (training: [Int], heldOut: [Int]) {
    let heldOut = episodes.indices.filter { isHeldOut(episodes[$0], share: share) }
    if heldOut.count == episodes.count { return (Array(episodes.indices), []) }
    let training = episodes.indices.filter { !isHeldOut(episodes[$0], share: share) }
    return (training, heldOut)
  }
}
