import Foundation
import Policies
import Testing

@testable import Configuration

@Suite struct CoTrainingTests {
  private static let seeing = """
    name: small
    tasks: [{name: espresso}]
    robots: [{name: cell, kind: workcell, observation: {cameras: 16}}]
    """

  /// Runs with a folder of one pair that looks like one.
  private func withFolder<R>(_ body: (String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: "pairs-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data([1]).write(to: folder.appending(path: "cat.jpg"))
    try Data([65]).write(to: folder.appending(path: "cat.txt"))
    return try body(folder.path)
  }

  @Test func isOffByDefaultAndCompletedWhereGiven() throws {
    #expect(try configuration().models.value.coTraining == nil)
    try withFolder { folder in
      let yaml = "\(Self.seeing)\nmodels: {value: {coTraining: {folder: \(folder), share: 0.2}}}"
      let run = try configuration(yaml)
      #expect(run.models.value.coTraining == CoTrainingSettings(folder: folder, share: 0.2))
      #expect(try RunConfiguration(resolvedJSON: run.resolvedJSON) == run)
      let off = try configuration(yaml, overrides: ["models.value.coTraining=null"])
      #expect(off.models.value.coTraining == nil)
    }
  }

  @Test func aRelativeFolderBecomesAbsolute() throws {
    try withFolder { folder in
      var run = try configuration(
        "\(Self.seeing)\nmodels: {value: {coTraining: {folder: \(folder)}}}")
      run.models.value.coTraining?.folder = "../pairs/./web"
      run.locateImageTextPairs(from: "/data/runs")
      #expect(run.models.value.coTraining?.folder == "/data/pairs/web")
    }
    let found = try problems(
      "\(Self.seeing)\nmodels: {value: {coTraining: {folder: no-such-pairs}}}")
    let here = FileManager.default.currentDirectoryPath
    #expect(found.map(\.keyPath) == ["models.value.coTraining.folder"])
    #expect(found.first?.message.hasPrefix("there is no folder '\(here)/no-such-pairs'; ") == true)
  }

  @Test func whatIsMissingIsNamed() throws {
    let empty = try problems("\(Self.seeing)\nmodels: {value: {coTraining: {share: 0.1}}}")
    #expect(empty.map(\.keyPath) == ["models.value.coTraining.folder"])
    #expect(empty.map(\.kind) == [.missingKey])
    try withFolder { folder in
      let blind = try problems(
        "\(smallest)\nmodels: {value: {coTraining: {folder: \(folder)}}}")
      #expect(blind.map(\.keyPath) == ["models.value.coTraining"])
      #expect(blind.map(\.kind) == [.inconsistent])
      try FileManager.default.removeItem(atPath: "\(folder)/cat.jpg")
      let none = try messages(
        "\(Self.seeing)\nmodels: {value: {coTraining: {folder: \(folder)}}}")
      #expect(none.count == 1 && none[0].contains("holds no pair; expected an image"))
    }
  }

  @Test func rangesAreChecked() throws {
    try withFolder { folder in
      let found = try problems(
        "\(Self.seeing)\nmodels: {value: {coTraining: {folder: \(folder)}}}",
        overrides: ["share=2", "weight=0", "captionTokens=1"].map {
          "models.value.coTraining.\($0)"
        })
      #expect(
        Set(found.map(\.keyPath))
          == Set(["share", "weight", "captionTokens"].map { "models.value.coTraining.\($0)" }))
    }
  }
}
