import Testing

@testable import Tensors

@Suite struct FinalGradientTests {
  /// A table that is read at the beginning and the end, two layers and one that nothing uses.
  @Test func aGradientIsFinalWhenTheBackwardPassSaysSo() {
    let store = ParameterStore(seed: 1)
    let table = store.add("table", [3, 4], .normal(1))
    let unused = store.add("unused", [4], .normal(1))
    let first = store.add("first", [4, 4], .normal(1))
    let norm = store.add("norm", [4], .ones)
    let second = store.add("second", [4, 4], .normal(1))
    let bias = store.add("bias", [4], .normal(1))
    let all = [table, unused, first, norm, second, bias]
    let tape = Tape(store)
    tape.reset(recording: true)
    let start = tape.embedding(table: table, ids: [0, 1, 2, 1], shape: [4])
    let hidden = tape.rmsNorm(tape.linear(start, weight: first), weight: norm)
    let last = tape.linear(tape.silu(hidden), weight: second, bias: bias)
    let end = tape.embedding(table: table, ids: [2, 2, 0, 1], shape: [4])
    let loss = tape.sum(tape.multiply(last, tape.linear(end, weight: second, bias: bias)))
    store.zeroGradients()
    var heard: [Int] = []
    var then: [Int: [Float]] = [:]
    tape.backward(from: loss) { parameter in
      heard.append(parameter)
      then[parameter] = store.gradient(of: all[parameter])
    }
    // Nothing uses 1; two operations use 4 and 5 both; 0 is used at the end too, but also first of all.
    #expect(heard.first == 1)
    #expect(Set(heard[1...2]) == [4, 5])
    #expect(heard[3...] == [3, 2, 0])
    for (number, parameter) in all.enumerated() {
      #expect(then[number] == store.gradient(of: parameter))
      #expect(store.gradient(of: parameter).contains { $0 != 0 } == (number != 1))
    }
  }
}
