import DurableFiles
import Foundation

/// The one writer's claim on a run directory: an advisory lock on `lock`, which holds who has it.
///
/// The operating system drops the lock when its process ends, however it ends, so a killed run is
/// never locked. Works between processes of one machine; a run directory on a network file system
/// is outside its promise.
final class RunLock: Sendable {
  private let descriptor: Int32

  /// - Throws: `ArchiveError.locked`, naming the holder, when another process (or this one) has it.
  init(directory: String) throws {
    let path = "\(directory)/lock"
    // Not inherited by children: a driver that outlives its run must not keep the lock.
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError(call: "open", path: path, code: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      _ = close(descriptor)
      guard code == EWOULDBLOCK else { throw FileError(call: "flock", path: path, code: code) }
      throw ArchiveError.locked(directory: directory, holder: Self.holder(directory: directory))
    }
    self.descriptor = descriptor
    let holder = Holder(
      pid: ProcessInfo.processInfo.processIdentifier,
      command: ProcessInfo.processInfo.arguments.joined(separator: " "))
    let text = try JSONEncoder().encode(holder)
    // Written in place: replacing the file would leave the lock on the old one.
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: text)
  }

  deinit { _ = close(descriptor) }

  /// Who holds a run directory's lock, in words.
  private static func holder(directory: String) -> String {
    guard let text = FileManager.default.contents(atPath: "\(directory)/lock"),
      let holder = try? JSONDecoder().decode(Holder.self, from: text)
    else { return "another process" }
    return "process \(holder.pid) (\(holder.command))"
  }

  private struct Holder: Codable {
    var pid: Int32
    var command: String
  }
}
