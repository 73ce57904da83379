import DurableFiles
import Episodes
import Executors
import Foundation
import Logging
import Messaging
import RecapAlgorithm

/// Where a collector keeps the episodes that the archive has not acknowledged yet: a directory with
/// a file for each.
///
/// An episode is on disk before it is sent and removed only after the archive's word, so a broken
/// connection, a crash or a reboot costs nothing but sending it again. File operations run on the
/// spool's own thread.
public actor EpisodeSpool {
  /// The directory, which belongs to one collector in one run alone.
  public nonisolated let directory: String
  /// How many episodes wait, for those who must not.
  public nonisolated let length: SpoolLength
  private let executor = ThreadExecutor(name: "episode-spool")
  private let runID: String?
  private let log: Logger

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Opens the directory, or makes it.
  ///
  /// - Parameter runID: The run whose episodes these are, which every upload says; nil where unknown.
  /// - Throws: `FileError`, or Foundation's error when the directory cannot be made.
  public init(
    directory: String, runID: String? = nil, log: Logger = Logger(label: "recap.spool")
  ) throws {
    self.directory = directory
    self.runID = runID
    self.log = log
    let rejected = "\(directory)/rejected"
    try FileManager.default.createDirectory(atPath: rejected, withIntermediateDirectories: true)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
    for name in names where name.hasSuffix(Self.partialSuffix) {
      // A crash came in the middle of writing: the episode was never complete.
      try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
    }
    length = SpoolLength(names.count { Self.episodeID($0) != nil })
  }

  /// The ids of the episodes that wait, sorted.
  public var waiting: [String] {
    get throws {
      try FileManager.default.contentsOfDirectory(atPath: directory)
        .compactMap(Self.episodeID).sorted()
    }
  }

  /// Writes an episode to disk, sends it, and removes it once the archive has it.
  ///
  /// - Throws: `RequestError.refused` when the archive will not have it, `CancellationError` while
  ///   waiting for the archive; the episode then stays on disk.
  public func upload(_ episode: Episode, to archive: ArchiveClient) async throws -> EpisodeReceipt {
    let id = episode.metadata.id
    try store(try EpisodeFile.serialize(episode), id: id)
    return try await send(id, to: archive)
  }

  /// Sends whatever waits from before. One that the archive refuses is set aside in `rejected`, so
  /// that it does not hold up the others.
  @discardableResult
  public func drain(to archive: ArchiveClient) async throws -> [EpisodeReceipt] {
    var receipts: [EpisodeReceipt] = []
    for id in try waiting {
      do {
        receipts.append(try await send(id, to: archive))
      } catch RequestError.refused(_, let reason) {
        log.error("the archive refused episode \(id), kept in \(directory)/rejected: \(reason)")
      }
    }
    return receipts
  }

  /// Makes an episode file durable.
  func store(_ file: [UInt8], id: String) throws {
    let path = path(of: id)
    let isNew = access(path, F_OK) != 0
    try DurableFile.write(file, to: path, temporary: path + Self.partialSuffix)
    if isNew { length.add(1) }
  }

  private func send(_ id: String, to archive: ArchiveClient) async throws -> EpisodeReceipt {
    let path = path(of: id)
    let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    do {
      let receipt = try await archive.putEpisode(file, id: id, runID: runID)
      // Not synced: if the removal is lost in a crash, the episode is sent twice and stored once.
      unlink(path)
      length.add(-1)
      return receipt
    } catch let refusal as RequestError {
      if case .refused = refusal {
        rename(path, "\(directory)/rejected/\(Self.fileName(of: id))")
        length.add(-1)
      }
      throw refusal
    }
  }

  private nonisolated func path(of id: String) -> String { "\(directory)/\(Self.fileName(of: id))" }

  private static let suffix = ".safetensors"
  /// Ends the name of a file that is being written.
  static let partialSuffix = ".partial"

  /// Ids hold slashes; percent-encoding keeps file names flat and readable.
  static func fileName(of id: String) -> String {
    let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_"))
    return (id.addingPercentEncoding(withAllowedCharacters: allowed) ?? id) + suffix
  }

  static func episodeID(_ fileName: String) -> String? {
    guard fileName.hasSuffix(suffix) else { return nil }
    return String(fileName.dropLast(suffix.count)).removingPercentEncoding
  }
}

/// The number of episodes in a spool, which anybody may read without waiting for the spool's files.
public final class SpoolLength: Sendable {
  private let length: Locked<Int>

  fileprivate init(_ length: Int) { self.length = Locked(length) }

  public var value: Int { length.withLock { $0 } }

  fileprivate func add(_ change: Int) { length.withLock { $0 += change } }
}
