import Testing

@testable import Tensors

@Suite struct `A tape` {
  let store = ParameterStore(seed: 1)

  /// Knowledge Insulation rests on this.
  @Test func `lets no gradient through stopGradient`() {
    let (a, b) = (store.add("a", [3], .normal(1)), store.add("b", [3], .normal(1)))
    let tape = Tape(store)
    tape.reset(recording: true)
    let product = tape.multiply(tape.stopGradient(tape.parameter(a)), tape.parameter(b))
    tape.backward(from: tape.sum(product))
    #expect(store.gradient(of: a) == [0, 0, 0])
    #expect(store.gradient(of: b) == store.values(of: a))
  }

  @Test func `adds gradients until they are zeroed`() {
    let a = store.add("a", [2], .ones)
    let tape = Tape(store)
    for expected in [Float(3), 6] {
      tape.reset(recording: true)
      tape.backward(from: tape.sum(tape.scale(tape.parameter(a), 3)))
      #expect(store.gradient(of: a) == [expected, expected])
    }
    store.zeroGradients()
    #expect(store.gradient(of: a) == [0, 0])
  }

  @Test func `takes two losses of one pass one after the other`() {
    let a = store.add("a", [2], .constant(2))
    let tape = Tape(store)
    tape.reset(recording: true)
    let x = tape.parameter(a)
    let square = tape.multiply(x, x)
    tape.backward(from: tape.sum(square))
    tape.backward(from: tape.sum(tape.scale(square, 10)))
    #expect(store.gradient(of: a) == [44, 44])
  }

  @Test func `gives values and shapes back`() {
    let table = store.add("table", [3, 2], .zeros)
    store.setValues(of: table, to: [1, 2, 3, 4, 5, 6])
    let tape = Tape(store)
    tape.reset(recording: false)
    let x = tape.embedding(table: table, ids: [2, 0, 0, 1], shape: [2, 2])
    #expect(tape.shape(x) == [2, 2, 2])
    #expect(tape.value(x) == [5, 6, 1, 2, 1, 2, 3, 4])
    let cut = tape.slice(x, rows: 1..<2)
    #expect(tape.value(cut) == [1, 2, 3, 4])
    let joined = tape.concatenate([cut, x])
    #expect(tape.shape(joined) == [2, 3, 2])
    #expect(tape.value(joined) == [1, 2, 5, 6, 1, 2, 3, 4, 1, 2, 3, 4])
    let loss = tape.weightedSum([(tape.sum(cut), 2), (tape.sum(x), 1)])
    #expect(tape.scalar(loss) == 44)
  }

  @Test func `losses by hand`() {
    let tape = Tape(store)
    tape.reset(recording: false)
    let x = tape.constant([2, 2], [0, 0, 1, 3])
    let t = tape.constant([2, 2], [1, 0, 1, 0])
    #expect(tape.scalar(tape.meanSquaredError(x, target: t)) == 2.5)
    #expect(tape.scalar(tape.meanSquaredError(x, target: t, weights: [1, 1, 0, 0])) == 0.5)
    #expect(tape.scalar(tape.meanSquaredError(x, target: t, weights: [0, 0, 0, 0])) == 0)
    let even = tape.softmaxCrossEntropy(logits: x, targets: [0, -1])
    #expect(abs(tape.scalar(even) - 0.693147) < 1e-6)
    let weighted = tape.softmaxCrossEntropy(logits: x, targets: [0, 1], weights: [3, 1])
    #expect(abs(tape.scalar(weighted) - (3 * 0.693147 + 0.126928) / 4) < 1e-6)
    #expect(tape.scalar(tape.softmaxCrossEntropy(logits: x, targets: [-1, -1])) == 0)
  }

  /// Two samples whose half squared errors are ½ and 0, so the ratios are exp(½ − ½) = 1 and
  /// exp(ln 2 − 0) = 2: −(1 · 3 + (2 · 1 − 1 · 1² / (2 · ½))) / 2 = −2.
  @Test func `the trust region's loss has the value worked out by hand`() {
    let tape = Tape(store)
    tape.reset(recording: false)
    let loss = tape.trustRegionLoss(
      tape.constant([2, 1], [1, 0]), target: tape.constant([2, 1], [0, 0]), weights: [1, 1],
      reference: [0.5, 0.6931472], advantages: [3, 1], trust: 0.5)
    #expect(abs(tape.scalar(loss) + 2) < 1e-5)
    let errors = tape.halfSquaredErrors(
      tape.constant([2, 2], [1, 2, 3, 4]), target: [0, 0, 1, 0], weights: [1, 1, 1, 0], samples: 2)
    #expect(errors == [2.5, 2])
  }

  @Test func `takes no new memory once it has seen every shape`() {
    let w = store.add("w", [8, 8], .fanIn)
    let g = store.add("g", [8], .ones)
    let tape = Tape(store)
    func pass(_ batch: Int, recording: Bool) {
      tape.reset(recording: recording)
      var x = tape.constant([batch, 5, 8], Array(repeating: 0.5, count: batch * 40))
      for _ in 0..<3 {
        let y = tape.rmsNorm(x, weight: g)
        let q = tape.linear(y, weight: w)
        x = tape.add(
          x, tape.attention(query: q, key: y, value: y, heads: 2, keyValueHeads: 2))
      }
      let loss = tape.sum(tape.gelu(x))
      if recording { tape.backward(from: loss) }
    }
    for batch in [4, 7] { pass(batch, recording: true) }
    let warm = tape.pooledBytes
    #expect(warm > 0)
    for round in 0..<20 { pass(round % 2 == 0 ? 4 : 7, recording: round % 3 != 0) }
    #expect(tape.pooledBytes == warm)
  }

  @Test func `a variable without rows to see gets zeros`() {
    let tape = Tape(store)
    tape.reset(recording: false)
    let x = tape.constant([1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8])
    let mask = AttentionMask(queries: 2, keys: 2, visible: [false, false, true, false])
    let y = tape.attention(query: x, key: x, value: x, heads: 1, keyValueHeads: 1, mask: mask)
    #expect(tape.value(y) == [0, 0, 0, 0, 1, 2, 3, 4])
  }
}
