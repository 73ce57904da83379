import Episodes
import Foundation
import GRDB
import RecapAlgorithm
import Testing

@testable import EpisodeStorage

@Suite struct VerificationTests {
  let directory: TemporaryDirectory
  let archive: Archive

  init() async throws {
    directory = try TemporaryDirectory()
    archive = try await Archive.create(at: directory.path, run: Fixture.run)
  }

  func path(_ digest: ContentDigest) -> String {
    "\(directory.path)/blobs/\(digest.rawValue.prefix(2))/\(digest.rawValue.dropFirst(2))"
  }

  /// Edits the catalogue behind the archive's back.
  func edit(_ sql: String) async throws {
    try await DatabaseQueue(path: "\(directory.path)/catalogue.sqlite").write {
      try $0.execute(sql: "PRAGMA defer_foreign_keys = ON")
      try $0.execute(sql: sql)
    }
  }

  @Test func aSoundArchiveIsCounted() async throws {
    for index in 0..<3 { try await archive.put(try Fixture.episode(index: index)) }
    try await archive.putBlob([1], kind: "checkpoint")
    let report = try await archive.verify()
    #expect(report.isSound)
    let bytes = try await archive.counts().bytes
    #expect(
      report.summary == "verified 4 blobs (\(bytes) bytes), 3 episodes, 0 checkpoints, "
        + "0 label sets, 0 orphan files, 0 problems")
  }

  @Test func aFlippedByteIsFoundAndNotServed() async throws {
    let receipt = try await archive.put(try Fixture.episode())
    var bytes = try await archive.blob(receipt.digest)
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path(receipt.digest)))
    let actual = ContentDigest(hashing: bytes)
    let report = try await archive.verify()
    #expect(report.problems == [.corrupt(receipt.digest, kind: "episode", actual: actual)])
    await #expect(throws: ArchiveError.corruptBlob(receipt.digest, actual: actual)) {
      try await archive.blob(receipt.digest)
    }
  }

  @Test func aMissingBlobIsFoundAndTheOthersAreStillChecked() async throws {
    let lost = try await archive.put(try Fixture.episode(index: 0))
    let cut = try await archive.put(try Fixture.episode(index: 1))
    try FileManager.default.removeItem(atPath: path(lost.digest))
    try Data().write(to: URL(fileURLWithPath: path(cut.digest)))
    let report = try await archive.verify()
    #expect(report.problems.count == 2)
    #expect(report.problems.contains(.missing(lost.digest, kind: "episode")))
    #expect(
      report.problems.contains(
        .corrupt(cut.digest, kind: "episode", actual: ContentDigest(hashing: []))))
  }

  @Test func aRowThatDisagreesWithItsBlobNamesTheColumn() async throws {
    try await archive.put(try Fixture.episode(outcome: .failure))
    try await edit("UPDATE episodes SET outcome = 'success', intervention_steps = 2")
    let report = try await archive.verify()
    #expect(
      report.problems.map(\.description) == [
        "episode espresso/1/collect/0#0: the catalogue says outcome = \"success\", "
          + "its blob says \"failure\"",
        "episode espresso/1/collect/0#0: the catalogue says intervention_steps = 2, "
          + "its blob says 1",
      ])
  }

  @Test func anImpossibleRowDoesNotHideTheNextProblem() async throws {
    try await archive.put(try Fixture.episode(index: 0))
    try await archive.put(try Fixture.episode(index: 1))
    try await edit("UPDATE episodes SET source = 'dreamt' WHERE episode_index = 0")
    try await edit("UPDATE episodes SET steps = 4 WHERE episode_index = 1")
    let problems = try await archive.verify().problems
    #expect(problems.count == 2)
    #expect(
      problems.first?.description
        == "catalogue.sqlite: catalogue table episodes: column source holds '\"dreamt\"'")
    #expect(
      problems.last
        == .disagreement(
          episode: "espresso/1/collect/0#1", column: "steps", catalogued: "4", blob: "3"))
  }

  @Test func aRowWithoutItsBlobRowIsFound() async throws {
    let receipt = try await archive.put(try Fixture.episode())
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    try await DatabaseQueue(
      path: "\(directory.path)/catalogue.sqlite", configuration: configuration
    ).write { try $0.execute(sql: "DELETE FROM blobs") }
    let report = try await archive.verify()
    #expect(!report.isSound)
    #expect(report.orphans == ["blobs/\(path(receipt.digest).suffix(65))"])
  }

  @Test func filesThatNoRowNamesAreMentionedAndAreNoProblem() async throws {
    let manager = FileManager.default
    try Data([1]).write(to: URL(fileURLWithPath: "\(directory.path)/blobs/aa/left-behind"))
    #expect(manager.createFile(atPath: "\(directory.path)/blobs/stray", contents: nil))
    let report = try await archive.verify()
    #expect(report.isSound)
    #expect(report.orphans == ["blobs/aa/left-behind", "blobs/stray"])
    #expect(report.summary.contains("2 orphan files, 0 problems"))
  }

  @Test func aCheckpointWithoutOneOfItsFilesIsFound() async throws {
    let present = try await archive.putBlob([1], kind: "checkpoint-file")
    let absent = ContentDigest(hashing: [2])
    let manifest = #"{"files":{"a":"\#(present)","b":"\#(absent)"}}"#
    let checkpoint = try await archive.putBlob(Array(manifest.utf8), kind: "checkpoint")
    let garbled = try await archive.putBlob([0x7B], kind: "checkpoint")
    for (id, digest) in [("v", checkpoint), ("w", garbled)] {
      let job = Job(
        id: id, task: nil, iteration: nil, seed: 1,
        work: .trainValue(
          TrainValueWork(
            dataset: [], initial: nil,
            training: TrainingSettings(steps: 1, batchSize: 1, learningRate: 1))))
      try await archive.recordResult(.checkpoint(digest, metrics: [:]), of: job)
    }
    let problems = try await archive.verify().problems
    #expect(problems.count == 2)
    #expect(
      problems.contains(.incompleteCheckpoint(checkpoint, file: "b", digest: absent)))
    #expect(
      problems.contains {
        if case .unreadable(garbled, "checkpoint", _) = $0 { true } else { false }
      })
  }
}
