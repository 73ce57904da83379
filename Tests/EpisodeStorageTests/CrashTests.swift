import Episodes
import Foundation
import GRDB
import Synchronization
import Testing

@testable import EpisodeStorage

@Suite struct CrashTests {
  /// Runs in a process of its own: stores episodes, notes each as soon as it is acknowledged, and
  /// dies by `kill -9` at one step of the third.
  private static func storeAndDie(in path: String, at fatal: StorageStep) async throws {
    let reached = Counter()
    let archive = try await Archive.create(
      at: path, run: Fixture.run,
      hook: { step in
        if step == fatal, reached.next() == 3 { kill(getpid(), SIGKILL) }
      })
    let notes = FileManager.default.createFile(atPath: "\(path)/acknowledged", contents: nil)
    #expect(notes)
    let handle = try #require(FileHandle(forWritingAtPath: "\(path)/acknowledged"))
    for index in 0..<4 {
      let receipt = try await archive.put(try Fixture.episode(index: index))
      try handle.write(contentsOf: Data("\(receipt.digest)\n".utf8))
    }
  }

  @Test(arguments: StorageStep.allCases)
  func killedAtAnyStepNothingAcknowledgedIsLost(step: StorageStep) async throws {
    let directory = try TemporaryDirectory()
    // Otherwise it is removed here, and what the process makes anew stays.
    defer { withExtendedLifetime(directory) {} }
    let path = directory.path
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = path as String, step = step.rawValue as String] in
      try await CrashTests.storeAndDie(in: path, at: try #require(StorageStep(rawValue: step)))
    }
    let notes = try String(contentsOfFile: "\(path)/acknowledged", encoding: .utf8)
    let acknowledged = try notes.split(separator: "\n").map {
      try #require(ContentDigest(rawValue: String($0)))
    }
    #expect(acknowledged.count == 2)

    // A report may be the first to look, before anyone resumes the run.
    let early = try await ArchiveReader(directory: path).verify()
    #expect(early.isSound)

    let archive = try await Archive.open(at: path)
    // A commit that was not answered yet may stay; one that was answered must.
    let committed = step == .acknowledge ? 3 : 2
    let stored = try await archive.receipts(job: "espresso/1/collect/0")
    #expect(stored.count == committed)
    #expect(Array(stored.map(\.digest).prefix(2)) == acknowledged)
    let report = try await archive.verify()
    #expect(report.isSound)
    // Killed between the blob's name and its row, the blob waits for the repeated upload.
    #expect(report.orphans.count == (step == .syncDirectory || step == .commitRows ? 1 : 0))
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/temporary").isEmpty)

