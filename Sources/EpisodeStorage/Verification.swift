import DurableFiles
import Episodes
import Foundation
import GRDB

/// What `verify()` found.
public struct VerificationReport: Sendable, Equatable {
  /// Everything that is wrong; empty for a sound archive.
  public var problems: [ArchiveProblem] = []
  /// Files below `blobs/` that no row names, relative to the run directory. Not errors: an
  /// interrupted upload leaves its blob behind, and the upload's repetition uses it.
  public var orphans: [String] = []
  /// Blobs that the catalogue names.
  public var blobs = 0
  /// Bytes that were read back.
  public var bytes = 0
  /// Episode rows compared with their blobs.
  public var episodes = 0
  /// Checkpoint rows.
  public var checkpoints = 0
  /// Label-set rows.
  public var labelSets = 0

  /// Whether every blob has its digest and every row agrees with its blob.
  public var isSound: Bool { problems.isEmpty }

  /// The closing line of counts.
  public var summary: String {
    func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
      "\(number) \(number == 1 ? one : many ?? one + "s")"
    }
    return [
      "verified \(count(blobs, "blob")) (\(bytes) bytes)", count(episodes, "episode"),
      count(checkpoints, "checkpoint"), count(labelSets, "label set"),
      count(orphans.count, "orphan file"), count(problems.count, "problem"),
    ].joined(separator: ", ")
  }
}

/// One thing wrong with an archive.
public enum ArchiveProblem: Sendable, Equatable, CustomStringConvertible {
  /// A row names a blob whose file is not there.
  case missing(ContentDigest, kind: String)
  /// A blob's bytes have another digest.
  case corrupt(ContentDigest, kind: String, actual: ContentDigest)
  /// A blob's row has another size than its file.
  case size(ContentDigest, catalogued: Int, actual: Int)
  /// A blob that should be an episode, a label set or a checkpoint's manifest cannot be read as
  /// one.
  case unreadable(ContentDigest, kind: String, reason: String)
  /// An episode's row disagrees with its blob.
  case disagreement(episode: String, column: String, catalogued: String, blob: String)
  /// A checkpoint's manifest names a file that is not in the archive.
  case incompleteCheckpoint(ContentDigest, file: String, digest: ContentDigest)
  /// The catalogue itself is damaged.
  case catalogue(String)

  /// What is wrong, with what was expected and what was found.
  public var description: String {
    switch self {
    case .missing(let digest, let kind):
      "blob \(digest) (\(kind)) is missing"
    case .corrupt(let digest, let kind, let actual):
      "blob \(digest) (\(kind)) is corrupt: its bytes have digest \(actual)"
    case .size(let digest, let catalogued, let actual):
      "blob \(digest): the catalogue says \(catalogued) bytes, the file has \(actual)"
    case .unreadable(let digest, let kind, let reason):
      "blob \(digest) is not a readable \(kind): \(reason)"
    case .disagreement(let episode, let column, let catalogued, let blob):
      "episode \(episode): the catalogue says \(column) = \(catalogued), its blob says \(blob)"
    case .incompleteCheckpoint(let checkpoint, let file, let digest):
      "checkpoint \(checkpoint.short): its file \(file) (\(digest.short)) is not in the archive"
    case .catalogue(let reason):
      "catalogue.sqlite: \(reason)"
    }
  }
}

extension ArchiveReading {
  /// Re-reads every blob against its digest, every episode row against its parsed blob, every label
  /// set and every checkpoint's manifest.
  ///
  /// Beside a live writer it checks the rows of the moment it began; blobs that arrive meanwhile
  /// may be listed as orphans.
  ///
  /// - Parameter progress: Called with the blobs checked so far and their number.
  public nonisolated func verify(
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) async throws -> VerificationReport {
    var report = VerificationReport()
    let reader = reader
    // Files first: a blob is on disk before its row, so no row of the snapshot can lack its file by
    // timing.
    let files = try await reader.queues.run { try reader.blobs.allFiles() }
    let catalogue = try await reader.catalogue.read { try CatalogueSnapshot($0) }
    report.problems += catalogue.problems
    report.blobs = catalogue.blobs.count
    report.episodes = catalogue.episodes.count
    report.checkpoints = catalogue.checkpoints.count
    report.labelSets = catalogue.labelSets.count

    let known = Set(catalogue.blobs.map { reader.blobs.path(of: $0.digest) })
    report.orphans = files.filter { !known.contains("\(directory)/\($0)") }

    let episodes = Dictionary(grouping: catalogue.episodes, by: \.digest)
    for (index, blob) in catalogue.blobs.enumerated() {
      let rows = episodes[blob.digest] ?? []
      let (bytes, problems) = try await reader.queues.run {
        try reader.blobs.check(blob, episodes: rows, catalogue)
      }
      report.bytes += bytes
      report.problems += problems
      progress(index + 1, catalogue.blobs.count)
    }
    return report
  }
}

