import Glibc

/// The steps of a durable write, in order: the moments at which a crash leaves something different
/// behind.
public enum DurableWriteStep: String, Sendable, CaseIterable {
  case createTemporary
  case writeBytes
  case syncFile
  case rename
  case syncDirectory
}

/// The few system calls behind "durable": a file appears under its name complete and on disk, or
/// not at all.
///
/// This file reads and writes through raw buffers, since POSIX takes nothing else.
public enum DurableFile {
  /// Writes a file under a temporary name, flushes it, renames it and flushes its directory.
  ///
  /// When this returns, the bytes survive a power cut. An error or a crash in between leaves at
  /// most `temporary`, never part of a file at `path`; a system call that fails before the renaming
  /// leaves neither.
  ///
  /// - Parameters:
  ///   - temporary: On the same file system as `path`, so that renaming is atomic. What is there
  ///     already is overwritten. Nil for a name beside `path` that no other process uses.
  ///   - permissions: Of a new file; 0o600 for what only its owner may read.
  ///   - bypassesCache: Whether the bytes go straight to the disk, where its file system can do that: for
  ///     large files that nobody reads at once. It saves the processor a copy into the page cache, and
  ///     the cache what it holds.
  ///   - hook: Called before each step; what it throws is passed on, and leaves what a crash there
  ///     would.
  /// - Throws: `FileError` with the call that failed.
  public static func write(
    _ bytes: [UInt8], to path: String, temporary: String? = nil, permissions: UInt32 = 0o644,
    bypassesCache: Bool = false, hook: (DurableWriteStep) throws -> Void = { _ in }
  ) throws {
    let temporary = temporary ?? "\(path).\(getpid()).partial"
    do {
      try hook(.createTemporary)
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions)
      guard descriptor >= 0 else { throw FileError(call: "open", path: temporary, code: errno) }
      defer { _ = close(descriptor) }
      try hook(.writeBytes)
      let written =
        bypassesCache ? try writeDirectly(bytes, to: descriptor, path: temporary) : 0
      try writeAll(bytes, from: written, to: descriptor, path: temporary)
      try hook(.syncFile)
      guard fsync(descriptor) == 0 else {
        throw FileError(call: "fsync", path: temporary, code: errno)
      }
      try hook(.rename)
      guard rename(temporary, path) == 0 else {
        throw FileError(call: "rename to \(path)", path: temporary, code: errno)
      }
    } catch let error as FileError {
      // A full disk should not also keep the half-written file.
      _ = unlink(temporary)
      throw error
    }
    try hook(.syncDirectory)
    try syncDirectory(containing: path)
  }

  /// Flushes the directory that holds `path`, so that the file's name survives a power cut too.
  ///
  /// - Throws: `FileError`.
  public static func syncDirectory(containing path: String) throws {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(call: "open", path: directory, code: errno) }
    defer { _ = close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw FileError(call: "fsync", path: directory, code: errno)
    }
  }

  /// Gives a file a second name, whose directory is yet to be flushed.
  ///
  /// - Returns: False where the file system cannot do that, or the name is taken.
  @discardableResult
  public static func link(_ path: String, to name: String) -> Bool { Glibc.link(path, name) == 0 }

  /// The whole file, or nil where there is none.
  ///
  /// - Throws: `FileError`.
  public static func read(_ path: String) throws -> [UInt8]? {
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
        let received = Glibc.read(descriptor, buffer.baseAddress! + count, size - count)
        if received < 0 && errno == EINTR { continue }
        guard received >= 0 else { throw FileError(call: "read", path: path, code: errno) }
        // The file shrank under us: whoever knows its size or digest will see it.
        if received == 0 { break }
        count += received
      }
    }
  }

  /// Bytes in the file, or nil where there is none.
  public static func size(of path: String) -> Int? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Int(status.st_size)
  }

  /// Writes whole blocks past the page cache (`O_DIRECT`).
  ///
  /// - Returns: How many bytes are written: none where the file system has no such way, otherwise all but
  ///   the last, which fill no block.
  private static func writeDirectly(
    _ bytes: [UInt8], to descriptor: Int32, path: String
  ) throws -> Int {
    // Of any disk; and what one call takes, since shorter ones leave the disk idle in between.
    let (block, most) = (4096, 2 << 20)
    let flags = fcntl(descriptor, F_GETFL)
    guard bytes.count >= block, flags >= 0, fcntl(descriptor, F_SETFL, flags | __O_DIRECT) == 0
    else { return 0 }
    defer { _ = fcntl(descriptor, F_SETFL, flags) }
    // The disk reads memory that is aligned like its blocks, as an array's is not.
    let aligned = UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: block)
    defer { aligned.deallocate() }
    var written = 0
    while bytes.count - written >= block {
      let size = min(most, (bytes.count - written) / block * block)
      bytes.withUnsafeBytes {
        aligned.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[written..<written + size]))
      }
      let result = Glibc.write(descriptor, aligned.baseAddress!, size)
      if result < 0 && errno == EINTR { continue }
      // A disk with larger blocks.
      if result < 0 && errno == EINVAL { break }
      guard result > 0 else { throw FileError(call: "write", path: path, code: errno) }
      written += result
      if !result.isMultiple(of: block) { break }
    }
    return written
  }

  private static func writeAll(
    _ bytes: [UInt8], from start: Int, to descriptor: Int32, path: String
  ) throws {
    try bytes.withUnsafeBytes { buffer in
      var written = start
      while written < buffer.count {
        let result = Glibc.write(
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

  public init(call: String, path: String, code: Int32) {
    self.call = call
    self.path = path
    self.code = code
  }

  /// What failed, on which file, and the operating system's words for it.
  public var description: String {
    "\(call) \(path): \(String(cString: strerror(code))) (errno \(code))"
  }
}
