import Collectives
import Executors
import Tensors
import Testing

@testable import Networks

@Suite struct `Ranks of a group` {
  /// Two layers, the second of which is used twice, and a third that only one sample uses.
  private struct Model: Sendable {
    static let samples = 13
    let layers: [Linear]

    init(_ store: ParameterStore) {
      layers = (0..<3).map { Linear(store, "layer \($0)", inputs: 7, outputs: 7) }
    }

    func loss(_ tape: Tape, _ samples: Range<Int>) -> Variable {
      let inputs = samples.flatMap { sample in
        var random = RandomSource(seed: UInt64(sample))
        return random.normals(7)
      }
      var x = layers[0](tape, tape.constant([samples.count, 7], inputs))
      x = layers[1](tape, tape.silu(layers[1](tape, x)))
      if samples.contains(5) {
        let mask = samples.flatMap { [Float](repeating: $0 == 5 ? 1 : 0, count: 7) }
        x = tape.add(
          x, tape.multiply(layers[2](tape, x), tape.constant([samples.count, 7], mask)))
      }
      return tape.meanSquaredError(
        x,
        target: tape.constant([samples.count, 7], Array(repeating: 1, count: 7 * samples.count)),
        total: Float(Self.samples * 7))
    }
  }

  private static func gradients(
    _ communicator: (any Communicator)?, threads: Int, bucketSize: Int, overlaps: Bool = true
  ) -> [Float] {
    let store = ParameterStore(seed: 1)
    let model = Model(store)
    let workers = DataParallel(
      store, threads: threads, communicator: communicator, overlapsSums: overlaps)
    workers.bucketSize = bucketSize
    for _ in 0..<3 {
      _ = workers.gradients(samples: Model.samples, sliceSize: 2) { tape, samples in
        (model.loss(tape, samples), 0)
      }
    }
    return store.names.flatMap { store.gradient(of: store.parameter(named: $0)!) }
  }

  /// Buckets of one parameter each, of some, and of all.
  @Test(arguments: [1, 2, 3, 5, 13], [1, 70, 1000])
  func `hold the gradients of the whole batch`(ranks: Int, bucketSize: Int) throws {
    let alone = Self.gradients(nil, threads: 1, bucketSize: bucketSize)
    #expect(alone.contains { abs($0) > 0.01 })
    for (threads, overlaps) in [(1, true), (2, true), (1, false)] {
      let all = try InProcessCommunicator.run(ranks: ranks) {
        Self.gradients($0, threads: threads, bucketSize: bucketSize, overlaps: overlaps)
      }
      for own in all {
        #expect(own == all[0])
        #expect(zip(own, alone).allSatisfy { abs($0 - $1) < 1e-6 })
      }
      if ranks * threads <= 2 { #expect(all[0] == alone) }
    }
  }

  /// Records when sums begin.
  private final class Recorder: Communicator {
    let rank = 0
    let count = 2
    let begun = Monitored<[Int]>([])

    func beginSum(_ numbers: UnsafeMutableBufferPointer<Float>) {
      begun.change { $0.append(numbers.count) }
    }
    func waitForSums() {}
    func sum(_ numbers: [Double]) -> [Double] { numbers }
    func broadcast(_ bytes: [UInt8]) -> [UInt8] { bytes }
    func finish() {}
  }

  /// The layer that is used last is summed while the others' backward passes are still to come.
  @Test func `sum up gradients while the backward pass goes on`() {
    let store = ParameterStore(seed: 1)
    let layers = (0..<4).map { Linear(store, "layer \($0)", inputs: 16, outputs: 16, bias: false) }
    let recorder = Recorder()
    let reduction = GradientReduction(store, lanes: [], communicator: recorder, bucketSize: 256)
    let tape = Tape(store)
    tape.reset(recording: true)
    var x = tape.constant([1, 16], Array(repeating: 1, count: 16))
    for layer in layers { x = layer(tape, x) }
    let loss = tape.sum(x)
    var begun: [Int] = []
    tape.backward(from: loss) { parameter in
      reduction.finish(parameter)
      begun.append(recorder.begun.look { $0.count })
    }
    reduction.wait()
    #expect(begun == [1, 2, 3, 4])
  }
}
