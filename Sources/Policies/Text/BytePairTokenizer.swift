/// A byte-level BPE tokenizer: any text becomes tokens and comes back unchanged, but for special
/// tokens that it names.
///
/// One that is trained here on a run's own prompts does not split at spaces first, so that a prompt
/// that is always the same becomes one or two tokens. One that is read from a file may be any
/// byte-level BPE of Hugging Face's tokenizers, as of GPT-2.
public struct BytePairTokenizer: Equatable, Sendable {
  /// The id of `<pad>` in a tokenizer that is trained here.
  public static let pad: Int32 = 0
  /// The id of `<none>` in a tokenizer that is trained here.
  public static let none: Int32 = 1
  /// Names of the special tokens of one that is trained here, by id.
  static let specials = ["<pad>", "<none>"]
  /// The vocabulary of one that is trained here without merges: specials and single bytes.
  static let baseSize = specials.count + 256

  typealias Pair = BytePairMerges.Pair

  /// What happens to a text before and after its bytes are merged.
  struct Steps: Equatable, Sendable {
    /// Whether words are encoded one by one (`use_regex`).
    var splitsWords = false
    /// Whether a text that does not begin with a space gets one.
    var addsPrefixSpace = false
    /// Whether a word that is a token is that token, wherever its merges lead.
    var ignoresMerges = false
  }

  /// Fills slots that hold no text. A file that names no `<pad>` leaves it the id after its last.
  public let pad: Int32
  /// Stands for a text that is left out. A file that names no `<none>` leaves it the next id.
  public let none: Int32

  let steps: Steps
  let added: AddedTokens
  /// Merges in the order in which they were learnt.
  private(set) var merges = BytePairMerges()
  /// The bytes of each token, added ones among them; nil for an id that stands for nothing.
  private(set) var tokens: [[UInt8]?]
  /// The model's tokens by their bytes.
  private(set) var ids: [[UInt8]: Int32]
  /// The token of each byte, [256].
  private let byteIDs: [Int32]

  /// The number of token ids.
  public var vocabularySize: Int { max(tokens.count, Int(max(pad, none)) + 1) }

  /// A tokenizer of single bytes.
  public init() { self.init(steps: Steps()) }