    for index in 0..<4 { try await archive.put(try Fixture.episode(index: index)) }
    let after = try await archive.verify()
    #expect(after.isSound)
    #expect(after.orphans.isEmpty)
    #expect(after.episodes == 4)
  }

  /// As `storeAndDie`, with uploads at the same time, which share transactions.
  private static func storeTogetherAndDie(in path: String, at fatal: StorageStep) async throws {
    let reached = Counter()
    let archive = try await Archive.create(
      at: path, run: Fixture.run,
      hook: { step in
        if step == fatal, reached.next() == 9 { kill(getpid(), SIGKILL) }
      })
    let notes = open("\(path)/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o644)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<16 {
        group.addTask {
          let digest = try await archive.put(try Fixture.episode(index: index)).digest
          let line = Array("\(digest)\n".utf8)
          #expect(write(notes, line, line.count) == line.count)
        }
      }
      try await group.waitForAll()
    }
  }

  @Test(arguments: StorageStep.allCases)
  func killedAmongUploadsAtTheSameTimeNothingAcknowledgedIsLost(step: StorageStep) async throws {
    let directory = try TemporaryDirectory()
    // Otherwise it is removed here, and what the process makes anew stays.
    defer { withExtendedLifetime(directory) {} }
    let path = directory.path
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = path as String, step = step.rawValue as String] in
      try await CrashTests.storeTogetherAndDie(
        in: path, at: try #require(StorageStep(rawValue: step)))
    }
    let notes = try String(contentsOfFile: "\(path)/acknowledged", encoding: .utf8)
    let acknowledged = Set(notes.split(separator: "\n").map(String.init))

    let archive = try await Archive.open(at: path)
    let stored = try await archive.receipts(job: "espresso/1/collect/0").map(\.digest.rawValue)
    #expect(acknowledged.isSubset(of: stored))
    #expect(try await archive.verify().isSound)
    for index in 0..<16 { try await archive.put(try Fixture.episode(index: index)) }
    let after = try await archive.verify()
    #expect(after.isSound && after.orphans.isEmpty)
    #expect(after.episodes == 16)
  }

  @Test func aBatchOfEventsThatDiesBeforeItsCommitLeavesNoneOfThem() async throws {
    let directory = try TemporaryDirectory()
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = directory.path as String] in
      let commits = Counter()
      let archive = try await Archive.create(
        at: path, run: Fixture.run,
        hook: { step in
          if step == .commitRows, commits.next() == 2 { kill(getpid(), SIGKILL) }
        })
      try await archive.appendEvents(["1", "2"])
      try await archive.appendEvents(["3", "4"])
    }
    let archive = try await Archive.open(at: directory.path)
    #expect(try await archive.events().map(\.event) == ["1", "2"])
  }

  /// A power cut may write only part of the log's last pages.
  @Test func aTornWriteAheadLogKeepsEveryEarlierCommit() async throws {
    let (directory, copy) = (try TemporaryDirectory(), try TemporaryDirectory())
    let archive = try await Archive.create(at: directory.path, run: Fixture.run)
    let log = "\(directory.path)/catalogue.sqlite-wal"
    func logSize() throws -> Int {
      try #require(
        try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int)
    }
    try await archive.put(try Fixture.episode(index: 0))
    let before = try logSize()
    try await archive.put(try Fixture.episode(index: 1))
    let after = try logSize()
    #expect(after > before)

    let cuts = [before, before + 1, (before + after) / 2, after - 1]
    for (number, cut) in cuts.enumerated() {
      let path = "\(copy.path)/\(number)"
      try FileManager.default.copyItem(atPath: directory.path, toPath: path)
      try? FileManager.default.removeItem(atPath: "\(path)/catalogue.sqlite-shm")
      let torn = try #require(FileHandle(forUpdatingAtPath: "\(path)/catalogue.sqlite-wal"))
      try torn.truncate(atOffset: UInt64(cut))
      try torn.close()
      let reopened = try await Archive.open(at: path)
      #expect(try await reopened.episodes().map(\.index) == [0], "log cut at byte \(cut)")
      let report = try await reopened.verify()
      #expect(report.isSound)
      #expect(report.orphans.count == 1)
      try await reopened.put(try Fixture.episode(index: 1))
      #expect(try await reopened.verify().orphans.isEmpty)
    }
  }

  @Test func anUploadThatFailsLeavesNothingBehindAndCanBeRepeated() async throws {
    struct DiskFull: Error {}
    let directory = try TemporaryDirectory()
    let failing = Counter()
    let archive = try await Archive.create(
      at: directory.path, run: Fixture.run,
      hook: { step in
        if step == .commitRows, failing.next() == 1 { throw DiskFull() }
      })
    await #expect(throws: DiskFull.self) { try await archive.put(try Fixture.episode()) }
    #expect(try await archive.counts().episodes == 0)
    #expect(try await archive.counts().blobs == 0)
    try await archive.put(try Fixture.episode())
    #expect(try await archive.verify().isSound)
  }

  /// A blob whose file was cut short outside the archive heals when it is stored again.
  @Test func storingABlobAgainReplacesATruncatedFile() async throws {
    let directory = try TemporaryDirectory()
    let archive = try await Archive.create(at: directory.path, run: Fixture.run)
    let receipt = try await archive.put(try Fixture.episode())
    let digits = receipt.digest.rawValue
    try Data([1, 2]).write(
      to: URL(fileURLWithPath: "\(directory.path)/blobs/\(digits.prefix(2))/\(digits.dropFirst(2))")
    )
    let bytes = try Fixture.file(try Fixture.episode())
    try await archive.putBlob(bytes, kind: "episode")
    #expect(try await archive.verify().isSound)
  }
}

/// Counts from 1, from any thread.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
}
