import DurableFiles
import Episodes
import Foundation
import Synchronization

/// The run directory's blobs: immutable files named by the SHA-256 of their bytes, as
/// `blobs/ab/cdef…`.
///
/// Two levels, so that no directory grows beyond what file systems and people handle well.
struct BlobStore: Sendable {
  /// The run directory.
  let root: String
  let hook: StorageHook

  /// Bytes from which a copy into the page cache costs more than waiting for the disk in between.
  private static let largeBlob = 1 << 20

  private static let serial = Atomic<Int>(0)

  var blobDirectory: String { "\(root)/blobs" }
  /// Where files are written before they get their names; on the same file system, so that renaming
  /// is atomic.
  var temporaryDirectory: String { "\(root)/temporary" }

  /// Creates the directories that are missing and removes what an interrupted writer left
  /// half-written.
  ///
  /// All 256 subdirectories are made and flushed here, so that storing a blob never has to flush
  /// more than one.
  ///
  /// - Throws: `ArchiveError.cannotMake` where a file is in the way.
  func prepare() throws {
    let manager = FileManager.default
    for directory in [temporaryDirectory, blobDirectory] {
      var isDirectory: ObjCBool = true
      if manager.fileExists(atPath: directory, isDirectory: &isDirectory), !isDirectory.boolValue {
        throw ArchiveError.cannotMake(directory: root, reason: "\(directory) is a file")
      }
    }
    let shards = (0..<256).map { "\(blobDirectory)/\(String(format: "%02x", $0))" }
    for directory in [temporaryDirectory] + shards {
      try manager.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }
    for leftover in try manager.contentsOfDirectory(atPath: temporaryDirectory) {
      try manager.removeItem(atPath: "\(temporaryDirectory)/\(leftover)")
    }
    try DurableFile.syncDirectory(containing: shards[0])
    try DurableFile.syncDirectory(containing: blobDirectory)
  }

  func path(of digest: ContentDigest) -> String {
    "\(blobDirectory)/\(digest.rawValue.prefix(2))/\(digest.rawValue.dropFirst(2))"
  }

  /// Makes `bytes` durable under their digest. Storing what is there already costs one directory
  /// flush.
  ///
  /// - Parameter isReadLater: Whether nobody reads it at once: then it need not be in the page cache,
  ///   and goes past it if it is large.
  func store(_ bytes: [UInt8], as digest: ContentDigest, isReadLater: Bool = false) throws {
    let path = path(of: digest)
    // A file of that name was flushed before it was renamed, but perhaps its name was not: flush
    // again.
    if DurableFile.size(of: path) == bytes.count {
      try DurableFile.syncDirectory(containing: path)
      return
    }
    let serial = Self.serial.wrappingAdd(1, ordering: .relaxed).newValue
    try DurableFile.write(
      bytes, to: path, temporary: "\(temporaryDirectory)/\(getpid())-\(serial)-\(digest.short)",
      bypassesCache: isReadLater && bytes.count >= Self.largeBlob,
      hook: { try hook(StorageStep($0)) })
  }

  /// Gives another store's blob its name here too, so that both share one copy on the disk. Where
  /// that cannot be, on different file systems for example, nothing happens: `store` makes a copy.
  ///
  /// - Parameter digest: Of a blob that `other` has flushed.
  func share(_ digest: ContentDigest, with other: BlobStore) {
    DurableFile.link(other.path(of: digest), to: path(of: digest))
  }

  /// A blob's bytes, checked against their digest.
  func read(_ digest: ContentDigest) throws -> [UInt8] {
    guard let bytes = try DurableFile.read(path(of: digest)) else {
      throw ArchiveError.missingBlob(digest)
    }
    let actual = ContentDigest(hashing: bytes)
    guard actual == digest else { throw ArchiveError.corruptBlob(digest, actual: actual) }
    return bytes
  }

  /// Every file below `blobs/`, as paths relative to the run directory, sorted.
  func allFiles() throws -> [String] {
    let manager = FileManager.default
    var found: [String] = []
    for shard in try manager.contentsOfDirectory(atPath: blobDirectory) {
      var isDirectory: ObjCBool = false
      let path = "\(blobDirectory)/\(shard)"
      guard manager.fileExists(atPath: path, isDirectory: &isDirectory) else { continue }
      guard isDirectory.boolValue else {
        found.append("blobs/\(shard)")
        continue
      }
      found += try manager.contentsOfDirectory(atPath: path).map { "blobs/\(shard)/\($0)" }
    }
    return found.sorted()
  }
}
