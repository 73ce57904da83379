import EpisodeStorage
import Foundation
import Synchronization
import Testing

/// A robot behind a network that is cut in the middle of its uploads, whose collector is killed in that time.
///
/// `RECAP_CUT_SECONDS=300` makes the cut as long as one wants; the suite's is short.
@Suite(.timeLimit(.minutes(15)))
struct NetworkCutTests {
  private static let cut =
    ProcessInfo.processInfo.environment["RECAP_CUT_SECONDS"].flatMap { Double($0) } ?? 7

  @Test("every episode that was finished is in the archive once after the robot returns")
  func cutAndKilled() async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let errors = folder.appending(path: "errors")
    try Data().write(to: errors)
    let coordinator = try RecapProcess.start(
      [
        "coordinator", "Configs/smoke.yaml", "--dir", run, "--listen", "tcp://127.0.0.1:*",
        "--publish", folder.appending(path: "endpoint").path, "--quiet",
        "--set", "taskDefaults.demonstrations=12", "--set", "schedule.episodesPerJob=12",
      ], output: FileHandle.nullDevice, errors: FileHandle(forWritingTo: errors))
    defer { coordinator.terminate() }
    var text: String?
    while text == nil, coordinator.isRunning {
      try await Task.sleep(for: .milliseconds(20))
      text = try? String(contentsOf: folder.appending(path: "endpoint"), encoding: .utf8)
    }
    let port = try #require(
      text?.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ":").last
        .flatMap { UInt16($0) })
    let relay = try Relay(to: port)
    defer { relay.close() }
    let spool = folder.appending(path: "spool")

    func startCollector() throws -> Process {
      try RecapProcess.start(
        [
          "collector", "--connect", "tcp://127.0.0.1:\(relay.port)", "--name", "cell-1",
          "--spool", spool.path,
        ], output: FileHandle.nullDevice, errors: FileHandle.nullDevice)
    }
    func stored() async throws -> [String] {
      try await ArchiveReader(directory: run).episodes().map(\.id)
    }
    /// Episodes on the robot's own disk, finished and not acknowledged.
    func waiting() -> [String] {
      let all = FileManager.default.enumerator(atPath: spool.path)?.compactMap { $0 as? String }
      return (all ?? []).filter { $0.hasSuffix(".safetensors") }.compactMap {
        URL(filePath: $0).deletingPathExtension().lastPathComponent.removingPercentEncoding
      }
    }

    let first = try startCollector()
    while try await stored().count < 4 { try await Task.sleep(for: .milliseconds(20)) }
    relay.cut()
    // What is recorded now cannot be sent.
    let beginning = ContinuousClock.now
    while waiting().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
    try await Task.sleep(for: .seconds(Self.cut / 2))
    let finished = Set(waiting())
    #expect(!finished.isEmpty)
    let before = try await stored()
    kill(first.processIdentifier, SIGKILL)
    await first.ended()
    // Nothing came through, and the kill lost nothing.
    #expect(try await stored() == before)
    #expect(Set(waiting()) == finished)
    try await Task.sleep(for: .seconds(Self.cut) - (.now - beginning))

    let second = try startCollector()
    try await Task.sleep(for: .seconds(1))
    relay.mend()
    // Both tasks' demonstrations, with what was cut off.
    while try await stored().count < 24 { try await Task.sleep(for: .milliseconds(50)) }
    while !waiting().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
    second.terminate()
    await second.ended()
    coordinator.terminate()
    await coordinator.ended()
    let all = try await stored()
    #expect(Set(all).count == all.count && all.count == 24)
    #expect(Set(all).isSuperset(of: finished.union(before)))
    let bytes = try await ArchiveReader(directory: run).verify()
    #expect(bytes.problems.isEmpty, "\(bytes)")
  }
}

/// A TCP connection's middle, which can be cut without either end being told.
private final class Relay: Sendable {
  let port: UInt16
  private let listener: Int32
  private let target: UInt16
  private let state = Mutex(State())

  private struct State {
    var isCut = false
    var isClosed = false
    var open: [Int32] = []
  }

  init(to target: UInt16) throws {
    self.target = target
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = Self.address(0)
    let bound = Self.withAddress(&address) { bind(listener, $0, $1) }
    try #require(bound == 0 && listen(listener, 16) == 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(listener, $0, &length)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in accept() }
  }

  /// From now on no byte comes through, in either direction.
  func cut() { state.withLock { $0.isCut = true } }

  /// New connections come through; those of before are found to be dead.
  func mend() {
    state.withLock {
      $0.isCut = false
      for descriptor in $0.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
      $0.open = []
    }
  }

  func close() {
    mend()
    state.withLock { $0.isClosed = true }
    shutdown(listener, Int32(SHUT_RDWR))
    _ = Glibc.close(listener)
  }

  private func accept() {
    while true {
      let near = Glibc.accept(listener, nil, nil)
      guard near >= 0 else { return }
      let far = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = Self.address(target)
      guard Self.withAddress(&address, { connect(far, $0, $1) }) == 0 else {
        _ = Glibc.close(near)
        _ = Glibc.close(far)
        continue
      }
      state.withLock { $0.open += [near, far] }
      for (from, to) in [(near, far), (far, near)] {
        Thread.detachNewThread { [self] in pump(from, to) }
      }
    }
  }

  private func pump(_ from: Int32, _ to: Int32) {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(from, &bytes, bytes.count, 0)
      guard count > 0 else { break }
      // What was on its way when the cable was cut is lost with it.
      if state.withLock({ $0.isCut }) { continue }
      guard send(to, bytes, count, Int32(MSG_NOSIGNAL)) == count else { break }
    }
    // A peer that hangs up during the cut is not heard of on the other side.
    if !state.withLock({ $0.isCut }) { shutdown(to, Int32(SHUT_RDWR)) }
  }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func withAddress(
    _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
