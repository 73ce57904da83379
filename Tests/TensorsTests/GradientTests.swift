import Testing

@testable import Tensors

@Suite struct `Gradients agree with finite differences` {
  let check = GradientCheck()

  @Test func linear() {
    let x = check.input("x", [2, 3, 4])
    let w = check.input("w", [4, 5])
    let b = check.input("b", [5])
    check.run { $0.linear($0.parameter(x), weight: w, bias: b) }
  }

  @Test func `linear, some columns`() {
    let x = check.input("x", [2, 3, 4])
    let w = check.input("w", [4, 7])
    let b = check.input("b", [7])
    check.run { $0.linear($0.parameter(x), weight: w, bias: b, columns: 2..<5) }
  }

  @Test func `linear, one parameter used twice`() {
    let x = check.input("x", [3, 4])
    let w = check.input("w", [4, 4], .normal(0.5))
    check.run { $0.linear($0.linear($0.parameter(x), weight: w), weight: w) }
  }

  @Test func addition() {
    let (a, b) = (check.input("a", [2, 3]), check.input("b", [2, 3]))
    check.run { $0.add($0.parameter(a), $0.parameter(b)) }
  }

  /// Both terms would share one gradient buffer.
  @Test func `a variable added to itself`() {
    let a = check.input("a", [2, 3])
    check.run { tape in
      let x = tape.scale(tape.parameter(a), 2)
      return tape.multiply(tape.add(x, x), x)
    }
  }

  /// The residual pattern: the sum's gradient is handed to both branches, and one of them grows.
  @Test func `residual branches`() {
    let a = check.input("a", [2, 3])
    check.run { tape in
      let x = tape.tanh(tape.parameter(a))
      let y = tape.add(x, tape.silu(x))
      let z = tape.add(y, tape.gelu(y))
      return tape.add(tape.reshape(z, [3, 2]), tape.reshape(tape.multiply(x, z), [3, 2]))
    }
  }

  @Test(arguments: [[4], [3, 4], [2, 1, 4]])
  func broadcasting(shape: [Int]) {
    let (a, b) = (check.input("a", [2, 3, 4]), check.input("b", shape))
    check.run { $0.add($0.parameter(a), broadcasting: $0.parameter(b)) }
  }

  @Test func `per-sample addition and gate`() {
    let (x, s) = (check.input("x", [2, 3, 4]), check.input("s", [2, 4]))
    check.run { $0.addPerSample($0.parameter(x), $0.parameter(s)) }
    check.run { $0.gate($0.parameter(x), by: $0.parameter(s)) }
  }

  @Test func product() {
    let (a, b) = (check.input("a", [2, 3]), check.input("b", [2, 3]))
    check.run { $0.multiply($0.parameter(a), $0.parameter(b)) }
    check.run { $0.multiply($0.parameter(a), $0.parameter(a)) }
  }

  @Test func activations() {
    let x = check.input("x", [40], .normal(2))
    check.run { $0.gelu($0.parameter(x)) }
    check.run { $0.silu($0.parameter(x)) }
    check.run { $0.tanh($0.parameter(x)) }
  }

  @Test func `gated gelu`() {
    let x = check.input("x", [3, 10])
    check.run { $0.gatedGELU($0.parameter(x)) }
  }

  @Test func `root-mean-square norms`() {
    let (x, w) = (check.input("x", [2, 3, 20]), check.input("w", [20]))
    check.run { $0.rmsNorm($0.parameter(x), weight: w) }
    let scale = check.input("scale", [2, 20])
    let shift = check.input("shift", [2, 20])
    check.run {
      $0.adaptiveRMSNorm(
        $0.parameter(x), scale: $0.parameter(scale), shift: $0.parameter(shift))
    }
  }

  @Test func embedding() {
    let table = check.input("table", [5, 3])
    check.run { $0.embedding(table: table, ids: [4, 0, 4, 2], shape: [2, 2]) }
  }

  @Test func rotary() {
    let x = check.input("x", [2, 3, 8])
    check.run { $0.rotary($0.parameter(x), heads: 2, positions: [0, 5, 6]) }
  }

  @Test(arguments: [(4, 4, 16), (4, 2, 4), (2, 1, 24)])
  func attention(heads: Int, keyValueHeads: Int, width: Int) {
    let q = check.input("q", [2, 3, heads * width])
    let k = check.input("k", [2, 5, keyValueHeads * width])
    let v = check.input("v", [2, 5, keyValueHeads * width])
    let visible = (0..<15).map { $0 % 5 <= $0 / 5 + 1 }
    let mask = AttentionMask(queries: 3, keys: 5, visible: visible)
    check.run { tape in
      tape.attention(
        query: tape.parameter(q), key: tape.parameter(k), value: tape.parameter(v), heads: heads,
        keyValueHeads: keyValueHeads, mask: mask)
    }
  }

