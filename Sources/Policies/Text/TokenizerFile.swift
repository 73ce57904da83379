import Foundation

/// `tokenizer.json` in the layout of Hugging Face's tokenizers library: a BPE model behind a
/// byte-level pre-tokenizer that does not split (`use_regex: false`).
extension BytePairTokenizer {
  /// The file's bytes: the same for the same tokenizer.
  func serialized() throws -> [UInt8] {
    let names = tokens.indices.map { id in
      id < Self.specials.count ? Self.specials[id] : ByteLevel.name(of: tokens[id])
    }
    let file = TokenizerFile(
      addedTokens: Self.specials.enumerated().map { .init(id: $0.offset, content: $0.element) },
      model: .init(
        vocab: Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) }),
        merges: merges.map { [names[Int($0.left)], names[Int($0.right)]] }))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(file))
  }

  /// Reads a tokenizer that this type wrote.
  ///
  /// - Throws: `PolicyError.tokenizer` when it is another kind of tokenizer, or its ids are not
  ///   those that its merges lead to.
  init(parsing bytes: [UInt8]) throws {
    let file: TokenizerFile
    do {
      file = try JSONDecoder().decode(TokenizerFile.self, from: Data(bytes))
    } catch {
      throw PolicyError.tokenizer("not a byte-level BPE tokenizer: \(error)")
    }
    guard file.model.type == "BPE", file.preTokenizer.type == "ByteLevel",
      !file.preTokenizer.useRegex, !file.preTokenizer.addPrefixSpace
    else {
      throw PolicyError.tokenizer(
        "expected a BPE model behind ByteLevel without use_regex and add_prefix_space")
    }
    let vocabulary = file.model.vocab
    self.init()
    for parts in file.model.merges {
      guard parts.count == 2, let left = vocabulary[parts[0]], let right = vocabulary[parts[1]],
        append(Pair(left: Int32(clamping: left), right: Int32(clamping: right))) != nil
      else {
        throw PolicyError.tokenizer("the merge \(parts) is not a new pair of tokens made before it")
      }
    }
    for id in 0..<vocabularySize {
      let name = id < Self.specials.count ? Self.specials[id] : ByteLevel.name(of: tokens[id])
      guard vocabulary[name] == id else {
        let found = vocabulary[name].map(String.init) ?? "none"
        throw PolicyError.tokenizer("the token '\(name)' should have id \(id), it has \(found)")
      }
    }
    guard vocabulary.count == vocabularySize else {
      throw PolicyError.tokenizer(
        "its vocabulary holds \(vocabulary.count) tokens, its merges make \(vocabularySize)")
    }
  }
}

/// GPT-2's way to write any byte as a printable character: printable Latin-1 bytes stand for
/// themselves, the others for characters from U+0100 on.
private enum ByteLevel {
  static let characters: [Character] = {
    var next: UInt32 = 0x100
    return (0...255).map { (byte: UInt32) in
      let printable =
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
      defer { if !printable { next += 1 } }
      return Character(Unicode.Scalar(printable ? byte : next) ?? "?")
    }
  }()

  static func name(of bytes: [UInt8]) -> String {
    String(bytes.map { characters[Int($0)] })
  }
}

private struct TokenizerFile: Codable {
  struct AddedToken: Codable {
    var id: Int
    var content: String
    var singleWord = false
    var lstrip = false
    var rstrip = false
    var normalized = false
    var special = true

    enum CodingKeys: String, CodingKey {
      case id, content, lstrip, rstrip, normalized, special
      case singleWord = "single_word"
    }
  }

  struct ByteLevelStep: Codable {
    var type = "ByteLevel"
    var addPrefixSpace = false
    var trimOffsets = true
    var useRegex = false

    enum CodingKeys: String, CodingKey {
      case type
      case addPrefixSpace = "add_prefix_space"
      case trimOffsets = "trim_offsets"
      case useRegex = "use_regex"
    }
  }

  struct Model: Codable {
    var type = "BPE"
    var vocab: [String: Int]
    var merges: [[String]]
  }

  var version = "1.0"
  var addedTokens: [AddedToken]
  var preTokenizer = ByteLevelStep()
  var decoder = ByteLevelStep()
  var model: Model

  enum CodingKeys: String, CodingKey {
    case version, decoder, model
    case addedTokens = "added_tokens"
    case preTokenizer = "pre_tokenizer"
  }
}
