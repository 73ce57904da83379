import Executors
import Glibc
import Testing

/// An actor that lives on a thread of its own.
private actor Resident {
  private let executor: ThreadExecutor
  private(set) var values: [Int] = []

  init(name: String, wait: any ThreadWait = ConditionWait()) {
    executor = ThreadExecutor(name: name, wait: wait)
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  func append(_ value: Int) { values.append(value) }
  func thread() -> UInt { UInt(pthread_self()) }
  func isOnItsThread() -> Bool { executor.isCurrentThread }

  /// Blocks the thread, as a long computation does.
  func block(until gate: Gate) { gate.wait() }
}

/// Opened by one thread, waited for by another.
private final class Gate: Sendable {
  private let signal = ConditionWait()
  func open() { signal.wakeUp() }
  func wait() { signal.wait() }
}

@Suite struct ThreadExecutorTests {
  @Test func anActorStaysOnOneThreadThatNoOtherActorUses() async {
    let (a, b) = (Resident(name: "a"), Resident(name: "b"))
    let first = await a.thread()
    await Task.yield()
    #expect(await a.thread() == first)
    #expect(await b.thread() != first)
    #expect(await a.isOnItsThread())
  }

  @Test func isolationIsNotLostBetweenManyCallers() async {
    let resident = Resident(name: "busy")
    await withTaskGroup(of: Void.self) { group in
      for value in 0..<500 { group.addTask { await resident.append(value) } }
    }
    #expect(await resident.values.sorted() == Array(0..<500))
  }

  @Test func aBlockedThreadHoldsUpNobodyElse() async {
    // More blocked actors than the cooperative pool has threads on a small machine.
    let gates = (0..<8).map { _ in Gate() }
    let blocked = gates.map { gate in
      let resident = Resident(name: "blocked")
      return Task { await resident.block(until: gate) }
    }
    let free = Resident(name: "free")
    await free.append(1)
    #expect(await free.values == [1])
    for gate in gates { gate.open() }
    for task in blocked { await task.value }
  }

  @Test func theThreadEndsWithItsExecutor() async {
    let (gone, announce) = AsyncStream.makeStream(of: Void.self)
    await Resident(name: "short-lived", wait: MortalWait { announce.finish() }).append(1)
    // The thread is the last to let go of its wait.
    for await _ in gone {}
  }

  @Test func theThreadHasAName() async {
    actor Named {
      private let executor = ThreadExecutor(name: "a-rather-long-name")
      nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
      }
      func name() -> String {
        var bytes = [UInt8](repeating: 0, count: 64)
        let file = open("/proc/thread-self/comm", O_RDONLY)
        let count = read(file, &bytes, bytes.count)
        close(file)
        return String(decoding: bytes.prefix(max(0, count - 1)), as: UTF8.self)
      }
    }
    #expect(await Named().name() == "a-rather-long-n")
  }
}

/// Tells when nobody can wait with it any more.
private final class MortalWait: ThreadWait {
  private let inner = ConditionWait()
  private let whenGone: @Sendable () -> Void

  init(whenGone: @escaping @Sendable () -> Void) { self.whenGone = whenGone }
  deinit { whenGone() }

  func wait() { inner.wait() }
  func wakeUp() { inner.wakeUp() }
}
