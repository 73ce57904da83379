import Glibc

/// Files that are either complete after a power failure or absent.
enum DurableFile {
  /// Ends the name of a file that is being written.
  static let partialSuffix = ".partial"

  /// Writes under a temporary name, syncs, renames, and syncs the directory.
  ///
  /// - Throws: `DurableFileError` with the operation that failed.
  static func write(_ bytes: [UInt8], to path: String) throws(DurableFileError) {
    let partial = path + partialSuffix
    let file = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw DurableFileError("open", partial) }
    do {
      defer { close(file) }
      var written = 0
      while written < bytes.count {
        let count = bytes.withUnsafeBytes {
          Glibc.write(file, $0.baseAddress! + written, bytes.count - written)
        }
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw DurableFileError("write", partial) }
        written += count
      }
      guard fsync(file) == 0 else { throw DurableFileError("sync", partial) }
    }
    guard rename(partial, path) == 0 else { throw DurableFileError("rename", partial) }
    let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw DurableFileError("open", parent) }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw DurableFileError("sync", parent) }
  }
}

/// A file operation that the system refused.
public struct DurableFileError: Error, CustomStringConvertible {
  /// What was tried, and on which path.
  public let operation: String
  public let path: String
  /// The system's error number.
  public let code: Int32

  init(_ operation: String, _ path: String) {
    code = errno
    self.operation = operation
    self.path = path
  }

  public var description: String {
    "cannot \(operation) \(path): \(String(cString: strerror(code)))"
  }
}
