import Tensors
import Testing

@testable import Networks

@Suite struct `Attention layers` {
  /// Causality end to end: what a later token holds cannot reach an earlier one, in value or
  /// gradient.
  @Test func `see only what the mask shows`() {
    let store = ParameterStore(seed: 6)
    let attention = Attention(
      store, "a",
      TransformerSettings(
        width: 8, layers: 1, heads: 4, keyValueHeads: 2, headWidth: 4, feedForward: 8))
    let tape = Tape(store)
    let causal = AttentionMask(
      queries: 3, keys: 3, visible: (0..<9).map { $0 % 3 <= $0 / 3 })
    func output(_ last: Float) -> [Float] {
      tape.reset(recording: false)
      let x = (0..<16).map { Float($0) / 10 } + Array(repeating: last, count: 8)
      return run(attention, tape, x, positions: [0, 1, 2], mask: causal)
    }
    let (a, b) = (output(1), output(-2))
    #expect(a[..<16] == b[..<16])
    #expect(a[16...] != b[16...])
  }

  @Test func `depend on relative positions alone`() {
    let store = ParameterStore(seed: 6)
    let attention = Attention(
      store, "a",
      TransformerSettings(
        width: 8, layers: 1, heads: 2, keyValueHeads: 1, headWidth: 4, feedForward: 8))
    let tape = Tape(store)
    func output(_ positions: [Int32]) -> [Float] {
      tape.reset(recording: false)
      let x = (0..<24).map { Float($0 * 7 % 11) / 10 }
      return run(attention, tape, x, positions: positions)
    }
    let (near, far, other) = (output([0, 1, 2]), output([40, 41, 42]), output([0, 2, 4]))
    #expect(zip(near, far).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(zip(near, other).contains { abs($0 - $1) > 1e-3 })
  }

  /// Self-attention of three tokens.
  private func run(
    _ attention: Attention, _ tape: Tape, _ values: [Float], positions: [Int32],
    mask: AttentionMask? = nil
  ) -> [Float] {
    let x = tape.constant([1, 3, 8], values)
    let seen = attention.keyValue(tape, x, positions: positions)
    return tape.value(attention(tape, x, positions: positions, seen: seen, mask: mask))
  }
}
