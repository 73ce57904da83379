import Testing

@testable import Tensors

@Suite struct `A team of threads` {
  /// Large enough to be shared out, with columns and heads that do not divide evenly.
  @Test func `computes what one thread computes`() {
    let store = ParameterStore(seed: 5)
    let weight = store.add("w", [40, 3 * 56], .fanIn)
    let gate = store.add("g", [56, 402], .fanIn)
    let mask = AttentionMask(
      queries: 50, keys: 50, visible: (0..<2500).map { $0 % 50 <= max($0 / 50, 20) })
    var random = RandomSource(seed: 6)
    let values = random.normals(2 * 50 * 40)
    func output(_ tape: Tape) -> [Float] {
      tape.reset(recording: false)
      let all = tape.linear(tape.constant([2, 50, 40], values), weight: weight)
      let attended = tape.attention(
        query: tape.columns(all, 0..<56), key: tape.columns(all, 56..<112),
        value: tape.columns(all, 112..<168), heads: 7, keyValueHeads: 7, mask: mask)
      return tape.value(tape.gatedGELU(tape.linear(attended, weight: gate)))
    }
    let expected = output(Tape(store))
    for threads in 1...3 {
      let tape = Tape(store, team: ThreadTeam(count: threads))
      for _ in 0..<20 { #expect(output(tape) == expected) }
    }
  }

  @Test func `does every part once`() {
    let team = ThreadTeam(count: 4)
    for _ in 0..<2000 {
      let counts = Counts(4)
      team.run { counts.add($0) }
      #expect(counts.values == [1, 1, 1, 1])
    }
  }

  /// `@unchecked Sendable`: each place is written by one part.
  private final class Counts: @unchecked Sendable {
    private let memory: UnsafeMutableBufferPointer<Int>

    init(_ count: Int) {
      memory = .allocate(capacity: count)
      memory.initialize(repeating: 0)
    }

    deinit { memory.deallocate() }

    func add(_ index: Int) { memory[index] += 1 }
    var values: [Int] { Array(memory) }
  }
}
