import DurableFiles
import Episodes
import Foundation
import GRDB
import RecapAlgorithm

/// A run's archive, opened for writing: the one place that says "this is safe".
///
/// A run directory holds `catalogue.sqlite` (SQLite in WAL mode, every commit flushed),
/// `blobs/ab/cdef…` (files named by the SHA-256 of their bytes), `temporary/` and `lock`. What a
/// method here has returned survives `kill -9` and a power cut: a blob is flushed under its name
/// before its row is, and rows refer only to blobs.
///
/// One process writes to a run directory at a time; `ArchiveReader` reads beside it.
public actor Archive: ArchiveReading {
  public nonisolated let reader: ArchiveReader
  let catalogue: DatabasePool
  let blobs: BlobStore
  let queues: BlockingQueues
  private let commitEpisode: GroupCommit<StoredEpisode>
  private let hook: StorageHook
  private let now: @Sendable () -> Date
  private var lock: RunLock?

  /// Starts a new run in a directory, which is created if it is missing.
  ///
  /// - Parameters:
  ///   - run: Stored as it is.
  ///   - now: The clock that dates rows.
  /// - Throws: `ArchiveError.alreadyExists` when the directory holds a run, `.locked` when another
  ///   process uses it, `.cannotMake` when there can be no such directory.
  public static func create(
    at directory: String, run: RunDescription, now: @escaping @Sendable () -> Date = { Date() }
  ) async throws -> Archive {
    try await create(at: directory, run: run, now: now, hook: { _ in })
  }

  /// Opens a run's directory to go on with it, after whatever ended the process before.
  ///
  /// - Throws: `ArchiveError.notFound`, `.locked`, `.otherVersion` or `.unreadable`.
  public static func open(
    at directory: String, now: @escaping @Sendable () -> Date = { Date() }
  ) async throws -> Archive {
    try await open(at: directory, now: now, hook: { _ in })
  }

  package static func create(
    at directory: String, run: RunDescription, now: @escaping @Sendable () -> Date = { Date() },
    hook: @escaping StorageHook
  ) async throws -> Archive {
    try makeDirectory(directory)
    let archive = try Archive(directory: directory, now: now, hook: hook)
    let present = try await archive.catalogue.write { database -> String? in
      if let name = try String.fetchOne(database, sql: "SELECT name FROM run") { return name }
      try database.execute(
        sql: "INSERT INTO run (id, name, configuration, version, created) VALUES (1, ?, ?, ?, ?)",
        arguments: [run.name, run.configuration, run.version, run.created.timeIntervalSince1970])
      return nil
    }
    if let present { throw ArchiveError.alreadyExists(directory: directory, run: present) }
    return archive
  }

  /// Makes a directory and those above it.
  private static func makeDirectory(_ directory: String) throws {
    var path = directory.hasPrefix("/") ? "/" : ""
    for part in directory.split(separator: "/") {
      path += path.isEmpty || path.hasSuffix("/") ? "\(part)" : "/\(part)"
      if mkdir(path, 0o777) == 0 { continue }
      let code = errno
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
        if isDirectory.boolValue { continue }
        throw ArchiveError.cannotMake(directory: directory, reason: "\(path) is a file")
      }
      throw ArchiveError.cannotMake(directory: directory, reason: String(cString: strerror(code)))
    }
  }

  package static func open(
    at directory: String, now: @escaping @Sendable () -> Date = { Date() },
    hook: @escaping StorageHook
  ) async throws -> Archive {
    guard FileManager.default.fileExists(atPath: ArchiveReader.cataloguePath(directory)) else {
      throw ArchiveError.notFound(directory: directory)
    }
    let archive = try Archive(directory: directory, now: now, hook: hook)
    // A crash between making the tables and naming the run leaves a catalogue that describes no
    // run.
    _ = try await archive.run()
    return archive
  }

  private init(
    directory: String, now: @escaping @Sendable () -> Date, hook: @escaping StorageHook
  ) throws {
    let lock = try RunLock(directory: directory)
    let blobs = BlobStore(root: directory, hook: hook)
    try blobs.prepare()
    var configuration = Configuration()
    // Readers in other processes hold locks only for moments.
    configuration.busyMode = .timeout(10)
    let path = ArchiveReader.cataloguePath(directory)
    let pool: DatabasePool
    do {
      pool = try DatabasePool(path: path, configuration: configuration)
    } catch let error as DatabaseError {
      throw ArchiveError.unreadable(directory: directory, reason: error.words)
    }
    // A pool opens with synchronous = NORMAL, which may lose the last commits in a power cut.
    try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
    let migrator = CatalogueSchema.migrator
    if try pool.read(migrator.hasBeenSuperseded) {
      throw ArchiveError.otherVersion(
        directory: directory, reason: "written by a newer version of recap; use that version")
    }
    try migrator.migrate(pool)
    try DurableFile.syncDirectory(containing: path)
    self.lock = lock
    self.blobs = blobs
    self.now = now
    self.hook = hook
    catalogue = pool
    queues = BlockingQueues(label: "recap.archive")
    commitEpisode = GroupCommit(to: pool)
    reader = ArchiveReader(
      directory: directory, catalogue: pool, blobs: blobs, queues: queues)
  }

  /// Closes the catalogue and gives up the run directory. The archive is of no use afterwards.
  ///
  /// Folds the write-ahead log into the catalogue, so that it is one file that needs no other, unless
  /// somebody reads it at the moment. Not closing loses nothing; it leaves the log to be folded in by
  /// whoever opens the run next.
  public func close() throws {
    try catalogue.close()
    // Opening for writing turns WAL mode on again. A reader at work prevents this: then the log stays.
    _ = try? Self.leaveWriteAheadLog(of: ArchiveReader.cataloguePath(directory))
    lock = nil
  }

  private static func leaveWriteAheadLog(of path: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
    try queue.close()
  }

  // MARK: - Blobs

  /// Makes a blob durable. Storing the same bytes again changes nothing.
  ///
  /// - Parameters:
  ///   - kind: What it is, for the catalogue: "checkpoint", "checkpoint-file", "labels".
  /// - Returns: Its digest, by which `blob(_:)` gives it back.
  @discardableResult
  public func putBlob(_ bytes: [UInt8], kind: String) async throws -> ContentDigest {
    let blobs = blobs
    let digest = try await queues.run {
      let digest = ContentDigest(hashing: bytes)
      try blobs.store(bytes, as: digest)
      return digest
    }
    let time = now()
    try await catalogue.write { [hook] database in
      try Self.insertBlob(database, digest, kind: kind, size: bytes.count, at: time)
      try hook(.commitRows)
    }
    try hook(.acknowledge)
    return digest
  }

  // MARK: - Episodes

  /// Stores an episode file; the receipt means that it is durable and catalogued.
  ///
  /// An id that is stored already is not stored again: the receipt is the first one's, and its
  /// digest tells whether the bytes were the same.
  ///
  /// - Parameter robot: Who recorded it, where its sender may speak for that robot alone.
  /// - Throws: `ArchiveError.rejectedEpisode` when `file` is not an episode file, or its metadata
  ///   has another id or robot.
  @discardableResult
  public func putEpisode(
    id: String, file: [UInt8], robot: String? = nil
  ) async throws -> EpisodeReceipt {
    try await storeEpisode(id: id, file: file, robot: robot).receipt
  }

  /// As `putEpisode(id:file:robot:)`, and says what the upload changed.
  public func storeEpisode(
    id: String, file: [UInt8], robot: String? = nil
  ) async throws -> StoredEpisode {
    // Most repeats are a collector that did not hear the first answer: spare them the work.
    if let stored = try await episode(id: id) {
      return Self.answer(stored, to: try await queues.run { ContentDigest(hashing: file) })
    }
    let (blobs, time) = (blobs, now())
    let (row, metadata) = try await queues.run {
      let episode: Episode
      do {
        episode = try EpisodeFile.parse(file)
      } catch {
        throw ArchiveError.rejectedEpisode(id: id, reason: "\(error)")
      }
      guard episode.metadata.id == id else {
        throw ArchiveError.rejectedEpisode(
          id: id, reason: "the file's metadata says '\(episode.metadata.id)'")
      }
      if let robot, episode.metadata.robot != robot {
        throw ArchiveError.rejectedEpisode(
          id: id,
          reason: "it comes from '\(robot)', and says that '\(episode.metadata.robot)' recorded it")
      }
      let digest = ContentDigest(hashing: file)
      // Jobs read episodes, long after they came: they would only push others out of the cache.
      try blobs.store(file, as: digest, isReadLater: true)
      let row = EpisodeRow(episode, digest: digest, bytes: file.count, storedAt: time)
      return (row, episode.metadata)
    }
    let stored = try await commitEpisode { [hook] database in
      // The same id may have been uploaded twice at once: the transaction decides which came first.
      if let first = try Self.fetchEpisode(database, id: id) {
        return Self.answer(first, to: row.digest)
      }
      try Self.insertBlob(database, row.digest, kind: "episode", size: file.count, at: time)
      try Self.insertTask(database, metadata.task)
      try Self.insertRobot(database, metadata.robot, metadata.embodiment, at: time)
      try row.insert(database)
      try hook(.commitRows)
      return StoredEpisode(receipt: row.receipt, novelty: .new)
    }
    try hook(.acknowledge)
    return stored
  }

  private static func answer(_ stored: EpisodeRow, to digest: ContentDigest) -> StoredEpisode {
    StoredEpisode(
      receipt: stored.receipt,
      novelty: stored.digest == digest ? .repeated : .conflicting(rejected: digest))
  }

  private static func insertBlob(
    _ database: Database, _ digest: ContentDigest, kind: String, size: Int, at time: Date
  ) throws {
    try database.execute(
      sql: "INSERT OR IGNORE INTO blobs (digest, kind, size, stored_at) VALUES (?, ?, ?, ?)",
      arguments: [digest.rawValue, kind, size, time.timeIntervalSince1970])
  }

  private static func insertTask(_ database: Database, _ task: TaskDescription) throws {
    try database.execute(
      sql: """
        INSERT OR IGNORE INTO tasks (name, instruction, maximum_steps, subtasks) VALUES (?, ?, ?, ?)
        """,
      arguments: [
        task.name, task.instruction, task.maximumSteps, try jsonText(task.subtasks),
      ])
  }

  private static func insertRobot(
    _ database: Database, _ name: String, _ embodiment: Embodiment, at time: Date
  ) throws {
    try database.execute(
      sql: "INSERT OR IGNORE INTO robots (name, embodiment, first_seen) VALUES (?, ?, ?)",
      arguments: [name, try jsonText(embodiment), time.timeIntervalSince1970])
  }

  // MARK: - The plan's log and training results

  /// Appends events to the plan's log in this order, all of them or none, durable on return.
  ///
  /// - Parameters:
  ///   - events: JSON texts.
  ///   - verdicts: What counts of episodes from these events on; later ones replace earlier ones.
  public func appendEvents(
    _ events: [String], verdicts: [Verdict] = []
  ) async throws {
    if events.isEmpty { return }
    let time = now().timeIntervalSince1970
    try await catalogue.write { [hook] database in
      let statement = try database.cachedStatement(
        sql: "INSERT INTO events (time, event) VALUES (?, ?)")
      for event in events { try statement.execute(arguments: [time, event]) }
      for verdict in verdicts {
        try database.execute(
          sql: "UPDATE episodes SET verdict = ?, criteria = ? WHERE id = ?",
          arguments: [
            verdict.outcome.rawValue, try verdict.stages.map { try jsonText($0) }, verdict.episode,
          ])
      }
      try hook(.commitRows)
    }
    try hook(.acknowledge)
  }

  /// Catalogues what an accepted job made: a checkpoint or a label set. Episodes are catalogued
  /// when they are stored.
  ///
  /// A job's first result stays: recording another changes nothing.
  ///
  /// - Throws: `ArchiveError.missingBlob` when the result's blob is not in the archive.
  public func recordResult(_ result: JobResult, of job: Job) async throws {
    let time = now().timeIntervalSince1970
    try await catalogue.write { [hook] database in
      switch result {
      case .episodes: break
      case .values(let digest): try Self.requireBlob(database, digest)
      case .checkpoint(let digest, let metrics):
        try Self.requireBlob(database, digest)
        let kind = job.role == .valueLearner ? "value" : "policy"
        try database.execute(
          sql: """
            INSERT OR IGNORE INTO checkpoints
              (job, digest, kind, task, iteration, metadata, stored_at) VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            job.id, digest.rawValue, kind, job.task, job.iteration,
            try jsonText(metrics.filter { $0.value.isFinite }), time,
          ])
      case .labels(let digest, let metadata):
        try Self.requireBlob(database, digest)
        try database.execute(
          sql: """
            INSERT OR IGNORE INTO label_sets
              (job, digest, task, iteration, metadata, stored_at) VALUES (?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            job.id, digest.rawValue, job.task, job.iteration, try jsonText(metadata), time,
          ])
      }
      try hook(.commitRows)
    }
  }

  private static func requireBlob(_ database: Database, _ digest: ContentDigest) throws {
    if try !hasBlob(database, digest) { throw ArchiveError.missingBlob(digest) }
  }

  /// Adds training metrics, in one transaction. A repeated job overwrites the values of its first
  /// attempt.
  public func recordMetrics(_ samples: [MetricSample]) async throws {
    if samples.isEmpty { return }
    try await catalogue.write { database in
      let statement = try database.cachedStatement(
        sql: "INSERT OR REPLACE INTO metrics (job, step, name, value, time) VALUES (?, ?, ?, ?, ?)")
      for sample in samples {
        try statement.execute(arguments: [
          sample.job, sample.step, sample.name, sample.value.isNaN ? nil : sample.value,
          sample.time.timeIntervalSince1970,
        ])
      }
    }
  }
}
