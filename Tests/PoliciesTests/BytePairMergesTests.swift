import Tensors
import Testing

@testable import Policies

@Suite struct BytePairMergesTests {
  typealias Pair = BytePairMerges.Pair

  static func merges(_ list: [(Int32, Int32, into: Int32)]) -> BytePairMerges {
    var merges = BytePairMerges()
    for (left, right, token) in list {
      let isNew = merges.append(Pair(left: left, right: right), into: token)
      precondition(isNew)
    }
    return merges
  }

  @Test func learntFirstMergesFirst() {
    let merges = Self.merges([(2, 3, into: 10), (1, 2, into: 11), (10, 4, into: 12)])
    #expect(merges.apply(to: [1, 2, 3]) == [1, 10])
    #expect(merges.apply(to: [1, 2, 4]) == [11, 4])
    #expect(merges.apply(to: [1, 2, 3, 4, 1, 2]) == [1, 12, 11])
    #expect(merges.apply(to: []) == [])
    #expect(merges.apply(to: [2]) == [2])
    #expect(BytePairMerges().apply(to: [1, 2]) == [1, 2])
  }

  @Test func pairsThatOverlapMergeFromTheLeft() {
    let merges = Self.merges([(1, 1, into: 10), (10, 10, into: 11)])
    #expect(merges.apply(to: [1, 1, 1]) == [10, 1])
    #expect(merges.apply(to: [1, 1, 1, 1, 1]) == [11, 1])
  }

  /// In a file a merge may come before the one that makes its parts; it then is next as soon as they
  /// are there. 1 2 1 2: the first "1 2" becomes 10, and "10 1" is before the second "1 2".
  @Test func mergesOutOfOrder() {
    let after = Self.merges([(10, 1, into: 11), (1, 2, into: 10)])
    #expect(after.apply(to: [1, 2, 1, 2]) == [11, 2])
    // The same to the left: 3 1 2 1 2 with "3 10" first.
    let before = Self.merges([(3, 10, into: 11), (11, 1, into: 12), (1, 2, into: 10)])
    #expect(before.apply(to: [3, 1, 2, 1, 2]) == [12, 2])
  }

  @Test func knownPairsKeepTheirMerge() {
    var merges = Self.merges([(1, 2, into: 10)])
    let isNew = merges.append(Pair(left: 1, right: 2), into: 20)
    #expect(!isNew)
    #expect(merges.token(of: Pair(left: 1, right: 2)) == 10)
    #expect(merges.token(of: Pair(left: 2, right: 1)) == nil)
  }

  @Test func tableNumbersPairsInOrder() {
    var table = PairTable()
    let pairs = (0..<1000).map { Pair(left: $0 % 37 - 5, right: $0 / 37 - 9) }
    for (number, pair) in pairs.enumerated() {
      #expect(table.place(of: pair) == nil)
      let place = table.insert(pair)
      #expect(place == number)
    }
    #expect(pairs.indices.allSatisfy { table.place(of: pairs[$0]) == $0 })
    let again = table.insert(pairs[7])
    #expect(again == 7)
    #expect(table.place(of: Pair(left: -9, right: 5)) == nil)
  }

  /// What the learner keeps up to date, counted anew.
  static func mostFrequent(_ words: [[Int32]]) -> Pair? {
    var counts: [Pair: Int] = [:]
    for word in words {
      for (left, right) in zip(word, word.dropFirst()) {
        counts[Pair(left: left, right: right), default: 0] += 1
      }
    }
    return counts.max { a, b in (a.value, b.key) < (b.value, a.key) }?.key
  }

  @Test(arguments: [2, 3, 8])
  func learnerCountsAsIfAnew(alphabet: Int) {
    var random = RandomSource(seed: UInt64(alphabet))
    var words: [[Int32]] = (0..<30).map { _ in
      (0..<random.integer(below: 20)).map { _ in Int32(random.integer(below: alphabet)) }
    }
    var learner = BytePairLearner(words: words)
    var merges = BytePairMerges()
    let originals = words
    for token in Int32(100)..<200 {
      let pair = learner.mostFrequent(atLeast: 1)
      #expect(pair == Self.mostFrequent(words))
      guard let pair else { break }
      learner.merge(pair, into: token)
      let isNew = merges.append(pair, into: token)
      #expect(isNew)
      words = originals.map { merges.apply(to: $0) }
      #expect(learner.words == words)
    }
    #expect(words.allSatisfy { $0.count < 20 })
  }
}