  private init(steps: Steps) {
    let specials = Self.specials.map { Array($0.utf8) }
    let tokens = specials + (0...255).map { [UInt8($0)] }
    self.tokens = tokens
    byteIDs = (0...255).map { Int32(specials.count) + $0 }
    ids = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, Int32($0)) })
    added = AddedTokens(specials.enumerated().map { .init(id: Int32($0), content: $1) })
    self.steps = steps
    pad = Self.pad
    none = Self.none
  }

  /// A tokenizer of a given vocabulary.
  ///
  /// - Parameters:
  ///   - vocabulary: The model's tokens by their bytes, of different ids ≥ 0.
  ///   - merges: Pairs of tokens whose bytes together are a token.
  /// - Throws: `PolicyError.tokenizer` for a byte without token, two tokens of one id, and a merge
  ///   that comes twice or makes no token.
  init(
    vocabulary: [[UInt8]: Int32], merges: some Sequence<Pair>, added: AddedTokens, steps: Steps
  ) throws(PolicyError) {
    byteIDs = try (0...255).map { (byte: UInt8) throws(PolicyError) in
      guard let id = vocabulary[[byte]] else {
        throw .tokenizer(
          "its vocabulary lacks the byte \(byte); a byte-level tokenizer holds all 256")
      }
      return id
    }
    let last = max(vocabulary.values.max() ?? 0, added.tokens.map(\.id).max() ?? 0)
    tokens = Array(repeating: nil, count: Int(last) + 1)
    for (bytes, id) in vocabulary {
      if let other = tokens[Int(id)] {
        let names = [bytes, other].map { "'\(ByteLevel.name(of: $0))'" }.sorted()
        throw .tokenizer("the tokens \(names.joined(separator: " and ")) both have id \(id)")
      }
      tokens[Int(id)] = bytes
    }
    for token in added.tokens { tokens[Int(token.id)] = token.content }
    func id(_ name: String) -> Int32? {
      added.tokens.first { $0.content == Array(name.utf8) }?.id
    }
    let pad = id(Self.specials[0]) ?? last + 1
    self.pad = pad
    none = id(Self.specials[1]) ?? max(last, pad) + 1
    self.steps = steps
    self.added = added
    ids = vocabulary
    for pair in merges {
      let bytes = (tokens[Int(pair.left)] ?? []) + (tokens[Int(pair.right)] ?? [])
      let name = ByteLevel.name(of: bytes)
      guard let token = ids[bytes] else {
        throw .tokenizer(
          "merge \(self.merges.pairs.count) makes '\(name)', which its vocabulary does not hold")
      }
      guard self.merges.append(pair, into: token) else {
        throw .tokenizer("merge \(self.merges.pairs.count), which makes '\(name)', comes twice")
      }
    }
  }

  /// Learns merges: the most frequent pair first (the smaller ids on a tie), until every text is
  /// one token or the vocabulary is full.
  ///
  /// - Parameters:
  ///   - texts: The prompts; repetitions count once.
  ///   - vocabularyLimit: The largest number of token ids.
  ///   - splitsWords: Whether merges stay within words, as texts that are all different need.
  public static func trained(
    on texts: [String], vocabularyLimit: Int = 512, splitsWords: Bool = false
  ) -> Self {
    var tokenizer = Self(steps: Steps(splitsWords: splitsWords))
    let words = Set(texts).sorted().flatMap { text in
      tokenizer.added.pieces(of: Array(text.utf8)[...]).flatMap { piece -> [[Int32]] in
        guard case .text(let text) = piece else { return [] }
        let words = splitsWords ? WordSplit.words(of: text) : [text]
        return words.map { $0.map { tokenizer.byteIDs[Int($0)] } }
      }
    }
    var learner = BytePairLearner(words: words)
    while tokenizer.vocabularySize < vocabularyLimit,
      let pair = learner.mostFrequent(atLeast: 1),
      let token = tokenizer.merges.token(of: pair) ?? tokenizer.append(pair)
    {
      learner.merge(pair, into: token)
    }
    return tokenizer
  }

  /// Adds a merge behind those it has.
  ///
  /// - Returns: The token that the pair becomes; nil, without effect, for ids that are no bytes or a
  ///   known pair.
  @discardableResult
  mutating func append(_ pair: Pair) -> Int32? {
    let mergeable = Self.specials.count..<tokens.count
    guard mergeable.contains(Int(pair.left)), mergeable.contains(Int(pair.right)),
      let left = tokens[Int(pair.left)], let right = tokens[Int(pair.right)]
    else { return nil }
    // Two merges may spell the same bytes; they are one token, because a vocabulary file names
    // tokens by bytes.
    let token = ids[left + right] ?? Int32(tokens.count)
    guard merges.append(pair, into: token) else { return nil }
    if token == tokens.count {
      tokens.append(left + right)
      ids[left + right] = token
    }
    return token
  }

  /// The token ids of `text`; empty for the empty text.
  public func encode(_ text: String) -> [Int32] {
    added.pieces(of: Array(text.utf8)[...]).flatMap { piece in
      switch piece {
      case .token(let id): [id]
      case .text(let text): encode(text)
      }
    }
  }

  private func encode(_ text: ArraySlice<UInt8>) -> [Int32] {
    let space = UInt8(ascii: " ")
    let text = steps.addsPrefixSpace && text.first != space ? [space] + text : text
    let words = steps.splitsWords ? WordSplit.words(of: text) : [text]
    return words.flatMap { word in
      if steps.ignoresMerges, let id = ids[Array(word)] { return [id] }
      return merges.apply(to: word.map { byteIDs[Int($0)] })
    }
  }

  /// The text of token ids; special tokens and unknown ids add nothing. Bytes that are not UTF-8
  /// become U+FFFD.
  public func decode(_ ids: [Int32]) -> String {
    let special = Set(added.tokens.filter(\.isSpecial).map(\.id))
    let bytes = ids.flatMap { id -> [UInt8] in
      guard tokens.indices.contains(Int(id)), !special.contains(id) else { return [] }
      return tokens[Int(id)] ?? []
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.tokens == b.tokens && a.merges == b.merges && a.added == b.added && a.steps == b.steps
  }
}
