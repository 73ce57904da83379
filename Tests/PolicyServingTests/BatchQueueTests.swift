import Testing

@testable import PolicyServing

struct BatchQueueTests {
  private let start = ContinuousClock.now
  private var queue = BatchQueue(limit: 4, patience: .milliseconds(2))

  private func at(_ milliseconds: Double) -> ContinuousClock.Instant {
    start + .milliseconds(1) * milliseconds
  }

  @Test("a client alone never waits, however quick it is")
  mutating func alone() {
    for round in 0..<5 {
      let time = Double(round) * 10
      queue.ask(1, now: at(time))
      #expect(queue.next(freeLanes: 1, now: at(time)) == .run([1]))
      #expect(queue.next(freeLanes: 1, now: at(time)) == .nothing)
      queue.answered(1, now: at(time + 9.5))
    }
  }

  @Test("what came while the model computed is answered together, in its order, up to the limit")
  mutating func together() {
    queue.ask(1, now: at(0))
    #expect(queue.next(freeLanes: 1, now: at(0)) == .run([1]))
    for client in [3, 2, 6, 5, 4] { queue.ask(client, now: at(1)) }
    #expect(queue.count == 5)
    queue.answered(1, now: at(5))
    #expect(queue.next(freeLanes: 1, now: at(5)) == .run([3, 2, 6, 5]))
    #expect(queue.next(freeLanes: 1, now: at(5)) == .run([4]))
    #expect(queue.count == 0)
  }

  @Test("free lanes share what waits")
  mutating func lanes() {
    for client in 1...3 { queue.ask(client, now: at(0)) }
    #expect(queue.next(freeLanes: 2, now: at(0)) == .run([1, 2]))
    #expect(queue.next(freeLanes: 1, now: at(0)) == .run([3]))
  }

  /// Two clients that have been back at once before; both have an answer since 20 ms.
  private mutating func twoQuickClients() {
    for time in [0.0, 10] {
      for client in [1, 2] { queue.ask(client, now: at(time + 1)) }
      #expect(queue.next(freeLanes: 1, now: at(time + 1)) == .run([1, 2]))
      for client in [1, 2] { queue.answered(client, now: at(time + 10)) }
    }
  }

  @Test("a request waits for a client that was back at once the last time")
  mutating func gathering() {
    twoQuickClients()
    queue.ask(2, now: at(20.5))
    #expect(queue.next(freeLanes: 1, now: at(20.5)) == .wait(until: at(22.5)))
    queue.ask(1, now: at(21))
    #expect(queue.next(freeLanes: 1, now: at(21)) == .run([2, 1]))
  }

  @Test("it waits no longer than its patience, and not at all for who is late or gone")
  mutating func patience() {
    twoQuickClients()
    queue.ask(2, now: at(21))
    #expect(queue.next(freeLanes: 1, now: at(21)) == .wait(until: at(23)))
    #expect(queue.next(freeLanes: 1, now: at(22.5)) == .run([2]), "1 is no longer expected")
    queue.answered(2, now: at(30))
    queue.ask(2, now: at(30.1))
    #expect(queue.next(freeLanes: 1, now: at(30.1)) == .run([2]), "1 is long away")
    queue.answered(2, now: at(31))

    var other = BatchQueueTests()
    other.twoQuickClients()
    other.queue.leave(1)
    other.queue.ask(2, now: other.at(20.5))
    #expect(other.queue.next(freeLanes: 1, now: other.at(20.5)) == .run([2]))
  }

  @Test("robots that execute for long between requests wait for nobody")
  mutating func slowClients() {
    for round in 0..<4 {
      let time = Double(round) * 100
      queue.ask(1, now: at(time))
      #expect(queue.next(freeLanes: 1, now: at(time)) == .run([1]))
      queue.answered(1, now: at(time + 5))
      queue.ask(2, now: at(time + 6))
      #expect(queue.next(freeLanes: 1, now: at(time + 6)) == .run([2]))
      queue.answered(2, now: at(time + 11))
    }
  }

  @Test("who leaves is not answered, and may be anybody")
  mutating func leaving() {
    queue.ask(1, now: at(0))
    queue.ask(2, now: at(0))
    queue.leave(1)
    queue.leave(7)
    #expect(queue.next(freeLanes: 1, now: at(0)) == .run([2]))
    queue.leave(2)
    queue.answered(2, now: at(1))
    #expect(queue.next(freeLanes: 1, now: at(1)) == .nothing)
  }
}