  /// Masks whose hidden parts span whole vectors of keys, which the kernel leaves out: of some
  /// queries' ends, of keys that nobody sees, of a query that sees nothing.
  @Test(arguments: [false, true])
  func `attention with much hidden`(perSample: Bool) {
    let (queries, keys) = (5, 37)
    let q = check.input("q", [2, queries, 8])
    let k = check.input("k", [2, keys, 8])
    let v = check.input("v", [2, keys, 8])
    let rows = (perSample ? 2 : 1) * queries
    let visible = (0..<rows * keys).map { entry in
      let (row, key) = (entry / keys, entry % keys)
      switch row {
      case 0: return key < 3
      case 1: return false
      case 2: return key == 20
      case 7: return key > 33
      default: return key < 4 * row + 2 && key != 5
      }
    }
    let mask = AttentionMask(
      queries: queries, keys: keys, samples: perSample ? 2 : nil, visible: visible)
    check.run { tape in
      // Leaves numbers in the scratch memory that must not be read.
      let other = tape.constant([1, 40, 8], (0..<320).map { Float($0 % 7) })
      _ = tape.attention(query: other, key: other, value: other, heads: 2, keyValueHeads: 2)
      return tape.attention(
        query: tape.parameter(q), key: tape.parameter(k), value: tape.parameter(v), heads: 2,
        keyValueHeads: 2, mask: mask)
    }
  }

  @Test func `attention of a variable to itself`() {
    let x = check.input("x", [2, 7, 16])
    check.run { tape in
      let x = tape.scale(tape.parameter(x), 1.5)
      return tape.add(
        tape.attention(query: x, key: x, value: x, heads: 2, keyValueHeads: 2), x)
    }
  }

  @Test func `joining and cutting rows`() {
    let (a, b) = (check.input("a", [2, 3, 4]), check.input("b", [2, 2, 4]))
    check.run { tape in
      let whole = tape.concatenate([tape.parameter(a), tape.parameter(b), tape.parameter(a)])
      return tape.add(tape.slice(whole, rows: 1..<5), tape.slice(whole, rows: 4..<8))
    }
  }

  @Test func `cutting columns`() {
    let x = check.input("x", [2, 3, 5])
    check.run { tape in
      let x = tape.parameter(x)
      return tape.add(tape.columns(x, 1..<4), tape.columns(x, 2..<5))
    }
  }

  @Test func softmax() {
    let x = check.input("x", [3, 18])
    check.run(tolerance: 1e-3) { $0.softmax($0.parameter(x)) }
  }

  @Test func `cross-entropy`() {
    let x = check.input("x", [4, 7])
    check.run {
      $0.softmaxCrossEntropy(logits: $0.parameter(x), targets: [0, 6, -1, 3])
    }
    check.run {
      $0.softmaxCrossEntropy(
        logits: $0.parameter(x), targets: [0, 6, 2, -1], weights: [1, 0, 2.5, 9])
    }
    check.run {
      $0.softmaxCrossEntropy(logits: $0.parameter(x), targets: [0, 6, 2, -1], total: 9)
    }
  }

  @Test func `squared error`() {
    let (x, t) = (check.input("x", [2, 3]), check.input("t", [2, 3]))
    check.run { $0.meanSquaredError($0.parameter(x), target: $0.parameter(t)) }
    check.run {
      $0.meanSquaredError(
        $0.parameter(x), target: $0.parameter(t), weights: [1, 0, 2, 0.5, 0, 1])
    }
    check.run {
      $0.meanSquaredError(
        $0.parameter(x), target: $0.parameter(t), weights: [1, 0, 2, 0.5, 0, 1], total: 7)
    }
  }

  @Test func `trust region`() {
    let x = check.input("x", [3, 2])
    check.run { tape in
      tape.trustRegionLoss(
        tape.parameter(x), target: tape.constant([3, 2], [0.2, -0.1, 0.4, 0.3, -0.6, 0.1]),
        weights: [1, 1, 0.5, 0, 1, 2], reference: [1, 0.4, 0.9], advantages: [1.5, -0.7, 0],
        trust: 0.8, total: 5)
    }
  }

  @Test func `sums of scalars`() {
    let x = check.input("x", [2, 3])
    check.run { tape in
      let x = tape.parameter(x)
      let parts = [(tape.sum(x), Float(0.5)), (tape.sum(tape.multiply(x, x)), -2)]
      return tape.weightedSum(parts)
    }
  }
}
