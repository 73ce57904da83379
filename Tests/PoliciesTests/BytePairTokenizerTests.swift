import Foundation
import Testing

@testable import Policies

@Suite struct BytePairTokenizerTests {
  static let prompts = [
    "fold the T-shirt with the collar up", "make a double espresso", "reach for the pot",
    "Advantage: positive", "Advantage: negative", "wische gründlich 🧽",
  ]
  static let trained = BytePairTokenizer.trained(on: prompts)

  @Test(
    "any text comes back",
    arguments: [
      "fold the T-shirt with the collar up", "Advantage: positive", "", " ", "wische gründlich 🧽",
      "茶を注ぐ", "line\nbreak\ttab\0zero", "Advantage: positively unseen",
    ])
  func roundTrip(_ text: String) {
    #expect(Self.trained.decode(Self.trained.encode(text)) == text)
    #expect(BytePairTokenizer().decode(BytePairTokenizer().encode(text)) == text)
  }

  @Test func promptsBecomeFewTokens() {
    for prompt in Self.prompts { #expect(Self.trained.encode(prompt).count <= 2, "\(prompt)") }
    #expect(Self.trained.vocabularySize <= 512)
  }

  /// Ids that Hugging Face's tokenizers 0.23.3 gives after reading the file that `trained` writes.
  @Test func agreesWithHuggingFace() {
    #expect(Self.trained.encode("make a double espresso") == [354])
    #expect(Self.trained.encode("Advantage: positively") == [347, 110, 123])
    #expect(
      Self.trained.encode("make a single espresso, gründlich") == [
        304, 258, 99, 34, 117, 107, 112, 105, 110, 319, 340, 46, 34, 297, 317, 107, 266,
      ])
  }

  /// "abab ab": "ab" is met 3 times and merges first, then of the pairs that are met once the one
  /// of the smallest ids, " " + "ab", then "ab" + "ab", and so on.
  @Test func mergesByFrequencyThenById() {
    let base = BytePairTokenizer.specials.count
    let a = Int32(base + 97)
    let b = Int32(base + 98)
    let space = Int32(base + 32)
    let first = Int32(BytePairTokenizer.baseSize)
    let limited = BytePairTokenizer.trained(
      on: ["abab ab"], vocabularyLimit: BytePairTokenizer.baseSize + 2)
    #expect(limited.merges.pairs == [.init(left: a, right: b), .init(left: space, right: first)])
    #expect(limited.encode("abab ab") == [first, first, first + 1])
    #expect(limited.encode("bab") == [b, first])
    #expect(limited.vocabularySize == BytePairTokenizer.baseSize + 2)
  }

  /// "aaa" may be made of "a" + "aa" or "aa" + "a": one token all the same, or the file would name
  /// two by one text.
  @Test func tokensOfEqualBytesAreOne() throws {
    var tokenizer = BytePairTokenizer()
    let a = Int32(BytePairTokenizer.specials.count + 97)
    let merged = tokenizer.append(.init(left: a, right: a))
    let double = try #require(merged)
    let triple = tokenizer.append(.init(left: a, right: double))
    let sameTriple = tokenizer.append(.init(left: double, right: a))
    #expect(triple != nil && triple == sameTriple)
    #expect(try BytePairTokenizer(parsing: tokenizer.serialized()) == tokenizer)
  }

  @Test func fileRoundTripIsExact() throws {
    let bytes = try Self.trained.serialized()
    let parsed = try BytePairTokenizer(parsing: bytes)
    #expect(parsed == Self.trained)
    #expect(try parsed.serialized() == bytes)
    #expect(
      parsed.encode("make a double espresso") == Self.trained.encode("make a double espresso"))
  }

  /// Hugging Face's layout: bytes as printable characters (space is Ġ), a byte-level step that does
  /// not split.
  @Test func fileLayout() throws {
    let json = try JSONSerialization.jsonObject(with: Data(Self.trained.serialized()))
    let file = try #require(json as? [String: Any])
    let model = try #require(file["model"] as? [String: Any])
    let vocabulary = try #require(model["vocab"] as? [String: Int])
    let step = try #require(file["pre_tokenizer"] as? [String: Any])
    #expect(model["type"] as? String == "BPE")
    #expect(step["type"] as? String == "ByteLevel")
    #expect(step["use_regex"] as? Bool == false)
    #expect(vocabulary["<pad>"] == 0)
    #expect(vocabulary["Ġ"] == Int(BytePairTokenizer.specials.count) + 32)
    #expect(vocabulary["Ċ"] == Int(BytePairTokenizer.specials.count) + 10)
    #expect(vocabulary.count == Self.trained.vocabularySize)
  }

  @Test func otherTokenizersAreRefused() throws {
    let text = String(decoding: try Self.trained.serialized(), as: UTF8.self)
    let broken = [
      "{}", text.replacingOccurrences(of: "\"BPE\"", with: "\"Unigram\""),
      text.replacingOccurrences(of: "\"<pad>\" : 0", with: "\"<pad>\" : 7"),
      text.replacingOccurrences(of: "\"merges\" : [", with: "\"merges\" : [[\"ghost\", \"a\"],"),
    ]
    for file in broken {
      #expect(throws: PolicyError.self) { try BytePairTokenizer(parsing: Array(file.utf8)) }
    }
  }
}
