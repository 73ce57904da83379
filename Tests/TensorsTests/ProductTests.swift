import CKernels
import Testing

@testable import Tensors

@Suite struct `Products with packed weights` {
  /// Sizes around the edges of register tiles, panels and blocks.
  @Test(arguments: [(1, 1, 2), (5, 15, 3), (7, 17, 31), (13, 40, 257), (241, 33, 20), (8, 16, 700)])
  func `agree with plain sums`(rows: Int, outputs: Int, inputs: Int) {
    let store = ParameterStore(seed: 1)
    let weight = store.add("w", [inputs, outputs], .normal(1))
    let bias = store.add("b", [outputs], .normal(1))
    var random = RandomSource(seed: 2)
    let x = random.normals(rows * inputs)
    let w = store.values(of: weight)
    let b = store.values(of: bias)
    let tape = Tape(store)
    tape.reset(recording: true)
    let input = store.shape(of: weight)[0]
    let y = tape.value(tape.linear(tape.constant([rows, input], x), weight: weight, bias: bias))
    for (row, column) in [(0, 0), (rows - 1, outputs - 1), (rows / 2, outputs / 2)] {
      let sum = (0..<inputs).reduce(Double(b[column])) {
        $0 + Double(x[row * inputs + $1]) * Double(w[$1 * outputs + column])
      }
      #expect(abs(Double(y[row * outputs + column]) - sum) < 1e-3)
    }
  }

  @Test func `see new values`() {
    let store = ParameterStore(seed: 1)
    let weight = store.add("w", [2, 3], .ones)
    let tape = Tape(store)
    func output() -> [Float] {
      tape.reset(recording: false)
      return tape.value(tape.linear(tape.constant([1, 2], [1, 2]), weight: weight))
    }
    #expect(output() == [3, 3, 3])
    store.setValues(of: weight, to: [1, 2, 3, 4, 5, 6])
    #expect(output() == [9, 12, 15])
    let average = ParameterVector(zerosFor: store)
    average.swapWithValues()
    #expect(output() == [0, 0, 0])
  }

  /// Columns that begin at a panel's edge are cut out of the packed matrix, others are not packed.
  @Test(arguments: [0..<32, 32..<50, 32..<64, 7..<20])
  func `take some columns`(columns: Range<Int>) {
    let check = GradientCheck()
    let x = check.input("x", [3, 4])
    let w = check.input("w", [4, 64])
    check.run { $0.linear($0.parameter(x), weight: w, columns: columns) }
  }
}
