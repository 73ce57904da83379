/// The kinds of a tokenizer file's parts: enough to say what is not supported.
struct TokenizerParts: Decodable {
  struct Part: Decodable {
    var type: String?
  }

  /// Something that is there and not null.
  struct Present: Decodable {
    init(from decoder: any Decoder) {}
  }

  var truncation: Present?
  var padding: Present?
  var normalizer: Part?
  var preTokenizer: TokenizerFile.Step?
  var postProcessor: Part?
  var decoder: Part?
  var model: Part

  enum CodingKeys: String, CodingKey {
    case truncation, padding, normalizer, decoder, model
    case preTokenizer = "pre_tokenizer"
    case postProcessor = "post_processor"
  }

  /// - Throws: `PolicyError.tokenizer` for a part that would give other ids than those of a
  ///   byte-level BPE model alone.
  func check() throws(PolicyError) {
    func refuse(_ part: String, _ found: String?, supported: String) throws(PolicyError) {
      throw .tokenizer(
        "its \(part) is \(found ?? "of no type"), which is not supported; supported: \(supported)")
    }
    // The library's first files, GPT-2's among them, do not name the model's type.
    if let type = model.type, type != "BPE" { try refuse("model", type, supported: "BPE") }
    if let normalizer { try refuse("normalizer", normalizer.type, supported: "none") }
    let step = preTokenizer?.byteLevel
    if step?.type != "ByteLevel" {
      try refuse(
        "pre-tokenizer", preTokenizer.map { $0.summary } ?? "missing", supported: "ByteLevel")
    }
    if let postProcessor, postProcessor.type != "ByteLevel" {
      try refuse("post-processor", postProcessor.type, supported: "none, ByteLevel")
    }
    if decoder?.type != "ByteLevel" {
      try refuse(
        "decoder", decoder.map { $0.type ?? "of no type" } ?? "missing", supported: "ByteLevel")
    }
    if truncation != nil { try refuse("truncation", "set", supported: "none") }
    if padding != nil { try refuse("padding", "set", supported: "none") }
  }
}

/// The file as far as it says what the ids are.
struct TokenizerFile: Codable {
  /// Ids stay below it: an id far from the others is a mistake, and memory is kept for each.
  static let idLimit = 1 << 24

  struct AddedToken: Codable {
    var id: Int
    var content: String
    var singleWord: Bool? = false
    var lstrip: Bool? = false
    var rstrip: Bool? = false
    var normalized: Bool? = false
    var special: Bool? = true

    enum CodingKeys: String, CodingKey {
      case id, content, lstrip, rstrip, normalized, special
      case singleWord = "single_word"
    }
  }

  struct Step: Codable {
    var type: String
    var addPrefixSpace: Bool?
    var trimOffsets: Bool?
    var useRegex: Bool?
    /// The steps of a `Sequence`.
    var pretokenizers: [Step]?

    /// One that does not split.
    static let byteLevel = Step(
      type: "ByteLevel", addPrefixSpace: false, trimOffsets: true, useRegex: false)

    /// The only step of a sequence of one, the step itself otherwise.
    var byteLevel: Step {
      if type == "Sequence", let steps = pretokenizers, steps.count == 1 {
        return steps[0].byteLevel
      }
      return self
    }

    /// "Sequence of Split, ByteLevel"
    var summary: String {
      guard let steps = pretokenizers else { return type }
      return "\(type) of \(steps.map(\.summary).joined(separator: ", "))"
    }

    enum CodingKeys: String, CodingKey {
      case type, pretokenizers
      case addPrefixSpace = "add_prefix_space"
      case trimOffsets = "trim_offsets"
      case useRegex = "use_regex"
    }
  }

  /// A pair: `["a", "b"]` or, in older files, `"a b"`.
  struct Merge: Codable {
    var parts: [String]

    init(_ parts: [String]) { self.parts = parts }

    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let line = try? value.decode(String.self) {
        parts = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      } else {
        parts = try value.decode([String].self)
      }
      guard parts.count == 2 else {
        throw PolicyError.tokenizer("the merge \(parts) does not have two parts")
      }
    }

    func encode(to encoder: any Encoder) throws {
      var value = encoder.singleValueContainer()
      try value.encode(parts)
    }
  }

  struct Model: Codable {
    var type: String? = "BPE"
    var dropout: Double?
    var continuingSubwordPrefix: String?
    var endOfWordSuffix: String?
    var byteFallback: Bool?
    var ignoreMerges: Bool?
    var vocab: [String: Int]
    var merges: [Merge]

    enum CodingKeys: String, CodingKey {
      case type, dropout, vocab, merges
      case continuingSubwordPrefix = "continuing_subword_prefix"
      case endOfWordSuffix = "end_of_word_suffix"
      case byteFallback = "byte_fallback"
      case ignoreMerges = "ignore_merges"
    }

    /// - Throws: `PolicyError.tokenizer` for an option that would change ids.
    func check() throws(PolicyError) {
      for (name, isSet) in [
        ("dropout", dropout ?? 0 != 0), ("byte_fallback", byteFallback ?? false),
        ("continuing_subword_prefix", continuingSubwordPrefix ?? "" != ""),
        ("end_of_word_suffix", endOfWordSuffix ?? "" != ""),
      ] where isSet {
        throw .tokenizer("its model sets \(name), which is not supported")
      }
    }
  }

  var version: String? = "1.0"
  var addedTokens: [AddedToken]
  var preTokenizer: Step
  var decoder: Step = .byteLevel
  var model: Model

  enum CodingKeys: String, CodingKey {
    case version, decoder, model
    case addedTokens = "added_tokens"
    case preTokenizer = "pre_tokenizer"
  }

  /// - Throws: `PolicyError.tokenizer` for one that is found by more than its spelling, or whose id
  ///   is another token's.
  func checkedAddedTokens() throws(PolicyError) -> [AddedTokens.Token] {
    let names = Dictionary(model.vocab.map { ($1, $0) }) { name, _ in name }
    var tokens: [AddedTokens.Token] = []
    for token in addedTokens {
      let name = "the added token '\(token.content)'"
      for (option, isSet) in [
        ("single_word", token.singleWord), ("lstrip", token.lstrip), ("rstrip", token.rstrip),
      ] where isSet ?? false {
        throw .tokenizer("\(name) sets \(option), which is not supported")
      }
      guard !token.content.isEmpty, (0..<Self.idLimit).contains(token.id) else {
        throw .tokenizer("\(name) has no text or the impossible id \(token.id)")
      }
      let known = model.vocab[token.content]
      guard known ?? token.id == token.id, names[token.id] ?? token.content == token.content,
        !tokens.contains(where: { $0.id == token.id })
      else {
        throw .tokenizer("\(name) has id \(token.id), which its vocabulary contradicts")
      }
      let content = Array(token.content.utf8)
      if known != nil, let bytes = ByteLevel.bytes(of: token.content), bytes != content {
        throw .tokenizer("\(name) is spelt like other bytes in its vocabulary")
      }
      tokens.append(
        .init(
          id: Int32(token.id), content: content, isSpecial: token.special ?? false,
          isNormalized: token.normalized ?? true, isInVocabulary: known != nil))
    }
    return tokens
  }
}
