import Foundation

/// A process's claim on something: an advisory lock on a file that says who has it.
///
/// The operating system drops the lock when its process ends, however it ends, so what a killed
/// process held is never locked. Works between processes of one machine; on a network file system it
/// promises nothing between machines.
public final class FileLock: Sendable {
  private let descriptor: Int32

  /// Claims the lock and writes this process's name into the file, which is made where it is missing.
  ///
  /// - Throws: `FileLockHeld`, naming the holder, when another process (or this one) has it;
  ///   `FileError` when the file cannot be opened or written.
  public init(path: String) throws {
    // Not inherited by children: a driver that outlives its run must not keep the lock.
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError(call: "open", path: path, code: errno) }
    guard Self.claim(descriptor) else {
      let code = errno
      _ = close(descriptor)
      guard code == EWOULDBLOCK else { throw FileError(call: "flock", path: path, code: code) }
      throw FileLockHeld(path: path, holder: Self.written(in: path))
    }
    self.descriptor = descriptor
    let holder = LockHolder(
      pid: ProcessInfo.processInfo.processIdentifier,
      command: ProcessInfo.processInfo.arguments.joined(separator: " "))
    let text = try JSONEncoder().encode(holder)
    // Written in place: replacing the file would leave the lock on the old one.
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: text)
  }

  deinit { _ = close(descriptor) }

  /// Whoever asks for the holder has the lock for a moment, and must not keep a claim from succeeding: so
  /// it is tried again a few times. `errno` is the last attempt's.
  private static func claim(_ descriptor: Int32) -> Bool {
    for attempt in 0..<5 {
      if attempt > 0 { usleep(5_000) }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
      if errno != EWOULDBLOCK { return false }
    }
    return false
  }

  /// Who has the lock; nil when nobody has, also where there is no such file.
  public static func holder(path: String) -> FileLockHeld? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    // Shared, so that two who only ask do not take each other for a holder.
    if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return nil }
    return FileLockHeld(path: path, holder: written(in: path))
  }

  private static func written(in path: String) -> LockHolder? {
    FileManager.default.contents(atPath: path).flatMap {
      try? JSONDecoder().decode(LockHolder.self, from: $0)
    }
  }
}

/// The process that has a lock, as it describes itself.
public struct LockHolder: Codable, Hashable, Sendable {
  public var pid: Int32
  /// Its command line.
  public var command: String
}

/// A lock that somebody has already.
public struct FileLockHeld: Error, Hashable, CustomStringConvertible {
  public var path: String
  /// Nil for one that has not said who it is yet.
  public var holder: LockHolder?

  /// The holder in words: "process 4711 (recap run Configs/demo.yaml)".
  public var holderDescription: String {
    holder.map { "process \($0.pid) (\($0.command))" } ?? "another process"
  }

  public var description: String { "\(path) is held by \(holderDescription)" }
}
