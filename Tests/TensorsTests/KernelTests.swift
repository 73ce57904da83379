import CKernels
import Foundation
import Testing

@testable import Tensors

/// The plain versions of the kernels, in double: the judges.
enum Plain {
  static func gelu(_ x: Double) -> Double {
    x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  static func softmax(_ x: [Double]) -> [Double] {
    let greatest = x.max() ?? 0
    let exponentials = x.map { exp($0 - greatest) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }

  static func inverseRoot(_ x: [Double], epsilon: Double) -> Double {
    1 / (x.map { $0 * $0 }.reduce(0, +) / Double(x.count) + epsilon).squareRoot()
  }

  /// One head of one sample: q [queries][width], k and v [keys][width].
  static func attention(
    _ q: [[Double]], _ k: [[Double]], _ v: [[Double]], sees: (Int, Int) -> Bool
  ) -> [[Double]] {
    q.indices.map { i in
      let seen = k.indices.filter { sees(i, $0) }
      let scores = seen.map { j in
        zip(q[i], k[j]).map(*).reduce(0, +) / Double(q[i].count).squareRoot()
      }
      let shares = softmax(scores)
      return v[0].indices.map { d in
        zip(seen, shares).map { v[$0][d] * $1 }.reduce(0, +)
      }
    }
  }
}

@Suite struct `Kernels agree with their plain versions` {
  /// Odd lengths leave rests behind every vector width.
  static let lengths = [1, 7, 16, 33, 100]

  func expectClose(
    _ actual: [Float], _ expected: [Double], tolerance: Double = 2e-6,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(actual.count == expected.count, sourceLocation: sourceLocation)
    for (index, (a, e)) in zip(actual, expected).enumerated() {
      #expect(
        abs(Double(a) - e) <= tolerance * max(1, abs(e)), "[\(index)]: expected \(e), got \(a)",
        sourceLocation: sourceLocation)
    }
  }

  func random(_ count: Int, _ stream: String, deviation: Float = 1) -> [Float] {
    var source = RandomSource(seed: 77, stream: stream)
    return source.normals(count).map { $0 * deviation }
  }

  @Test(arguments: lengths)
  func activations(count: Int) {
    let x = random(count, "x", deviation: 4)
    var y = x
    recap_gelu(&y, x, count)
    expectClose(y, x.map { Plain.gelu(Double($0)) })
    recap_silu(&y, x, count)
    expectClose(y, x.map { Double($0) / (1 + exp(-Double($0))) })
    recap_tanh(&y, x, count)
    expectClose(y, x.map { tanh(Double($0)) })
    var gated = [Float](repeating: 0, count: count)
    let pair = x + random(count, "up")
    recap_gated_gelu(&gated, pair, 1, count)
    expectClose(gated, (0..<count).map { Plain.gelu(Double(pair[$0])) * Double(pair[count + $0]) })
  }

  @Test func `activations at the ends of the range`() {
    let x: [Float] = [-1e30, -200, -88, -1e-20, 0, 1e-20, 1e-4, 88, 200, 1e30, .nan]
    var y = x
    recap_gelu(&y, x, x.count)
    #expect(y[0] == 0 && y[1] == 0 && y[4] == 0 && y[8] == 200 && y[10].isNaN)
    recap_tanh(&y, x, x.count)
    #expect(y[0] == -1 && y[4] == 0 && y[9] == 1 && y[10].isNaN)
    #expect(abs(y[6] - 1e-4) < 1e-11)
  }

  @Test(arguments: lengths)
  func softmax(width: Int) {
    let x = random(3 * width, "x", deviation: 6)
    var y = x
    recap_softmax(&y, x, 3, width)
    expectClose(
      y, (0..<3).flatMap { Plain.softmax(x[$0 * width..<($0 + 1) * width].map(Double.init)) })
  }

  @Test func `softmax of large logits`() {
    var y: [Float] = [0, 0, 0]
    recap_softmax(&y, [1e4, 1e4, -1e4], 1, 3)
    #expect(y == [0.5, 0.5, 0])
    recap_softmax(&y, [.nan, 0, 1], 1, 3)
    #expect(y.contains { $0.isNaN })
  }

  @Test(arguments: lengths)
  func norms(width: Int) {
    let (x, weight, shift) = (
      random(4 * width, "x"), random(2 * width, "w"), random(2 * width, "s")
    )
    var y = x
    var inverse = [Float](repeating: 0, count: 4)
    recap_rms_norm(&y, &inverse, x, weight, 4, width, 1e-6)
    let roots = (0..<4).map { row in
      Plain.inverseRoot(x[row * width..<(row + 1) * width].map(Double.init), epsilon: 1e-6)
    }
    expectClose(
      y, x.indices.map { Double(x[$0]) * roots[$0 / width] * Double(weight[$0 % width]) })
    recap_adaptive_norm(&y, &inverse, x, weight, shift, 2, 2, width, 1e-6)
    expectClose(
      y,
      x.indices.map {
        let s = $0 / (2 * width) * width + $0 % width
        return Double(x[$0]) * roots[$0 / width] * (1 + Double(weight[s])) + Double(shift[s])
      })
  }

  @Test(arguments: [(10, 20, 4, 2, 16), (1, 3, 2, 1, 8), (9, 33, 2, 2, 24), (23, 40, 1, 1, 64)])
  func attention(queries: Int, keys: Int, heads: Int, keyValueHeads: Int, width: Int) {
    let samples = 2
    let q = random(samples * queries * heads * width, "q", deviation: 2)
    let k = random(samples * keys * keyValueHeads * width, "k", deviation: 2)
    let v = random(samples * keys * keyValueHeads * width, "v")
    func sees(_ sample: Int, _ i: Int, _ j: Int) -> Bool { j <= i || (j + sample) % 3 == 0 }
    let visible = (0..<samples * queries * keys).map {
      sees($0 / (queries * keys), $0 / keys % queries, $0 % keys)
    }
    let tape = Tape(ParameterStore(seed: 0))
    for masked in [false, true] {
      tape.reset(recording: false)
      let y = tape.attention(
        query: tape.constant([samples, queries, heads * width], q),
        key: tape.constant([samples, keys, keyValueHeads * width], k),
        value: tape.constant([samples, keys, keyValueHeads * width], v), heads: heads,
        keyValueHeads: keyValueHeads,
        mask: masked
          ? AttentionMask(queries: queries, keys: keys, samples: samples, visible: visible) : nil)
      var expected = [Double](repeating: 0, count: q.count)
      for sample in 0..<samples {
        for head in 0..<heads {
          func rows(_ x: [Float], _ count: Int, _ heads: Int, _ head: Int) -> [[Double]] {
            (0..<count).map { row in
              let start = ((sample * count + row) * heads + head) * width
              return x[start..<start + width].map(Double.init)
            }
          }
          let group = head / (heads / keyValueHeads)
          let out = Plain.attention(
            rows(q, queries, heads, head), rows(k, keys, keyValueHeads, group),
            rows(v, keys, keyValueHeads, group), sees: { !masked || sees(sample, $0, $1) })
          for (row, values) in out.enumerated() {
            let start = ((sample * queries + row) * heads + head) * width
            expected.replaceSubrange(start..<start + width, with: values)
          }
        }
      }
      expectClose(tape.value(y), expected, tolerance: 1e-5)
    }
  }

  @Test func rotary() {
    let (rows, heads, width) = (3, 2, 6)
    let positions: [Int32] = [0, 3, 1000]
    let x = random(2 * rows * heads * width, "x")
    let tape = Tape(ParameterStore(seed: 0))
    tape.reset(recording: false)
    let y = tape.rotary(
      tape.constant([2, rows, heads * width], x), heads: heads, positions: positions)
    expectClose(
      tape.value(y),
      x.indices.map { index in
        let (lane, row) = (index % width, index / (heads * width) % rows)
        let pair = lane % (width / 2)
        let angle = Double(positions[row]) * pow(10_000, -2 * Double(pair) / Double(width))
        let other = Double(x[lane < width / 2 ? index + width / 2 : index - width / 2])
        return Double(x[index]) * cos(angle) + (lane < width / 2 ? -1 : 1) * other * sin(angle)
      })
  }

  @Test(arguments: lengths)
  func adamW(count: Int) {
    var values = random(count, "values")
    let start = values.map(Double.init)
    var (means, squares) = (
      [Float](repeating: 0, count: count), [Float](repeating: 0, count: count)
    )
    var (m, v, expected) = (
      [Double](repeating: 0, count: count), [Double](repeating: 0, count: count), start
    )
    for step in 1...3 {
      let gradients = random(count, "g\(step)")
      var settings = RecapAdamW(
        learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1,
        correction1: Float(1 / (1 - pow(0.9, Double(step)))),
        correction2: Float(1 / (1 - pow(0.95, Double(step)))), gradientScale: 0.5)
      recap_adamw(&settings, &values, gradients, &means, &squares, count)
      for index in 0..<count {
        let g = 0.5 * Double(gradients[index])
        m[index] = 0.9 * m[index] + 0.1 * g
        v[index] = 0.95 * v[index] + 0.05 * g * g
        let mean = m[index] / (1 - pow(0.9, Double(step)))
        let square = v[index] / (1 - pow(0.95, Double(step)))
        expected[index] =
          expected[index] * (1 - 0.01 * 0.1) - 0.01 * mean / (square.squareRoot() + 1e-8)
      }
    }
    expectClose(values, expected)
  }

  @Test(arguments: [1, 100, 4097, 20_000])
  func sums(count: Int) {
    let x = random(count, "x").map { $0 + 3 }
    let sum = x.map(Double.init).reduce(0, +)
    let squares = x.map { Double($0) * Double($0) }.reduce(0, +)
    #expect(abs(recap_sum(x, count) - sum) < 1e-6 * sum)
    #expect(abs(recap_sum_of_squares(x, count) - squares) < 1e-6 * squares)
  }

  /// OpenBLAS falls back to its oldest kernels on processors that it does not know: three times
  /// slower, and nothing else would tell.
  @Test func `matrix products use the processor's vectors`() {
    let wanted = recap_openblas_core_type().map(String.init(cString:))
    let asked = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"]
    #expect(wanted == nil || asked != nil || MatrixProduct.kernels == wanted)
    #expect(MatrixProduct.kernels != "unknown")
  }

  @Test func `matrix products in all arrangements`() {
    let (m, n, k) = (3, 5, 4)
    let (a, b) = (random(m * k, "a"), random(k * n, "b"))
    let expected = (0..<m * n).map { index in
      (0..<k).map { Double(a[index / n * k + $0]) * Double(b[$0 * n + index % n]) }.reduce(1, +)
    }
    let at = (0..<k * m).map { a[$0 % m * k + $0 / m] }
    let bt = (0..<n * k).map { b[$0 % k * n + $0 / k] }
    for (a, transposeA) in [(a, false), (at, true)] {
      for (b, transposeB) in [(b, false), (bt, true)] {
        var c = [Float](repeating: 1, count: m * n)
        MatrixProduct.multiply(
          a, b, into: &c, m: m, n: n, k: k, transposeA: transposeA, transposeB: transposeB,
          accumulate: true)
        expectClose(c, expected)
      }
    }
  }
}
