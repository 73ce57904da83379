import DurableFiles

/// The one writer's claim on a run directory: a lock on its file `lock`, which holds who has it.
final class RunLock: Sendable {
  private let lock: FileLock

  /// - Throws: `ArchiveError.locked`, naming the holder, when another process (or this one) has it.
  init(directory: String) throws {
    do {
      lock = try FileLock(path: "\(directory)/lock")
    } catch let held as FileLockHeld {
      throw ArchiveError.locked(directory: directory, holder: held.holderDescription)
    }
  }
}

extension ArchiveReader {
  /// The process that writes to the run at the moment, in words; nil when none does.
  public static func writer(of directory: String) -> String? {
    FileLock.holder(path: "\(directory)/lock")?.holderDescription
  }
}
