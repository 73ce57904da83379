import Foundation

/// `tokenizer.json` in the layout of Hugging Face's tokenizers library: a BPE model behind a
/// byte-level pre-tokenizer.
extension BytePairTokenizer {
  /// The file's bytes: the same for the same tokenizer.
  func serialized() throws -> [UInt8] {
    var vocabulary: [String: Int] = [:]
    for (bytes, id) in ids { vocabulary[ByteLevel.name(of: bytes)] = Int(id) }
    for token in added.tokens where token.isInVocabulary {
      vocabulary[String(decoding: token.content, as: UTF8.self)] = Int(token.id)
    }
    let names = tokens.map { ByteLevel.name(of: $0 ?? []) }
    var step = TokenizerFile.Step.byteLevel
    step.useRegex = steps.splitsWords
    step.addPrefixSpace = steps.addsPrefixSpace
    let file = TokenizerFile(
      addedTokens: added.tokens.map {
        .init(
          id: Int($0.id), content: String(decoding: $0.content, as: UTF8.self),
          normalized: $0.isNormalized, special: $0.isSpecial)
      },
      preTokenizer: step,
      model: .init(
        ignoreMerges: steps.ignoresMerges ? true : nil, vocab: vocabulary,
        merges: merges.pairs.map { .init([names[Int($0.left)], names[Int($0.right)]]) }))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(file))
  }

  /// Reads a byte-level BPE tokenizer, of this type or of Hugging Face's library.
  ///
  /// - Throws: `PolicyError.tokenizer` when the file asks for anything else, which it names, or
  ///   contradicts itself.
  init(parsing bytes: [UInt8]) throws {
    let data = Data(bytes)
    let file: TokenizerFile
    do {
      // The kinds of its parts first: those of other kinds look different.
      try JSONDecoder().decode(TokenizerParts.self, from: data).check()
      file = try JSONDecoder().decode(TokenizerFile.self, from: data)
    } catch let error as PolicyError {
      throw error
    } catch {
      throw PolicyError.tokenizer("not a byte-level BPE tokenizer: \(error)")
    }
    try file.model.check()
    let added = try file.checkedAddedTokens()
    var vocabulary: [[UInt8]: Int32] = [:]
    let addedNames = Set(file.addedTokens.map(\.content))
    for (name, id) in file.model.vocab {
      guard (0..<TokenizerFile.idLimit).contains(id) else {
        throw PolicyError.tokenizer("the token '\(name)' has the impossible id \(id)")
      }
      if let bytes = ByteLevel.bytes(of: name) {
        vocabulary[bytes] = Int32(id)
      } else if !addedNames.contains(name) {
        throw PolicyError.tokenizer("the token '\(name)' is not written in byte-level characters")
      }
    }
    let pairs = try file.model.merges.map { merge in
      let ids = try merge.parts.map { name in
        guard let id = ByteLevel.bytes(of: name).flatMap({ vocabulary[$0] }) else {
          throw PolicyError.tokenizer(
            "the merge \(merge.parts) names '\(name)', which its vocabulary does not hold")
        }
        return id
      }
      return Pair(left: ids[0], right: ids[1])
    }
    let step = file.preTokenizer.byteLevel
    try self.init(
      vocabulary: vocabulary, merges: pairs, added: AddedTokens(added),
      steps: Steps(
        splitsWords: step.useRegex ?? true, addsPrefixSpace: step.addPrefixSpace ?? true,
        ignoresMerges: file.model.ignoreMerges ?? false))
  }
}
