import Episodes
import Executors
import Foundation
import Policies
import Testing

@testable import PolicyServing

/// Holds a model's thread back until it is told to go on. The model computes on a thread of its own, so
/// that nothing else waits with it.
final class Gate: Sendable {
  private let state = Locked((calls: [[UInt64]](), isOpen: false))

  var calls: [[UInt64]] { state.withLock { $0.calls } }

  func open() { state.withLock { $0.isOpen = true } }

  /// Notes the call and waits.
  func pass(_ seeds: [UInt64]) {
    state.withLock { $0.calls.append(seeds) }
    while !state.withLock({ $0.isOpen }) { usleep(500) }
  }

  /// Waits until so many calls have begun.
  func reached(_ count: Int) async throws {
    while calls.count < count { try await Task.sleep(for: .milliseconds(2)) }
  }
}

@Suite(.timeLimit(.minutes(1))) struct PolicyServiceTests {
  private func ask(
    _ service: PolicyService, _ seed: UInt64
  ) -> Task<PolicyService.Served, any Error> {
    Task { try await service.answer(Toy.request(seed), for: await service.join()) }
  }

  @Test("what comes while the model computes is answered by one call of it")
  func batching() async throws {
    let gate = Gate()
    let service = PolicyService { StandIn(onCall: gate.pass) }
    let first = ask(service, 100)
    try await gate.reached(1)
    let others = (1...7).map { ask(service, UInt64($0)) }
    while await service.waiting < 7 { try await Task.sleep(for: .milliseconds(2)) }
    gate.open()
    #expect(try await first.value.batch == 1)
    for (index, task) in others.enumerated() {
      let served = try await task.value
      #expect(served.answer.chunk.values[0] == Float(index + 1), "each has its own answer")
      #expect(served.batch == 7)
      #expect(served.waiting > .zero)
    }
    #expect(gate.calls.map(\.count) == [1, 7])
  }

  @Test("the batch limit and the lanes are kept")
  func limits() async throws {
    let gate = Gate()
    let service = PolicyService(lanes: 2, batchLimit: 3) { StandIn(onCall: gate.pass) }
    let first = [ask(service, 1), ask(service, 2)]
    try await gate.reached(2)
    let others = (3...9).map { ask(service, UInt64($0)) }
    while await service.waiting < 7 { try await Task.sleep(for: .milliseconds(2)) }
    gate.open()
    for task in first + others { _ = try await task.value }
    #expect(gate.calls.prefix(2).allSatisfy { $0.count == 1 })
    #expect(gate.calls.allSatisfy { $0.count <= 3 })
    #expect(gate.calls.flatMap { $0 }.sorted() == Array(1...9))
  }

  @Test("what is wrong with one request is no harm to those that came with it")
  func failures() async throws {
    let gate = Gate()
    let service = PolicyService { StandIn(onCall: gate.pass, failing: 3) }
    let first = ask(service, 100)
    try await gate.reached(1)
    let others = (1...4).map { ask(service, UInt64($0)) }
    while await service.waiting < 4 { try await Task.sleep(for: .milliseconds(2)) }
    gate.open()
    _ = try await first.value
    for (index, task) in others.enumerated() {
      if index == 2 {
        await #expect(throws: StandIn.Failure.self) { try await task.value }
      } else {
        #expect(try await task.value.answer.chunk.values[0] == Float(index + 1))
      }
    }
  }

  @Test("who is cancelled while waiting stops waiting, and is not computed")
  func cancellation() async throws {
    let gate = Gate()
    let service = PolicyService { StandIn(onCall: gate.pass) }
    let first = ask(service, 1)
    try await gate.reached(1)
    let waiting = ask(service, 2)
    while await service.waiting < 1 { try await Task.sleep(for: .milliseconds(2)) }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(await service.waiting == 0)
    gate.open()
    #expect(try await first.value.answer.chunk.values[0] == 1)
    #expect(gate.calls == [[1]])
  }

  @Test("a model that cannot be loaded is everybody's error")
  func loading() async throws {
    let service = PolicyService { throw StandIn.Failure() }
    await #expect(throws: StandIn.Failure.self) { try await service.load() }
    await #expect(throws: StandIn.Failure.self) { try await ask(service, 1).value }
  }

  @Test("a real policy's answers do not depend on who asks at the same time")
  func policy() async throws {
    let checkpoint = try Toy.checkpoint()
    let served = try await ServedPolicy.load(
      checkpoint, ServingOptions(name: "toy", task: "pour", lanes: 2, batchLimit: 4))
    let policy = try Policy(checkpoint: checkpoint)
    let tasks = (1...12).map { seed in ask(served.service, UInt64(seed)) }
    for (index, task) in tasks.enumerated() {
      let alone = try policy.answers(to: [Toy.request(UInt64(index + 1))])[0]
      let together = try await task.value.answer
      #expect(together.subtask == alone.subtask)
      #expect(
        zip(together.chunk.values, alone.chunk.values).allSatisfy { abs($0 - $1) < 2e-4 })
    }
  }
}
