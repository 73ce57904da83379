import Episodes
import Foundation
import GRDB
import Testing

@testable import EpisodeStorage

@Suite struct OpeningTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  @Test func aSecondWriterIsRefusedAndToldWhoHoldsTheRun() async throws {
    let first = try await Archive.create(at: directory.path, run: Fixture.run)
    let error = await #expect(throws: ArchiveError.self) {
      _ = try await Archive.open(at: directory.path)
    }
    let text = try #require(error).description
    #expect(text.contains("process \(ProcessInfo.processInfo.processIdentifier) ("))
    #expect(text.contains(ProcessInfo.processInfo.arguments[0]))
    try await first.close()
    let second = try await Archive.open(at: directory.path)
    try await second.close()
  }

  @Test func closingLeavesOneFileAndAReaderAtWorkUnharmed() async throws {
    let log = "\(directory.path)/catalogue.sqlite-wal"
    let writer = try await Archive.create(at: directory.path, run: Fixture.run)
    let receipt = try await writer.put(try Fixture.episode())
    let reader = try ArchiveReader(directory: directory.path)
    #expect(try await reader.counts().episodes == 1)
    try await writer.close()
    #expect(try await reader.receipts(job: "espresso/1/collect/0") == [receipt])

    let alone = try TemporaryDirectory()
    let other = try await Archive.create(at: alone.path, run: Fixture.run)
    _ = try await other.put(try Fixture.episode())
    try await other.close()
    let files = try FileManager.default.contentsOfDirectory(atPath: alone.path)
    #expect(files.filter { $0.hasPrefix("catalogue") } == ["catalogue.sqlite"])
    // Going on turns the write-ahead log on again.
    let again = try await Archive.open(at: directory.path)
    #expect(FileManager.default.fileExists(atPath: log))
    #expect(try await again.counts().episodes == 1)
    try await again.close()
  }

  @Test func aReaderSeesWhatALiveWriterCommits() async throws {
    let writer = try await Archive.create(at: directory.path, run: Fixture.run)
    let reader = try ArchiveReader(directory: directory.path)
    #expect(try await reader.counts().episodes == 0)
    let receipt = try await writer.put(try Fixture.episode())
    #expect(try await reader.receipts(job: "espresso/1/collect/0") == [receipt])
    #expect(try await reader.run() == Fixture.run)
    #expect(try await reader.run().id == Fixture.run.id)
    #expect(try await reader.verify().isSound)
  }

  @Test func aReaderCannotWrite() async throws {
    let writer = try await Archive.create(at: directory.path, run: Fixture.run)
    try await writer.close()
    let reader = try ArchiveReader(directory: directory.path)
    await #expect(throws: DatabaseError.self) {
      try await reader.catalogue.read { try $0.execute(sql: "DELETE FROM run") }
    }
  }

  @Test func openingWhatIsNotThereNamesTheDirectory() async throws {
    let path = directory.path
    let absent = ArchiveError.notFound(directory: path)
    await #expect(throws: absent) { _ = try await Archive.open(at: path) }
    #expect(throws: absent) { _ = try ArchiveReader(directory: path) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
  }

  @Test func aDamagedCatalogueIsNamed() async throws {
    let path = directory.path
    try Data(repeating: 0x5a, count: 20000).write(
      to: URL(filePath: "\(path)/catalogue.sqlite"))
    let damaged = ArchiveError.unreadable(
      directory: path, reason: "SQLite error 26: file is not a database")
    #expect(throws: damaged) { _ = try ArchiveReader(directory: path) }
    await #expect(throws: damaged) { _ = try await Archive.open(at: path) }
    #expect(damaged.description.hasPrefix("\(path)/catalogue.sqlite cannot be read: SQLite"))
  }

  @Test func aFileInTheWayIsNamed() async throws {
    let path = directory.path
    try Data().write(to: URL(filePath: "\(path)/blobs"))
    let refused = ArchiveError.cannotMake(directory: path, reason: "\(path)/blobs is a file")
    await #expect(throws: refused) {
      _ = try await Archive.create(at: path, run: Fixture.run)
    }
  }

  @Test func creatingOverARunIsRefused() async throws {
    let first = try await Archive.create(at: directory.path, run: Fixture.run)
    try await first.close()
    await #expect(
      throws: ArchiveError.alreadyExists(directory: directory.path, run: "fixture")
    ) { _ = try await Archive.create(at: directory.path, run: Fixture.run) }
  }

  @Test func aCatalogueFromTheFutureIsRefused() async throws {
    let archive = try await Archive.create(at: directory.path, run: Fixture.run)
    try await archive.close()
    let queue = try DatabaseQueue(path: "\(directory.path)/catalogue.sqlite")
    try await queue.write {
      try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99: wonders')")
    }
    try queue.close()
    for attempt in 0..<2 {
      let error = await #expect(throws: ArchiveError.self) {
        if attempt == 0 {
          _ = try await Archive.open(at: directory.path)
        } else {
          _ = try ArchiveReader(directory: directory.path)
        }
      }
      #expect(try #require(error).description.contains("newer version"))
    }
  }

  /// A finished run of an older version is read as it is, and resuming it brings it up to date.
  @Test func aCatalogueFromBeforeReasonsIsReadAndBroughtUpToDate() async throws {
    let archive = try await Archive.create(at: directory.path, run: Fixture.run)
    try await archive.put(try Fixture.episode(index: 0))
    try await archive.close()
    let queue = try DatabaseQueue(path: "\(directory.path)/catalogue.sqlite")
    try await queue.write { database in
      for column in [
        "reason", "decided_at_step", "stages", "mistake_at_step", "verdict", "criteria",
      ] {
        try database.execute(sql: "ALTER TABLE episodes DROP COLUMN \(column)")
      }
      try database.execute(sql: "DELETE FROM grdb_migrations WHERE identifier NOT LIKE '1:%'")
    }
    try queue.close()
    let reader = try ArchiveReader(directory: directory.path)
    #expect(try await reader.episodes().map(\.reason) == [nil])
    #expect(try await reader.episodes(matching: EpisodeQuery(outcome: .success)).count == 1)
    #expect(try await reader.episodeCounts().successes == 1)
    #expect(try await reader.verify().isSound)

    let resumed = try await Archive.open(at: directory.path)
    try await resumed.put(
      try Fixture.episode(
        index: 1, outcome: .failure, reason: "coffee spilled", decidedAtStep: 2, mistakeAtStep: 1,
        stages: [StageScore(name: "serve", isDone: false)]))
    #expect(try await resumed.episodes().map(\.reason) == [nil, "coffee spilled"])
    #expect(try await resumed.episodes().map(\.decidedAtStep) == [nil, 2])
    #expect(try await resumed.episodes().map(\.mistakeAtStep) == [nil, 1])
    #expect(
      try await resumed.episodes().map(\.stages)
        == [nil, [StageScore(name: "serve", isDone: false)]])
    #expect(try await resumed.verify().isSound)
  }

  @Test func commitsAreFlushedBeforeTheyReturn() async throws {
    let archive = try await Archive.create(at: directory.path, run: Fixture.run)
    // 2 is FULL: the write-ahead log is flushed at every commit.
    #expect(try await archive.pragma("synchronous") == "2")
    #expect(try await archive.pragma("journal_mode") == "wal")
  }

  @Test(arguments: [
    ("espresso/1/collect/3", "espresso/1/collect"), ("espresso/1/collect", "espresso/1/collect"),
    ("pretrain/demonstrate/", "pretrain/demonstrate/"), ("7", "7"), ("a/12", "a"),
  ])
  func aStageIsAJobWithoutItsNumber(job: String, stage: String) {
    #expect(EpisodeRow.stage(ofJob: job) == stage)
  }
}
