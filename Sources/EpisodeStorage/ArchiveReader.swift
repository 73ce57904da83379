import Episodes
import Foundation
import GRDB
import RecapAlgorithm

/// A run's archive, opened for reading: works beside a live writer and needs no lock.
public struct ArchiveReader: ArchiveReading {
  /// The run directory.
  public let directory: String
  let catalogue: any DatabaseReader
  let blobs: BlobStore
  let queues: BlockingQueues
  /// The outcome of an episode that counts; a catalogue from before episodes were judged has no verdicts.
  let outcomeSQL: String
  /// What counts of its stages and criteria, as JSON or NULL.
  let stagesSQL: String

  public var reader: ArchiveReader { self }

  /// Opens a run's directory. That of a run which goes on or was killed must be writable, since SQLite
  /// keeps its shared-memory file beside the catalogue; nothing else in it is changed.
  ///
  /// - Throws: `ArchiveError.notFound`, `.unfinished` when it was left while it was being made,
  ///   `.otherVersion` when another version of recap wrote it, or `.unreadable`.
  public init(directory: String) throws {
    let path = Self.cataloguePath(directory)
    guard FileManager.default.fileExists(atPath: path) else {
      throw ArchiveError.notFound(directory: directory)
    }
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(10)
    do {
      let database = try DatabaseQueue(path: path, configuration: configuration)
      let migrator = CatalogueSchema.migrator
      if try database.read(migrator.hasBeenSuperseded) {
        throw ArchiveError.otherVersion(
          directory: directory, reason: "written by a newer version of recap; use that version")
      }
      guard try database.read(migrator.completedMigrations).contains(CatalogueSchema.first) else {
        throw ArchiveError.unfinished(directory: directory)
      }
      self.init(
        directory: directory, catalogue: database,
        blobs: BlobStore(root: directory, hook: { _ in }),
        queues: BlockingQueues(label: "recap.archive.reader", count: 2),
        columns: try database.read { try Set($0.columns(in: "episodes").map(\.name)) })
    } catch let error as DatabaseError {
      throw ArchiveError.unreadable(directory: directory, reason: error.words)
    }
  }

  /// - Parameter columns: Those that the table of episodes has; nil for all of this version's.
  init(
    directory: String, catalogue: any DatabaseReader, blobs: BlobStore, queues: BlockingQueues,
    columns: Set<String>? = nil
  ) {
    self.directory = directory
    self.catalogue = catalogue
    self.blobs = blobs
    self.queues = queues
    func first(of names: String...) -> String {
      let known = names.filter { columns?.contains($0) ?? true }
      return known.count > 1 ? "COALESCE(\(known.joined(separator: ", ")))" : known.first ?? "NULL"
    }
    outcomeSQL = first(of: "verdict", "outcome")
    stagesSQL = first(of: "criteria", "stages")
  }

  static func cataloguePath(_ directory: String) -> String { "\(directory)/catalogue.sqlite" }
}

extension DatabaseError {
  /// "SQLite error 26: file is not a database"; whoever says which file has no use for the statement.
  var words: String { "SQLite error \(resultCode.rawValue): \(message ?? "unknown")" }
}

/// Everything that can be asked of an archive, whether it is open for writing or for reading.
public protocol ArchiveReading: Sendable {
  /// Where to read.
  nonisolated var reader: ArchiveReader { get }
}

extension ArchiveReading {
  /// The run directory.
  public nonisolated var directory: String { reader.directory }

  /// What the run is.
  ///
  /// - Throws: `ArchiveError.notFound` when the directory was left before the run got its name.
  public nonisolated func run() async throws -> RunDescription {
    let directory = directory
    return try await reader.catalogue.read { database in
      guard let row = try Row.fetchOne(database, sql: "SELECT * FROM run") else {
        throw ArchiveError.notFound(directory: directory)
      }
      let cells = RowReader(row, table: "run")
      return RunDescription(
        name: try cells["name"], configuration: try cells["configuration"],
        version: try cells["version"], created: try cells.date("created"))
    }
  }

  /// A blob's bytes, checked against their digest.
  ///
  /// - Throws: `ArchiveError.missingBlob`, or `.corruptBlob` when the disk returns other bytes.
  public nonisolated func blob(_ digest: ContentDigest) async throws -> [UInt8] {
    let blobs = reader.blobs
    return try await reader.queues.run { try blobs.read(digest) }
  }

  /// The first of these digests that no blob is catalogued under; nil when all are.
  public nonisolated func firstMissing(of digests: [ContentDigest]) async throws -> ContentDigest? {
    try await reader.catalogue.read { database in
      try digests.first { try !Archive.hasBlob(database, $0) }
    }
  }

