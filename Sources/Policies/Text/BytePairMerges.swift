/// The merges of byte-pair encoding (Sennrich et al., arXiv 1508.07909), in the order in which they
/// were learnt: what a text tokenizer and an action tokenizer share.
///
/// It works on integer symbols and does not know what they mean.
struct BytePairMerges: Equatable, Sendable {
  /// Two neighbouring symbols; ordered by left, then right.
  struct Pair: Hashable, Comparable, Sendable {
    var left: Int32
    var right: Int32

    static func < (a: Self, b: Self) -> Bool { (a.left, a.right) < (b.left, b.right) }
  }

  private(set) var pairs: [Pair] = []
  /// What each pair becomes, [pairs].
  private(set) var tokens: [Int32] = []
  /// A pair's place in `pairs`.
  private var ranks = PairTable()

  /// Adds a merge behind those it has.
  ///
  /// - Returns: Whether the pair is new; a known one keeps its merge.
  mutating func append(_ pair: Pair, into token: Int32) -> Bool {
    guard ranks.place(of: pair) == nil else { return false }
    ranks.insert(pair)
    pairs.append(pair)
    tokens.append(token)
    return true
  }

  /// What the pair becomes; nil for one without a merge.
  func token(of pair: Pair) -> Int32? { ranks.place(of: pair).map { tokens[$0] } }

  /// The symbols after all merges: always the pair that was learnt first, the leftmost of several.
  func apply(to symbols: [Int32]) -> [Int32] {
    guard symbols.count > 1, !pairs.isEmpty else { return symbols }
    var word = symbols
    // The rank of each symbol together with the one behind it; the last has none.
    var ranks = [Int](repeating: Self.unmerged, count: word.count)
    for index in 0..<word.count - 1 { ranks[index] = rank(word[index], word[index + 1]) }
    while true {
      let best = ranks.reduce(Self.unmerged) { min($0, $1) }
      guard best != Self.unmerged else { return word }
      merge(best, in: &word, ranks: &ranks)
    }
  }

  /// Merges the pair of rank `best` from left to right, and stops where that makes a pair of lower
  /// rank, which then is next. (Merges that are learnt make none; those of a file may.)
  private func merge(_ best: Int, in word: inout [Int32], ranks: inout [Int]) {
    let token = tokens[best]
    var from = 0
    var to = 0
    var goesOn = true
    while from < word.count {
      if goesOn, ranks[from] == best {
        from += 2
        word[to] = token
        ranks[to] = from < word.count ? rank(token, word[from]) : Self.unmerged
        if to > 0 { ranks[to - 1] = rank(word[to - 1], token) }
        goesOn = ranks[to] > best && (to == 0 || ranks[to - 1] > best)
      } else {
        word[to] = word[from]
        ranks[to] = ranks[from]
        from += 1
      }
      to += 1
    }
    word.removeLast(from - to)
    ranks.removeLast(from - to)
  }

  /// Stands for no rank.
  private static let unmerged = Int.max

  private func rank(_ left: Int32, _ right: Int32) -> Int {
    ranks.place(of: Pair(left: left, right: right)) ?? Self.unmerged
  }
}
