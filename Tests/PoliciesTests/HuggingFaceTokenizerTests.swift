import Foundation
import Testing

@testable import Policies

/// Files and ids of Hugging Face's tokenizers library, written by Fixtures/make_text_fixtures.py.
@Suite struct HuggingFaceTokenizerTests {
  struct Expected: Decodable {
    var strings: [String]
    var words: [[Int32]]
    var unsplit: [[Int32]]
    /// nil where decoding gives the string again
    var wordsDecoded: [String?]
    var unsplitDecoded: [String?]
  }

  static func tokenizer(_ name: String) throws -> BytePairTokenizer {
    try BytePairTokenizer(parsing: Fixture.bytes("huggingface_\(name).json"))
  }

  @Test(arguments: ["words", "unsplit"])
  func idsAreTheSame(name: String) throws {
    let expected = try Fixture.decoded("huggingface_ids.json", as: Expected.self)
    let tokenizer = try Self.tokenizer(name)
    let ids = name == "words" ? expected.words : expected.unsplit
    let decoded = name == "words" ? expected.wordsDecoded : expected.unsplitDecoded
    #expect(expected.strings.count == 1000 && ids.count == 1000 && decoded.count == 1000)
    for (index, text) in expected.strings.enumerated() {
      #expect(tokenizer.encode(text) == ids[index], "\(index): \(text.debugDescription)")
      // Strings are equal where their letters are; these must be equal byte for byte.
      #expect(Array(tokenizer.decode(ids[index]).utf8) == Array((decoded[index] ?? text).utf8))
    }
  }

  @Test(arguments: ["words", "unsplit"])
  func isWrittenUnchangedInMeaning(name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    let written = try tokenizer.serialized()
    let parsed = try BytePairTokenizer(parsing: written)
    #expect(parsed == tokenizer)
    #expect(try parsed.serialized() == written)
    let expected = try Fixture.decoded("huggingface_ids.json", as: Expected.self)
    for text in expected.strings.prefix(200) {
      #expect(parsed.encode(text) == tokenizer.encode(text))
    }
  }

  @Test func specialTokensAreFoundByName() throws {
    let words = try Self.tokenizer("words")
    #expect(words.pad == 1)
    #expect(words.encode("<none>") == [words.none])
    #expect(Int(words.none) == words.vocabularySize - 1)
    // Without <none>: the next id that is free, of which the file knows nothing.
    let unsplit = try Self.tokenizer("unsplit")
    #expect(unsplit.pad == 1)
    #expect(Int(unsplit.none) == unsplit.vocabularySize - 1)
    #expect(unsplit.encode("<none>").count > 1)
    #expect(unsplit.decode([unsplit.none]).isEmpty)
  }

  /// Words as GPT-2's pattern cuts them, one rule at a time.
  @Test(
    arguments: [
      ["hello", " world"], ["it", "'s", "!"], ["we", "'ll", " they", "'ve"], ["IT", "'", "S"],
      ["a", "  ", " b"], ["a", "\n", "\n", "b"], ["a", "  "], [" ", "\t", "x"], ["a", " \t\n"],
      [" a", "1", " 23", "...", " ?!"], ["a", "_", "b"], ["x", " ''", "s"], ["\u{A0}", "a"],
      [" ", "\u{A0}", "a"], ["中文", " 字"], ["e", "\u{301}", "e"], [],
    ] as [[String]])
  func wordsAreSplit(expected: [String]) {
    let words = WordSplit.words(of: Array(expected.joined().utf8)[...])
    #expect(words.map { String(decoding: $0, as: UTF8.self) } == expected)
  }

  @Test func ignoredMerges() throws {
    var file = String(decoding: try BytePairTokenizer().serialized(), as: UTF8.self)
    let whole = "\"vocab\" : {\"abc\" : 999,"
    file = file.replacingOccurrences(of: "\"vocab\" : {", with: whole)
    #expect(try BytePairTokenizer(parsing: Array(file.utf8)).encode("abc").count == 3)
    file = file.replacingOccurrences(of: whole, with: "\"ignore_merges\": true, \(whole)")
    let tokenizer = try BytePairTokenizer(parsing: Array(file.utf8))
    #expect(tokenizer.encode("abc") == [999])
    #expect(tokenizer.vocabularySize == 1000)
    #expect(try BytePairTokenizer(parsing: tokenizer.serialized()) == tokenizer)
  }

