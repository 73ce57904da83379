import Foundation

/// The moments at which a crash leaves something different behind, in the order in which storing an
/// episode passes them. Tests stop a process at each one.
package enum StorageStep: String, Sendable, CaseIterable {
  case createTemporary
  case writeBytes
  case syncFile
  case rename
  case syncDirectory
  /// Inside the catalogue's transaction, rows inserted but not committed.
  case commitRows
  /// Rows committed, the caller not told yet.
  case acknowledge
}

/// Called before each step; throwing or ending the process there is the test's business.
package typealias StorageHook = @Sendable (StorageStep) throws -> Void

/// The few system calls behind "durable": a file appears under its name complete and on disk, or
/// not at all.
///
/// The only file of this module that reads and writes through raw buffers, since POSIX takes
/// nothing else.
struct DurableFiles: Sendable {
  let hook: StorageHook

  /// Writes a file under a temporary name, flushes it, renames it and flushes its directory.
  ///
  /// When this returns, the bytes survive a power cut. An error or a crash in between leaves at
  /// most `temporary`, never part of a file at `path`.
  func write(_ bytes: [UInt8], to path: String, temporary: String) throws {
    do {
      try hook(.createTemporary)
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw FileError(call: "open", path: temporary, code: errno) }
      defer { _ = close(descriptor) }
      try hook(.writeBytes)
      try writeAll(bytes, to: descriptor, path: temporary)
      try hook(.syncFile)
      guard fsync(descriptor) == 0 else {
        throw FileError(call: "fsync", path: temporary, code: errno)
      }
    } catch let error as FileError {
      // A full disk should not also keep the half-written file.
      _ = unlink(temporary)
      throw error
    }
    try hook(.rename)
    guard rename(temporary, path) == 0 else {
      throw FileError(call: "rename to \(path)", path: temporary, code: errno)
    }
    try hook(.syncDirectory)
    try syncDirectory(containing: path)
  }

  /// Flushes the directory that holds `path`, so that the file's name survives a power cut too.
  func syncDirectory(containing path: String) throws {
    let directory = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(call: "open", path: directory, code: errno) }
    defer { _ = close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw FileError(call: "fsync", path: directory, code: errno)
    }
  }

  /// The whole file, or nil where there is none.
  func read(_ path: String) throws -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw FileError(call: "open", path: path, code: errno)
    }
    defer { _ = close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw FileError(call: "fstat", path: path, code: errno)
    }
    let size = Int(status.st_size)
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let received = Foundation.read(
          descriptor, buffer.baseAddress! + count, size - count)
        if received < 0 && errno == EINTR { continue }
        guard received >= 0 else { throw FileError(call: "read", path: path, code: errno) }
        // The file shrank under us: what there is fails its digest.
        if received == 0 { break }
        count += received
      }
    }
  }

  /// Bytes in the file, or nil where there is none.
  func size(of path: String) -> Int? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Int(status.st_size)
  }

  private func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws {
    try bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < buffer.count {
        let result = Foundation.write(
          descriptor, buffer.baseAddress! + written, buffer.count - written)
        if result < 0 && errno == EINTR { continue }
        guard result > 0 else { throw FileError(call: "write", path: path, code: errno) }
        written += result
      }
    }
  }
}

/// A system call that failed.
public struct FileError: Error, Equatable, CustomStringConvertible {
  /// The call, such as "fsync".
  public var call: String
  /// The file that it was about.
  public var path: String
  /// The operating system's `errno`.
  public var code: Int32

  /// What failed, on which file, and the operating system's words for it.
  public var description: String {
    "\(call) \(path): \(String(cString: strerror(code))) (errno \(code))"
  }
}
