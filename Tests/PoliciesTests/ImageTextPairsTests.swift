import Episodes
import Foundation
import ImageFiles
import Testing

@testable import Policies

/// A folder of its own, which is deleted in the end.
final class PairFolder {
  let path: String

  init(_ files: [String: [UInt8]]) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "pairs-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, bytes) in files {
      try Data(bytes).write(to: URL(filePath: path).appending(path: name))
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// A PPM file of one colour.
  static func ppm(_ grey: UInt8, side: Int = 8) -> [UInt8] {
    Array("P6 \(side) \(side) 255\n".utf8) + Array(repeating: grey, count: side * side * 3)
  }
}

@Suite struct ImageTextPairsTests {
  @Test func pairsAreReadByNameAndFitted() throws {
    let folder = try PairFolder([
      "b.ppm": PairFolder.ppm(200, side: 12), "b.txt": Array("  two\n words ".utf8),
      "a.PPM": PairFolder.ppm(7), "a.txt": Array("one".utf8),
      "alone.ppm": PairFolder.ppm(1), "README.txt": Array("no picture".utf8),
    ])
    let pairs = try ImageTextPairs(folder: folder.path, camera: Toy.camera)
    #expect(pairs.captions == ["one", "two words"])
    #expect(pairs.leftOut == ["README.txt", "alone.ppm"])
    #expect(
      pairs.images == [Array(repeating: 7, count: 192), Array(repeating: 200, count: 192)])
  }

  @Test func errorsNameTheFolderOrFile() throws {
    func message(_ files: [String: [UInt8]]) throws -> String {
      let folder = try PairFolder(files)
      do {
        _ = try ImageTextPairs(folder: folder.path, camera: Toy.camera)
        return ""
      } catch {
        return "\(error)".replacing(folder.path, with: "FOLDER")
      }
    }
    #expect(
      try message(["a.png": [1], "b.txt": [65]]).contains("'FOLDER' holds no pair; expected"))
    #expect(
      try message(["a.png": [1], "a.txt": [65]])
        == "FOLDER/a.png: expected a PNG, JPEG or binary PPM (P6) file; it begins with the bytes 1")
    let image = PairFolder.ppm(1)
    #expect(try message(["a.ppm": image, "a.txt": [10]]).contains("FOLDER/a.txt holds no text"))
    #expect(try message(["a.ppm": image, "a.txt": [0xFF]]).contains("FOLDER/a.txt cannot be read"))
    let missing = #expect(throws: PolicyError.self) {
      try ImageTextPairs.files(in: "/nowhere/pairs")
    }
    #expect(missing?.description.contains("there is no folder '/nowhere/pairs'; expected") == true)
    let file = try PairFolder(["file": [1]])
    let notFolder = #expect(throws: PolicyError.self) {
      try ImageTextPairs.files(in: "\(file.path)/file")
    }
    #expect(notFolder?.description.contains("is a file; expected a folder") == true)
  }

  /// The slot of five: `<none>` and four tokens.
  @Test func captionsFillTheirSlots() throws {
    let inputs = try Self.inputs(tokenizer: BytePairTokenizer())
    let pairs = ImageTextPairs(
      width: 8, height: 8,
      pairs: ["ab", "abcd", "abcde"].map { (Array(repeating: 255, count: 192), $0) })
    let captions = try CaptionInputs(pairs, inputs, Self.slots(5))
    let batch = captions.batch(of: [2, 0, 1])
    let (a, b, c, d) = (Int32(99), Int32(100), Int32(101), Int32(102))
    #expect(batch.count == 3)
    #expect(batch.patches == Array(repeating: 1, count: 3 * 192))
    #expect(batch.tokens == [1, a, b, c, d, 1, a, b, 0, 0, 1, a, b, c, d])
    #expect(batch.targets == [a, b, c, d, -1, a, b, 0, -1, -1, a, b, c, d, 0])
  }

  @Test func imagesOfAnotherSizeAreRefused() throws {
    let inputs = try Self.inputs()
    for pairs in [
      ImageTextPairs(width: 8, height: 4, pairs: [(Array(repeating: 0, count: 96), "a")]),
      ImageTextPairs(width: 8, height: 8, pairs: []),
    ] {
      #expect(throws: PolicyError.self) { try CaptionInputs(pairs, inputs, Self.slots(5)) }
    }
  }

  private static func slots(_ count: Int) -> CoTrainingSettings {
    CoTrainingSettings(folder: "", captionTokens: count)
  }

  private static func inputs(tokenizer: BytePairTokenizer? = nil) throws -> ObservationInputs {
    try ObservationInputs(
      embodiment: Toy.seeing, prompts: Prompts(tasks: [Toy.pour], tokenizer: tokenizer),
      normalization: Toy.unit(Toy.seeing), usesImages: true, usesEnvironmentState: false,
      patchSize: 4, vision: nil, byQuantiles: false)
  }

  /// Merges stay within words, the vocabulary grows, and its file says the same.
  @Test func captionsTeachTheTokenizerTheirWords() throws {
    let captions = (0..<40).map { "a robot folds shirt \($0) on table \($0 % 7)" }
    let tokenizer = try Prompts(tasks: [Toy.pour, Toy.wipe], captions: captions).tokenizer
    #expect(tokenizer.encode(" robot").count == 1)
    #expect(tokenizer.encode("a robot folds").count == 3)
    #expect(tokenizer.decode(tokenizer.encode("Ein Bär 🐻, unbekannt")) == "Ein Bär 🐻, unbekannt")
    #expect(try BytePairTokenizer(parsing: tokenizer.serialized()) == tokenizer)
    #expect(tokenizer.vocabularySize <= 2048)
  }
}