/// The rows that verification needs, of one moment.
struct CatalogueSnapshot: Sendable {
  struct Blob: Sendable {
    var digest: ContentDigest
    var kind: String
    var size: Int
  }

  var blobs: [Blob] = []
  var digests: Set<ContentDigest> = []
  var episodes: [EpisodeRow] = []
  var checkpoints: Set<ContentDigest> = []
  var labelSets: Set<ContentDigest> = []
  var problems: [ArchiveProblem] = []

  init(_ database: Database) throws {
    let integrity = try String.fetchAll(database, sql: "PRAGMA integrity_check")
    problems += integrity.filter { $0 != "ok" }.map { .catalogue($0) }
    for violation in try Row.fetchAll(database, sql: "PRAGMA foreign_key_check") {
      problems.append(.catalogue("a row refers to one that is not there: \(violation)"))
    }
    blobs = collect(try Row.fetchAll(database, sql: "SELECT * FROM blobs ORDER BY digest")) {
      let cells = RowReader($0, table: "blobs")
      return Blob(
        digest: try cells.digest("digest"), kind: try cells["kind"], size: try cells["size"])
    }
    digests = Set(blobs.map(\.digest))
    episodes = collect(try Row.fetchAll(database, sql: "SELECT * FROM episodes ORDER BY id")) {
      try EpisodeRow($0)
    }
    checkpoints = Set(
      collect(try Row.fetchAll(database, sql: "SELECT digest FROM checkpoints")) {
        try RowReader($0, table: "checkpoints").digest("digest")
      })
    labelSets = Set(
      collect(try Row.fetchAll(database, sql: "SELECT digest FROM label_sets")) {
        try RowReader($0, table: "label_sets").digest("digest")
      })
  }

  /// The rows that can be read; the others become problems, so that one bad row does not hide the
  /// next.
  private mutating func collect<T>(_ rows: [Row], _ read: (Row) throws -> T) -> [T] {
    rows.compactMap { row in
      do {
        return try read(row)
      } catch {
        problems.append(.catalogue("\(error)"))
        return nil
      }
    }
  }
}

/// The blob that a checkpoint's digest names: its files by name.
struct CheckpointManifest: Decodable {
  var files: [String: ContentDigest]
}

extension BlobStore {
  /// Reads a blob back and compares it with every row that tells something of its contents.
  func check(
    _ blob: CatalogueSnapshot.Blob, episodes: [EpisodeRow], _ catalogue: CatalogueSnapshot
  ) throws -> (bytes: Int, problems: [ArchiveProblem]) {
    let digest = blob.digest
    let bytes: [UInt8]
    do {
      bytes = try read(digest)
    } catch ArchiveError.missingBlob {
      return (0, [.missing(digest, kind: blob.kind)])
    } catch ArchiveError.corruptBlob(_, let actual) {
      return (size(of: digest), [.corrupt(digest, kind: blob.kind, actual: actual)])
    }
    var problems: [ArchiveProblem] = []
    if bytes.count != blob.size {
      problems.append(.size(digest, catalogued: blob.size, actual: bytes.count))
    }
    func attempt(_ kind: String, _ body: () throws -> Void) {
      do {
        try body()
      } catch {
        problems.append(.unreadable(digest, kind: kind, reason: "\(error)"))
      }
    }
    if !episodes.isEmpty {
      attempt("episode") {
        let episode = try EpisodeFile.parse(bytes)
        for row in episodes {
          let parsed = EpisodeRow(
            episode, digest: digest, bytes: bytes.count, storedAt: row.storedAt)
          problems += row.disagreements(with: parsed)
        }
      }
    }
    if catalogue.labelSets.contains(digest) {
      attempt("label set") { _ = try LabelSetFile.parse(bytes) }
    }
    if catalogue.checkpoints.contains(digest) {
      attempt("checkpoint") {
        let manifest = try JSONDecoder().decode(CheckpointManifest.self, from: Data(bytes))
        for (file, part) in manifest.files.sorted(by: { $0.key < $1.key })
        where !catalogue.digests.contains(part) {
          problems.append(.incompleteCheckpoint(digest, file: file, digest: part))
        }
      }
    }
    return (bytes.count, problems)
  }

  private func size(of digest: ContentDigest) -> Int {
    DurableFile.size(of: path(of: digest)) ?? 0
  }
}

extension EpisodeRow {
  /// The columns in which the catalogue's row differs from the one that its blob gives.
  fileprivate func disagreements(with parsed: EpisodeRow) -> [ArchiveProblem] {
    zip(columns, parsed.columns).compactMap { mine, theirs in
      let (catalogued, blob) = (mine.value?.databaseValue, theirs.value?.databaseValue)
      guard catalogued != blob else { return nil }
      return .disagreement(
        episode: id, column: mine.name, catalogued: catalogued?.description ?? "NULL",
        blob: blob?.description ?? "NULL")
    }
  }
}
