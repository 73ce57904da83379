import DurableFiles
import Foundation
import Testing

/// Locks that name their holder.
@Suite struct FileLockTests {
  private let path = FileManager.default.temporaryDirectory.appending(
    path: "recap-lock-\(UUID().uuidString)"
  ).path

  @Test func aSecondClaimIsRefusedWithTheHoldersName() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(FileLock.holder(path: path) == nil)
    let lock = try FileLock(path: path)
    let held = #expect(throws: FileLockHeld.self) { try FileLock(path: path) }
    #expect(held?.holder?.pid == ProcessInfo.processInfo.processIdentifier)
    #expect(FileLock.holder(path: path) == held)
    withExtendedLifetime(lock) {}
  }

  @Test func whatIsGivenUpCanBeClaimedAgain() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      let lock = try FileLock(path: path)
      withExtendedLifetime(lock) { #expect(FileLock.holder(path: path) != nil) }
    }
    #expect(FileLock.holder(path: path) == nil)
    _ = try FileLock(path: path)
  }
}