  /// The episodes that match a query, by task, iteration, stage and index, so that the order does
  /// not depend on which robot was faster.
  public nonisolated func episodes(matching query: EpisodeQuery = EpisodeQuery()) async throws
    -> [EpisodeRow]
  {
    let (condition, arguments) = query.condition(outcomeSQL: reader.outcomeSQL)
    let limit = query.limit.map { " LIMIT \($0)" } ?? ""
    return try await reader.catalogue.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT * FROM episodes WHERE \(condition)
          ORDER BY task, iteration, stage, episode_index, id\(limit)
          """,
        arguments: arguments
      ).map { try EpisodeRow($0) }
    }
  }

  /// The episode with this id, if it is stored.
  public nonisolated func episode(id: String) async throws -> EpisodeRow? {
    try await reader.catalogue.read { try Archive.fetchEpisode($0, id: id) }
  }

  /// An episode's contents, read from its blob.
  public nonisolated func contents(of row: EpisodeRow) async throws -> Episode {
    let blobs = reader.blobs
    return try await reader.queues.run { try EpisodeFile.parse(try blobs.read(row.digest)) }
  }

  /// The embodiment of the run's episodes, which is one; nil before the first.
  public nonisolated func recordedEmbodiment() async throws -> Embodiment? {
    guard let row = try await episodes(matching: EpisodeQuery(limit: 1)).first else { return nil }
    return try await contents(of: row).metadata.embodiment
  }

  /// Receipts of a job's episodes, by index.
  public nonisolated func receipts(job: String) async throws -> [EpisodeReceipt] {
    try await episodes(matching: EpisodeQuery(job: job)).map(\.receipt)
      .sorted { $0.index < $1.index }
  }

  /// Totals over the episodes that match a query.
  public nonisolated func episodeCounts(matching query: EpisodeQuery = EpisodeQuery()) async throws
    -> EpisodeCounts
  {
    let outcome = reader.outcomeSQL
    let (condition, arguments) = query.condition(outcomeSQL: outcome)
    return try await reader.catalogue.read { database in
      let row = try Row.fetchOne(
        database,
        sql: """
          SELECT COUNT(*) AS episodes, COALESCE(SUM(\(outcome) = 'success'), 0) AS successes,
            COALESCE(SUM(\(outcome) = 'unjudged'), 0) AS unjudged,
            COALESCE(SUM(steps), 0) AS steps, COALESCE(SUM(bytes), 0) AS bytes,
            COALESCE(SUM(intervention_steps), 0) AS intervention_steps
          FROM episodes WHERE \(condition)
          """,
        arguments: arguments)
      let cells = RowReader(row ?? Row(), table: "episodes")
      return EpisodeCounts(
        episodes: try cells["episodes"], successes: try cells["successes"],
        unjudged: try cells["unjudged"], steps: try cells["steps"],
        interventionSteps: try cells["intervention_steps"],
        bytes: try cells["bytes"])
    }
  }

  /// How much the archive holds.
  public nonisolated func counts() async throws -> ArchiveCounts {
    try await reader.catalogue.read { database in
      func count(_ sql: String) throws -> Int { try Int.fetchOne(database, sql: sql) ?? 0 }
      return ArchiveCounts(
        episodes: try count("SELECT COUNT(*) FROM episodes"),
        blobs: try count("SELECT COUNT(*) FROM blobs"),
        bytes: try count("SELECT SUM(size) FROM blobs"),
        events: try count("SELECT COUNT(*) FROM events"),
        checkpoints: try count("SELECT COUNT(*) FROM checkpoints"),
        labelSets: try count("SELECT COUNT(*) FROM label_sets"))
    }
  }

  /// The plan's event log after an entry, in order.
  public nonisolated func events(after sequence: Int = 0) async throws -> [EventRow] {
    try await reader.catalogue.read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM events WHERE sequence > ? ORDER BY sequence",
        arguments: [sequence]
      ).map { row in
        let cells = RowReader(row, table: "events")
        return EventRow(
          sequence: try cells["sequence"], time: try cells.date("time"), event: try cells["event"])
      }
    }
  }

  /// The checkpoints of accepted jobs, oldest first.
  public nonisolated func checkpoints() async throws -> [CheckpointRow] {
    try await reader.catalogue.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM checkpoints ORDER BY stored_at, job").map {
        let cells = RowReader($0, table: "checkpoints")
        return CheckpointRow(
          job: try cells["job"], digest: try cells.digest("digest"), kind: try cells["kind"],
          task: try cells.optional("task"), iteration: try cells.optional("iteration"),
          metrics: try cells.json("metadata"), storedAt: try cells.date("stored_at"))
      }
    }
  }

  /// The label sets of accepted jobs, oldest first.
  public nonisolated func labelSets() async throws -> [LabelSetRow] {
    try await reader.catalogue.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM label_sets ORDER BY stored_at, job").map {
        let cells = RowReader($0, table: "label_sets")
        return LabelSetRow(
          digest: try cells.digest("digest"), task: try cells.optional("task"),
          iteration: try cells.optional("iteration"), metadata: try cells.json("metadata"),
          storedAt: try cells.date("stored_at"))
      }
    }
  }

  /// A job's training metrics, by name and step.
  public nonisolated func metrics(job: String) async throws -> [MetricSample] {
    try await reader.catalogue.read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM metrics WHERE job = ? ORDER BY name, step", arguments: [job]
      ).map { row in
        let cells = RowReader(row, table: "metrics")
        return MetricSample(
          job: job, step: try cells["step"], name: try cells["name"],
          value: try cells.optional("value") ?? .nan, time: try cells.date("time"))
      }
    }
  }
}

extension Archive {
  static func hasBlob(_ database: Database, _ digest: ContentDigest) throws -> Bool {
    try Bool.fetchOne(
      database, sql: "SELECT TRUE FROM blobs WHERE digest = ?", arguments: [digest.rawValue])
      ?? false
  }

  static func fetchEpisode(_ database: Database, id: String) throws -> EpisodeRow? {
    try Row.fetchOne(database, sql: "SELECT * FROM episodes WHERE id = ?", arguments: [id])
      .map { try EpisodeRow($0) }
  }
}
