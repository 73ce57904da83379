/// A byte-level BPE tokenizer: any text becomes tokens and comes back unchanged.
///
/// It is trained on a run's own prompts and does not split at spaces first, so that a prompt that
/// is always the same becomes one or two tokens.
public struct BytePairTokenizer: Equatable, Sendable {
  /// Fills slots that hold no text.
  public static let pad: Int32 = 0
  /// Stands for a text that is left out.
  public static let none: Int32 = 1
  /// Names of the special tokens, by id.
  static let specials = ["<pad>", "<none>"]
  /// The vocabulary without merges: specials and single bytes.
  static let baseSize = specials.count + 256

  /// Two neighbouring tokens.
  struct Pair: Hashable, Sendable {
    var left: Int32
    var right: Int32
  }

  /// Merges in the order in which they were learnt.
  private(set) var merges: [Pair] = []
  /// The bytes of each token; empty for specials.
  private(set) var tokens: [[UInt8]]
  private var ids: [[UInt8]: Int32] = [:]
  /// A pair's place in `merges`, and the token that it becomes.
  private var ranks: [Pair: (rank: Int, token: Int32)] = [:]

  /// The number of token ids.
  public var vocabularySize: Int { tokens.count }

  /// A tokenizer of single bytes.
  public init() {
    tokens = Self.specials.map { _ in [] } + (0...255).map { [UInt8($0)] }
    for id in Self.specials.count..<tokens.count { ids[tokens[id]] = Int32(id) }
  }

  /// Adds a merge behind those it has.
  ///
  /// - Returns: The token that the pair becomes; nil, without effect, for ids that do not exist or
  ///   a known pair.
  @discardableResult
  mutating func append(_ pair: Pair) -> Int32? {
    let mergeable = Self.specials.count..<tokens.count
    guard mergeable.contains(Int(pair.left)), mergeable.contains(Int(pair.right)),
      ranks[pair] == nil
    else { return nil }
    let bytes = tokens[Int(pair.left)] + tokens[Int(pair.right)]
    // Two merges may spell the same bytes; they are one token, because a vocabulary file names
    // tokens by bytes.
    let token = ids[bytes] ?? Int32(tokens.count)
    if token == tokens.count {
      tokens.append(bytes)
      ids[bytes] = token
    }
    ranks[pair] = (merges.count, token)
    merges.append(pair)
    return token
  }

  /// Learns merges: the most frequent pair first (the smaller ids on a tie), until every text is
  /// one token or the vocabulary is full.
  ///
  /// - Parameters:
  ///   - texts: The prompts; repetitions count once.
  ///   - vocabularyLimit: The largest number of token ids.
  public static func trained(on texts: [String], vocabularyLimit: Int = 512) -> Self {
    var tokenizer = Self()
    var words = Set(texts).sorted().map { Self.bytes($0) }
    while tokenizer.vocabularySize < vocabularyLimit {
      var counts: [Pair: Int] = [:]
      for word in words {
        for (left, right) in zip(word, word.dropFirst()) {
          counts[Pair(left: left, right: right), default: 0] += 1
        }
      }
      let best = counts.max { a, b in
        (a.value, -a.key.left, -a.key.right) < (b.value, -b.key.left, -b.key.right)
      }
      guard let best, let token = tokenizer.append(best.key) else { break }
      words = words.map { Self.merge(best.key, into: token, in: $0) }
    }
    return tokenizer
  }

  /// The token ids of `text`; empty for the empty text.
  public func encode(_ text: String) -> [Int32] {
    var word = Self.bytes(text)
    while true {
      var best: (rank: Int, token: Int32, pair: Pair)?
      for (left, right) in zip(word, word.dropFirst()) {
        let pair = Pair(left: left, right: right)
        if let merge = ranks[pair], merge.rank < best?.rank ?? .max {
          best = (merge.rank, merge.token, pair)
        }
      }
      guard let best else { return word }
      word = Self.merge(best.pair, into: best.token, in: word)
    }
  }

  /// The text of token ids; specials and unknown ids add nothing. Bytes that are not UTF-8 become
  /// U+FFFD.
  public func decode(_ ids: [Int32]) -> String {
    let bytes = ids.flatMap { id in
      tokens.indices.contains(Int(id)) ? tokens[Int(id)] : []
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  public static func == (a: Self, b: Self) -> Bool { a.merges == b.merges }

  private static func bytes(_ text: String) -> [Int32] {
    text.utf8.map { Int32($0) + Int32(specials.count) }
  }

  private static func merge(_ pair: Pair, into token: Int32, in word: [Int32]) -> [Int32] {
    var result: [Int32] = []
    result.reserveCapacity(word.count)
    var index = 0
    while index < word.count {
      let next = index + 1
      if next < word.count, word[index] == pair.left, word[next] == pair.right {
        result.append(token)
        index += 2
      } else {
        result.append(word[index])
        index += 1
      }
    }
    return result
  }
}
