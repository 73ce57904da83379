import Foundation
import Tensors
import Testing

@testable import Policies

@Suite struct FASTTokenizerTests {
  static let steps = 8
  static let width = 3

  /// Chunks of a robot that moves on quadratic paths, [steps, width] each.
  static func smoothChunks(_ count: Int, seed: UInt64, size: Float = 1) -> [[Float]] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in
      let starts = random.normals(width)
      let slopes = random.normals(width)
      let bends = random.normals(width)
      return (0..<steps * width).map { place in
        let time = Float(place / width) / Float(steps)
        let column = place % width
        return size * (starts[column] + time * (slopes[column] + time * bends[column]))
      }
    }
  }

  static let chunks = smoothChunks(400, seed: 1)

  static func fitted(
    _ chunks: [[Float]] = chunks, scale: Float = 10, vocabularyLimit: Int = 512
  ) throws(PolicyError) -> FASTTokenizer {
    try FASTTokenizer.fitted(
      on: chunks.map { $0[...] }, chunkLength: steps, actionWidth: width, scale: scale,
      vocabularyLimit: vocabularyLimit)
  }

  /// [1, 3] over time in one dimension, [2, 2] in the other: C₀ = (x₀ + x₁) / √2 and
  /// C₁ = (x₀ − x₁) / √2, that is 2.83, 2.83 and −1.41, 0; in tenths 28, 28, −14, 0.
  @Test func smallChunkByHand() throws {
    let chunk: [Float] = [1, 2, 3, 2]
    let tokenizer = try FASTTokenizer.fitted(
      on: [chunk[...]], chunkLength: 2, actionWidth: 2, vocabularyLimit: 64)
    #expect(tokenizer.range == -14...28)
    #expect(tokenizer.merges.pairs.isEmpty, "no pair comes twice")
    #expect(tokenizer.vocabularySize == 3 + 43)
    let zero: Int32 = 3 + 14
    #expect(tokenizer.encode(chunk[...]) == [zero + 28, zero + 28, zero - 14, zero])
    let decoded = try tokenizer.decode([zero + 28, zero + 28, zero - 14, zero])
    #expect(isClose(decoded, [0.9899, 1.9799, 2.9698, 1.9799]))
  }

  struct TransformCases: Decodable {
    struct Case: Decodable {
      var steps: Int
      var width: Int
      var chunk: [Float]
      var coefficients: [Float]
      var quanta: [Int32]
    }
    var scale: Float
    var cases: [Case]
  }

  @Test func agreesWithSciPy() throws {
    let fixture = try Fixture.decoded("fast_transform.json", as: TransformCases.self)
    #expect(fixture.cases.count == 5)
    for test in fixture.cases {
      let transform = CosineTransform(length: test.steps, width: test.width)
      #expect(isClose(transform.coefficients(of: test.chunk[...]), test.coefficients))
      #expect(isClose(transform.chunk(of: test.coefficients), test.chunk))
      let quanta = FASTTokenizer.quanta(of: test.chunk[...], transform, scale: fixture.scale)
      #expect(quanta == test.quanta)
    }
  }

  /// 0 0 0 1 and 0 0 1 1 over frequencies, whole quanta: "0 0" is met 3 times (twice in the first),
  /// then (00, 1) once in the second, (00, 0) and (0, 1) once in the first: nothing twice.
  @Test func mergesArePairsOfQuanta() throws {
    let transform = CosineTransform(length: 4, width: 1)
    let chunks = [[0, 0, 0, 1], [0, 0, 1, 1]].map { transform.chunk(of: $0) }
    let tokenizer = try FASTTokenizer.fitted(
      on: chunks.map { $0[...] }, chunkLength: 4, actionWidth: 1, scale: 1, vocabularyLimit: 64)
    #expect(tokenizer.range == 0...1)
    #expect(tokenizer.merges.pairs == [.init(left: 3, right: 3)])
    #expect(tokenizer.encode(chunks[0][...]) == [5, 3, 4])
    #expect(tokenizer.encode(chunks[1][...]) == [5, 4, 4])
    #expect(tokenizer.longest == 3)
  }

  /// Each coefficient is off by at most half a quantum, and the transform keeps lengths.
  @Test(arguments: [1, 10, 40] as [Float])
  func comesBackWithinHalfAQuantum(scale: Float) throws {
    let tokenizer = try Self.fitted(scale: scale, vocabularyLimit: 2048)
    let transform = CosineTransform(length: Self.steps, width: Self.width)
    var inside = 0
    for chunk in Self.chunks + Self.smoothChunks(400, seed: 2, size: 0.8) {
      let quanta = FASTTokenizer.quanta(of: chunk[...], transform, scale: scale)
      guard quanta.allSatisfy(tokenizer.range.contains) else { continue }
      inside += 1
      let decoded = try tokenizer.decode(tokenizer.encode(chunk[...]))
      let expected = transform.coefficients(of: chunk[...])
      #expect(
        isClose(transform.coefficients(of: decoded[...]), expected, within: 0.5 / scale + 1e-4))
    }
    #expect(inside > 780)
  }

  @Test func compressesWhatItWasFittedOn() throws {
    let tokenizer = try Self.fitted()
    let lengths = Self.chunks.map { tokenizer.encode($0[...]).count }
    #expect(tokenizer.vocabularySize <= 512)
    #expect(tokenizer.longest == lengths.max())
    let mean = Double(lengths.reduce(0, +)) / Double(lengths.count)
    #expect(mean < 0.6 * Double(tokenizer.coefficientCount))
    let unseen = Self.smoothChunks(100, seed: 3).map { tokenizer.encode($0[...]).count }
    #expect(unseen.allSatisfy { (1...tokenizer.coefficientCount).contains($0) })
  }

  @Test func standingStillIsFewTokens() throws {
    let still = [Float](repeating: 0, count: Self.steps * Self.width)
    let tokenizer = try Self.fitted([still, still] + Self.chunks)
    #expect(tokenizer.encode(still[...]).count <= 2)
    #expect(try tokenizer.decode(tokenizer.encode(still[...])) == still)
  }

  @Test func sameDataSameTokenizer() throws {
    let tokenizer = try Self.fitted()
    #expect(try Self.fitted() == tokenizer)
    #expect(try Self.fitted().serialized() == tokenizer.serialized())
    #expect(try Self.fitted(scale: 9) != tokenizer)
  }

  /// Whatever is encoded can be decoded; what lies outside the range comes back at its ends.
  @Test(arguments: [5, 1000, 3e38, -3e38, .infinity, .nan] as [Float])
  func extremesAreMovedIntoTheRange(value: Float) throws {
    let tokenizer = try Self.fitted()
    var chunk = Self.chunks[0]
    chunk[1] = value
    let decoded = try tokenizer.decode(tokenizer.encode(chunk[...]))
    #expect(decoded.allSatisfy { $0.isFinite })
    let constant = [Float](repeating: value, count: chunk.count)
    guard !value.isNaN else { return }
    // A constant is its first coefficient alone, √H times as large.
    let unit = Float(Self.steps).squareRoot() * tokenizer.scale
    let ends = [tokenizer.range.lowerBound, tokenizer.range.upperBound].map { Float($0) / unit }
    let expected = [Float](repeating: min(max(value, ends[0]), ends[1]), count: chunk.count)
    #expect(
      isClose(try tokenizer.decode(tokenizer.encode(constant[...])), expected, within: 0.5 / unit))
  }

  /// A few broken actions must not take the vocabulary from all the others.
  @Test func outliersDoNotTakeTheVocabulary() throws {
    var chunks = Self.chunks
    chunks[0] = [Float](repeating: 500, count: chunks[0].count)
    let tokenizer = try Self.fitted(chunks)
    let plain = try Self.fitted()
    #expect(tokenizer.range.lowerBound == plain.range.lowerBound)
    #expect(tokenizer.range.upperBound == plain.range.upperBound)
    #expect(!tokenizer.merges.pairs.isEmpty)
  }

  @Test func rangeIsCutWhereItLosesLeast() {
    func range(_ words: [[Int32]], _ limit: Int) -> ClosedRange<Int32> {
      FASTTokenizer.symbolRange(of: words, limit: limit)
    }
    #expect(range([[4, 7]], 100) == 0...7, "0 is always among them")
    #expect(range([[-3, 0, 5]], 9) == -3...5)
    #expect(range([[-3, -3, 0, 5]], 8) == -3...0)
    #expect(range([[-3, -2, 4, 5, 5]], 8) == -2...5)
    #expect(range([[1, 2, 3]], 1) == 0...0)
    #expect(range([[-1, -2, -3]], 2) == -1...0)
    #expect(range([[-300, 0, 1, 300, 300]], 8) == 0...1)
  }

  @Test func wrongTokensAreNamed() throws {
    let tokenizer = try Self.fitted()
    let ids = tokenizer.encode(Self.chunks[0][...])
    func message(_ ids: [Int32]) -> String {
      do {
        _ = try tokenizer.decode(ids)
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(
      message(Array(ids.dropLast())).contains("expected tokens of 24 coefficients (8 steps × 3"))
    #expect(message(ids + ids).contains("tokens of 48"))
    #expect(message([]).contains("got 0 tokens of 0"))
    #expect(message(ids + [FASTTokenizer.end]).contains("has id 2; ids of actions are 3..<"))
    #expect(message([Int32(tokenizer.vocabularySize)]).contains("token 0 of 1 has id"))
    #expect(message([-7]).contains("has id -7"))
  }

  @Test func whatCannotBeFittedIsRefused() {
    let chunk = Self.chunks[0]
    let cases: [(reason: String, fit: () throws -> FASTTokenizer)] = [
      ("at least one chunk", { try Self.fitted([]) }),
      (
        "chunk 1: expected 8 steps × 3",
        { try Self.fitted([chunk, [1, 2]]) }
      ),
      (
        "chunk 0 holds", { try Self.fitted([[.nan] + chunk.dropFirst()]) }
      ),
      ("positive scale, got 0", { try Self.fitted(scale: 0) }),
      ("positive scale, got inf", { try Self.fitted(scale: .infinity) }),
      ("at least 8, got 7", { try Self.fitted(vocabularyLimit: 7) }),
      (
        "got 0 × 3",
        {
          try .fitted(on: [chunk[...]], chunkLength: 0, actionWidth: 3)
        }
      ),
    ]
    for (reason, fit) in cases {
      do {
        _ = try fit()
        Issue.record("no error that says '\(reason)'")
      } catch { #expect("\(error)".contains(reason), "\(error)") }
    }
  }

  @Test func fileRoundTripIsExact() throws {
    let tokenizer = try Self.fitted()
    let bytes = try tokenizer.serialized()
    let parsed = try FASTTokenizer(parsing: bytes)
    #expect(parsed == tokenizer)
    #expect(try parsed.serialized() == bytes)
    #expect(parsed.encode(Self.chunks[5][...]) == tokenizer.encode(Self.chunks[5][...]))
  }

  @Test func brokenFilesAreNamed() throws {
    let file = """
      {"actionWidth":1,"chunkLength":2,"kind":"recap-fast-tokenizer","longest":2,"maximum":1,\
      "merges":[[3,4]],"minimum":0,"scale":10,"version":1}
      """
    #expect(try FASTTokenizer(parsing: Array(file.utf8)).vocabularySize == 6)
    for (part, replacement, reason) in [
      ("recap-fast-tokenizer", "other", "got a other of version 1"),
      ("\"version\":1", "\"version\":2", "of version 2"),
      ("\"scale\":10", "\"scale\":-1", "positive scale, got -1"),
      ("\"scale\":10", "\"scale\":\"ten\"", "'scale'"), (",\"scale\":10", "", "'scale' is missing"),
      ("\"maximum\":1", "\"maximum\":-1", "0…-1"), ("\"longest\":2", "\"longest\":3", "longest"),
      ("\"chunkLength\":2", "\"chunkLength\":0", "got 0 × 1"),
      ("[3,4]", "[3,5]", "merge 0, [3, 5]"), ("[3,4]", "[2,4]", "merge 0, [2, 4]"),
      ("[3,4]", "[3,4],[3,4]", "merge 1, [3, 4]"), ("[3,4]", "[3]", "merge 0 has 1 parts"),
      ("{", "", "not JSON"),
    ] {
      let broken = file.replacingOccurrences(of: part, with: replacement)
      #expect(broken != file)
      do {
        _ = try FASTTokenizer(parsing: Array(broken.utf8))
        Issue.record("\(broken) was read")
      } catch { #expect("\(error)".contains(reason), "\(error)") }
    }
  }
}
