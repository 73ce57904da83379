extension FASTTokenizer {
  /// Learns the integers and the merges that a dataset's chunks need.
  ///
  /// The symbols are all integers from the smallest to the largest that is met. Where they would
  /// take more than three quarters of the vocabulary, which a few broken actions can cause, they are
  /// as many as fit, and the few coefficients outside are moved to the nearer end.
  /// Merges follow, the most frequent pair first and the smaller ids on a tie, while a pair is met at
  /// least twice.
  ///
  /// - Parameters:
  ///   - chunks: At least one; normalised actions, row-major [chunkLength, actionWidth].
  ///   - scale: Quanta per unit: larger is finer and takes more tokens.
  ///   - vocabularyLimit: The largest number of token ids, at least 8.
  /// - Throws: `PolicyError.actionTokenizer` for no chunk, a chunk of another size, values that are
  ///   not finite, and sizes or limits out of range.
  static func fitted(
    on chunks: some Sequence<ArraySlice<Float>>, chunkLength: Int, actionWidth: Int,
    scale: Float = 10, vocabularyLimit: Int = 1024
  ) throws(PolicyError) -> Self {
    guard vocabularyLimit >= specialCount + 5 else {
      throw .actionTokenizer("expected a vocabulary limit of at least 8, got \(vocabularyLimit)")
    }
    // Checks the sizes before anything is computed with them.
    _ = try Self(
      chunkLength: chunkLength, actionWidth: actionWidth, scale: scale, range: 0...0, longest: 0,
      pairs: [])
    let transform = CosineTransform(length: chunkLength, width: actionWidth)
    var words: [[Int32]] = []
    for chunk in chunks {
      guard chunk.count == chunkLength * actionWidth else {
        throw .actionTokenizer(
          "chunk \(words.count): expected \(chunkLength) steps × \(actionWidth) dimensions, got "
            + "\(chunk.count) values")
      }
      guard chunk.allSatisfy(\.isFinite) else {
        throw .actionTokenizer("chunk \(words.count) holds a value that is not finite")
      }
      words.append(quanta(of: chunk, transform, scale: scale))
    }
    guard !words.isEmpty else {
      throw .actionTokenizer("expected at least one chunk to fit, got none")
    }

    let room = vocabularyLimit - specialCount
    let range = symbolRange(of: words, limit: room - room / 4)
    for index in words.indices {
      words[index] = words[index].map {
        min(max($0, range.lowerBound), range.upperBound) - range.lowerBound + Int32(specialCount)
      }
    }
    var learner = BytePairLearner(words: words)
    var pairs: [BytePairMerges.Pair] = []
    while pairs.count + range.count < room, let pair = learner.mostFrequent(atLeast: 2) {
      learner.merge(pair, into: Int32(specialCount + range.count + pairs.count))
      pairs.append(pair)
    }
    return try Self(
      chunkLength: chunkLength, actionWidth: actionWidth, scale: scale, range: range,
      longest: learner.words.reduce(0) { max($0, $1.count) }, pairs: pairs)
  }

  /// The integers from the smallest to the largest of `words`, 0 among them. Where they are more than
  /// `limit`: those `limit` neighbours, 0 among them, that are met most often together.
  static func symbolRange(of words: [[Int32]], limit: Int) -> ClosedRange<Int32> {
    var counts: [Int32: Int] = [0: 0]
    for word in words { for quantum in word { counts[quantum, default: 0] += 1 } }
    let width = Int32(limit)
    var start: Int32 = 0
    var inside = (0..<width).reduce(0) { $0 + (counts[$1] ?? 0) }
    var most = inside
    for lower in (1 - width..<0).reversed() {
      inside += (counts[lower] ?? 0) - (counts[lower + width] ?? 0)
      if inside > most {
        most = inside
        start = lower
      }
    }
    let seen = counts.keys.filter { $0 >= start && $0 < start + width }
    return (seen.min() ?? 0)...(seen.max() ?? 0)
  }
}
