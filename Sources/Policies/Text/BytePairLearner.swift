/// Finds the pairs that are worth a merge.
///
/// Counts are kept up to date as pairs merge, so that a merge costs what it changes and not a pass
/// over all words.
struct BytePairLearner {
  typealias Pair = BytePairMerges.Pair

  /// The words as the merges so far leave them.
  private(set) var words: [[Int32]]
  private var table = PairTable()
  /// How often each pair of `table` is met; pairs that overlap themselves count at each place.
  private var counts: [Int] = []
  /// The words in which a pair was met when it arose: it may be gone from some of them.
  private var homes: [[Int32]] = []

  init(words: [[Int32]]) {
    self.words = words
    for (index, word) in words.enumerated() {
      for place in word.indices.dropFirst() {
        add(Pair(left: word[place - 1], right: word[place]), in: Int32(index))
      }
    }
  }

  /// The pair that is met most often, the smallest on a tie; nil where none is met `atLeast` times.
  func mostFrequent(atLeast minimum: Int) -> Pair? {
    var best: Int?
    var most = minimum
    for place in counts.indices where counts[place] >= most {
      if let known = best, counts[place] == most, table.pairs[known] < table.pairs[place] {
        continue
      }
      best = place
      most = counts[place]
    }
    return best.map { table.pairs[$0] }
  }

  /// Replaces the pair, from left to right, wherever it is met.
  mutating func merge(_ pair: Pair, into token: Int32) {
    guard let place = table.place(of: pair) else { return }
    let homes = homes[place]
    self.homes[place] = []
    for home in homes { merge(pair, into: token, in: home) }
  }

  private mutating func merge(_ pair: Pair, into token: Int32, in home: Int32) {
    let word = words[Int(home)]
    var merged: [Int32] = []
    merged.reserveCapacity(word.count)
    var index = 0
    var previousMerged = false
    while index < word.count {
      let merges =
        index + 1 < word.count && word[index] == pair.left && word[index + 1] == pair.right
      let symbol = merges ? token : word[index]
      if merges { remove(pair) }
      if let previous = merged.last, merges || previousMerged {
        remove(Pair(left: word[index - 1], right: word[index]))
        add(Pair(left: previous, right: symbol), in: home)
      }
      merged.append(symbol)
      previousMerged = merges
      index += merges ? 2 : 1
    }
    if merged.count < word.count { words[Int(home)] = merged }
  }

  private mutating func add(_ pair: Pair, in home: Int32) {
    let place = table.insert(pair)
    if place == counts.count {
      counts.append(0)
      homes.append([])
    }
    counts[place] += 1
    if homes[place].last != home { homes[place].append(home) }
  }

  private mutating func remove(_ pair: Pair) {
    if let place = table.place(of: pair) { counts[place] -= 1 }
  }
}
