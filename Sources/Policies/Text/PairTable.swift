/// Numbers pairs in the order in which they are inserted.
///
/// A hash table with open addressing: looking up neighbours is most of what byte-pair encoding does,
/// and a training step encodes many chunks. `Dictionary` takes several times as long.
struct PairTable: Equatable, Sendable {
  typealias Pair = BytePairMerges.Pair

  private(set) var pairs: [Pair] = []
  /// Places in `pairs`, −1 where a slot is free. Their number is a power of 2 and at least twice that
  /// of the pairs.
  private var slots: [Int32] = [-1, -1]
  private var shift: UInt64 = 63

  /// The pair's number, from 0; nil for one that was not inserted.
  func place(of pair: Pair) -> Int? {
    var slot = home(of: pair)
    while slots[slot] >= 0 {
      let place = Int(slots[slot])
      if pairs[place] == pair { return place }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// The pair's number, which is a new one unless it was inserted before.
  @discardableResult
  mutating func insert(_ pair: Pair) -> Int {
    if let place = place(of: pair) { return place }
    pairs.append(pair)
    if 2 * pairs.count > slots.count {
      shift -= 1
      slots = Array(repeating: -1, count: 2 * slots.count)
      for place in pairs.indices { occupy(place) }
    } else {
      occupy(pairs.count - 1)
    }
    return pairs.count - 1
  }

  private mutating func occupy(_ place: Int) {
    var slot = home(of: pairs[place])
    while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = Int32(place)
  }

  /// Fibonacci hashing: the upper bits of a product with 2⁶⁴ / φ.
  private func home(of pair: Pair) -> Int {
    let key = UInt64(UInt32(bitPattern: pair.left)) << 32 | UInt64(UInt32(bitPattern: pair.right))
    return Int((key &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }
}