  /// (part of the file, what stands there instead, what the error says)
  @Test(arguments: [
    ("\"type\":\"BPE\"", "\"type\":\"Unigram\"", "model is Unigram"),
    ("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}", "normalizer is NFC"),
    (
      "\"pre_tokenizer\":{\"type\":\"ByteLevel\"", "\"pre_tokenizer\":{\"type\":\"Whitespace\"",
      "pre-tokenizer is Whitespace, which is not supported; supported: ByteLevel"
    ),
    (
      "\"pre_tokenizer\":{",
      "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\"},"
        + "{\"type\":\"ByteLevel\"}]},\"was\":{", "pre-tokenizer is Sequence of Split, ByteLevel"
    ),
    ("\"pre_tokenizer\":", "\"was\":", "pre-tokenizer is missing"),
    ("\"decoder\":", "\"was\":", "decoder is missing"),
    (
      "\"post_processor\":null", "\"post_processor\":{\"type\":\"TemplateProcessing\"}",
      "post-processor is TemplateProcessing"
    ),
    ("\"truncation\":null", "\"truncation\":{}", "truncation"),
    ("\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback"),
    ("\"dropout\":null", "\"dropout\":0.1", "dropout"),
    ("\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"", "end_of_word_suffix"),
    ("\"lstrip\":false", "\"lstrip\":true", "'<|end|>' sets lstrip"),
    ("\"id\":1,", "\"id\":2,", "'<pad>' has id 2"),
    ("\"<pad>\":1,", "\"<pad>\":1,\"中\":5,", "'中' is not written"),
    ("\"<pad>\":1,", "\"<pad>\":1,\"zz\":5,", "both have id 5"),
    ("\"<pad>\":1,", "\"<pad>\":1,\"zz\":-5,", "'zz' has the impossible id -5"),
    ("\"merges\":[", "\"merges\":[[\"a\",\"ghost\"],", "names 'ghost'"),
    ("\"merges\":[", "\"merges\":[[\"z\",\"@\"],", "merge 0 makes 'z@'"),
    ("\"merges\":[", "\"merges\":[\"a b c\",", "does not have two parts"),
    ("\"ÿ\":", "\"ÿÿ\":", "lacks the byte 255"),
  ])
  func othersAreRefused(part: String, replacement: String, reason: String) throws {
    let file = String(decoding: try Fixture.bytes("huggingface_words.json"), as: UTF8.self)
    let start = try #require(file.range(of: part))
    let broken = file.replacingCharacters(in: start, with: replacement)
    do {
      _ = try BytePairTokenizer(parsing: Array(broken.utf8))
      Issue.record("it was read")
    } catch { #expect("\(error)".contains(reason), "\(error)") }
  }
}

/// The other direction: the Python client's tests read the same files with Hugging Face's library.
@Suite struct WrittenTokenizerTests {
  struct Written: Codable, Equatable {
    var strings: [String]
    var ids: [[Int32]]
  }

  /// With RECAP_WRITE_FIXTURES set in the environment the files are written instead of compared.
  @Test func fixturesAreWhatIsWrittenToday() throws {
    let strings = try Fixture.decoded(
      "huggingface_ids.json", as: HuggingFaceTokenizerTests.Expected.self
    ).strings
    let tokenizer = BytePairTokenizer.trained(on: BytePairTokenizerTests.prompts)
    let written = Written(strings: strings, ids: strings.map { tokenizer.encode($0) })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    for (name, bytes) in [
      ("recap_tokenizer.json", try tokenizer.serialized()),
      ("recap_ids.json", Array(try encoder.encode(written))),
    ] {
      if ProcessInfo.processInfo.environment["RECAP_WRITE_FIXTURES"] == nil {
        #expect(try Fixture.bytes(name) == bytes, "\(name)")
      } else {
        let tests = URL(filePath: #filePath).deletingLastPathComponent()
        try Data(bytes).write(to: tests.appending(path: "Fixtures/\(name)"))
      }
    }
  }
}
