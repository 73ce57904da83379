import Foundation
import Testing

@testable import DurableFiles

@Suite struct DurableFileTests {
  private struct Stopped: Error {}

  /// Runs `body` with the path of an empty directory, and removes it.
  private func inDirectory(_ body: (String) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "recap-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try body(directory.path)
  }

  private func names(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
  }

  @Test(arguments: [0, 1, 300_000])
  func whatIsWrittenIsReadBackAndNothingElseIsLeft(count: Int) throws {
    try inDirectory { directory in
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      var steps: [DurableWriteStep] = []
      try DurableFile.write(
        bytes, to: "\(directory)/a", temporary: "\(directory)/t", hook: { steps.append($0) })
      #expect(try DurableFile.read("\(directory)/a") == bytes)
      #expect(DurableFile.size(of: "\(directory)/a") == count)
      #expect(try names(in: directory) == ["a"])
      #expect(steps == DurableWriteStep.allCases)
    }
  }

  /// In blocks, with a rest that fills none; on file systems that know such writing and others.
  @Test(arguments: [0, 1, 4095, 4096, 4097, (2 << 20) + 4096, (5 << 20) + 123])
  func pastThePageCacheTheBytesAreTheSame(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 12) }
    func check(_ directory: String) throws {
      let path = "\(directory)/a"
      try DurableFile.write(bytes, to: path, bypassesCache: true)
      #expect(try DurableFile.read(path) == bytes)
      #expect(try names(in: directory) == ["a"])
    }
    try inDirectory(check)
    let memory = "/dev/shm/recap-\(UUID().uuidString)"
    guard FileManager.default.isWritableFile(atPath: "/dev/shm") else { return }
    try FileManager.default.createDirectory(atPath: memory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: memory) }
    try check(memory)
  }

  /// A process that dies before a step leaves the old file whole, or the new one.
  @Test(arguments: DurableWriteStep.allCases)
  func stoppedBeforeAnyStepTheFileIsTheOldOneOrTheNew(step: DurableWriteStep) throws {
    try inDirectory { directory in
      let path = "\(directory)/a"
      try DurableFile.write([1], to: path, temporary: "\(path).partial")
      let stop = { (reached: DurableWriteStep) in if reached == step { throw Stopped() } }
      #expect(throws: Stopped.self) {
        try DurableFile.write([2, 3], to: path, temporary: "\(path).partial", hook: stop)
      }
      let expected: [UInt8] = step == .syncDirectory ? [2, 3] : [1]
      #expect(try DurableFile.read(path) == expected)
      // What was left behind is in nobody's way.
      try DurableFile.write([4], to: path, temporary: "\(path).partial")
      #expect(try DurableFile.read(path) == [4])
      #expect(try names(in: directory) == ["a"])
    }
  }

  @Test func aCallThatFailsIsNamedAndLeavesNoTemporaryFile() throws {
    try inDirectory { directory in
      // A directory in the file's place cannot be replaced by a file.
      try FileManager.default.createDirectory(
        atPath: "\(directory)/a", withIntermediateDirectories: true)
      let error = #expect(throws: FileError.self) {
        try DurableFile.write([1], to: "\(directory)/a", temporary: "\(directory)/t")
      }
      #expect(error?.description.contains("rename to \(directory)/a \(directory)/t: ") == true)
      #expect(try names(in: directory) == ["a"])
    }
  }

  @Test func aDirectoryThatIsNotThereIsNamed() throws {
    try inDirectory { directory in
      let path = "\(directory)/none/a"
      #expect(throws: FileError(call: "open", path: "\(path).partial", code: ENOENT)) {
        try DurableFile.write([1], to: path, temporary: "\(path).partial")
      }
    }
  }

  @Test func whatIsNotThereIsNil() throws {
    try inDirectory { directory in
      let content = try DurableFile.read("\(directory)/a")
      #expect(content == nil)
      #expect(DurableFile.size(of: "\(directory)/a") == nil)
    }
  }
}
