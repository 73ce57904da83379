import Tensors
import Testing

@testable import Networks

@Suite struct `Slices of a batch` {
  /// A regression with weights, some zero, whose loss is a weighted mean over the batch.
  private struct Model: Sendable {
    static let samples = 11
    let layer: Linear
    let last: Linear
    let inputs: [Float]
    let targets: [Int32]
    let weights: [Float]

    init(_ store: ParameterStore) {
      layer = Linear(store, "layer", inputs: 5, outputs: 33)
      last = Linear(store, "last", inputs: 33, outputs: 4)
      var random = RandomSource(seed: 4)
      inputs = random.normals(Self.samples * 5)
      targets = (0..<Self.samples).map { Int32($0 % 5) - 1 }
      weights = (0..<Self.samples).map { Float($0 % 3) }
    }

    /// Σ of the weights that count.
    var total: Float { zip(targets, weights).reduce(0) { $0 + ($1.0 >= 0 ? $1.1 : 0) } }

    func loss(_ tape: Tape, _ samples: Range<Int>, total: Float?) -> Variable {
      let x = tape.constant(
        [samples.count, 5], Array(inputs[samples.lowerBound * 5..<samples.upperBound * 5]))
      let hidden = tape.silu(layer(tape, x))
      let classes = tape.softmaxCrossEntropy(
        logits: last(tape, hidden), targets: Array(targets[samples]),
        weights: Array(weights[samples]), total: total)
      let size = tape.meanSquaredError(
        hidden,
        target: tape.constant([samples.count, 33], Array(repeating: 1, count: samples.count * 33)),
        total: total.map { _ in Float(Self.samples * 33) })
      return tape.weightedSum([(classes, 1), (size, 0.5)])
    }
  }

  private func gradients(_ store: ParameterStore) -> [Float] {
    store.names.flatMap { store.gradient(of: store.parameter(named: $0)!) }
  }

  @Test(arguments: [(1, 11), (1, 4), (2, 3), (3, 1), (4, 100)])
  func `add up to the whole`(threads: Int, sliceSize: Int) {
    let store = ParameterStore(seed: 2)
    let model = Model(store)
    let tape = Tape(store)
    tape.reset(recording: true)
    let whole = model.loss(tape, 0..<Model.samples, total: nil)
    store.zeroGradients()
    tape.backward(from: whole)
    let (expected, loss) = (gradients(store), tape.scalar(whole))

    let workers = DataParallel(store, threads: threads)
    func sliced() -> ([Float], [Float]) {
      let losses = workers.gradients(samples: Model.samples, sliceSize: sliceSize) {
        tape, samples in
        let loss = model.loss(tape, samples, total: model.total)
        return (loss, tape.scalar(loss))
      }
      return (losses, gradients(store))
    }
    let (losses, first) = sliced()
    #expect(abs(losses.reduce(0, +) - loss) < 1e-5)
    #expect(zip(first, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(sliced().1 == first, "the same bit for bit")
  }

  /// Whoever has fewer processor cores gets the same model.
  @Test func `give the same on one thread and on two`() {
    let results = [1, 2].map { threads in
      let store = ParameterStore(seed: 2)
      let model = Model(store)
      let workers = DataParallel(store, threads: threads)
      let optimizer = AdamW(store)
      for _ in 0..<5 {
        _ = workers.gradients(samples: Model.samples, sliceSize: 2) { tape, samples in
          (model.loss(tape, samples, total: model.total), 0)
        }
        optimizer.step(learningRate: 0.01, clip: 0.5, workers: workers)
      }
      return store.names.flatMap { store.values(of: store.parameter(named: $0)!) }
    }
    #expect(results[0] == results[1])
  }

  @Test func `are equal and enough for all threads`() {
    let workers = DataParallel(ParameterStore(seed: 0), threads: 2)
    #expect(workers.slices(of: 8, size: 3) == [0..<2, 2..<4, 4..<6, 6..<8])
    #expect(workers.slices(of: 1, size: 3) == [0..<1])
    #expect(workers.slices(of: 5, size: 8) == [0..<2, 2..<5])
  }

  @Test func `answer in order`() {
    let workers = DataParallel(ParameterStore(seed: 0), threads: 3)
    for _ in 0..<200 {
      #expect(workers.run(samples: 7, sliceSize: 1) { $1.lowerBound } == Array(0..<7))
    }
  }

  @Test func `take the steps that one thread takes`() {
    func trained(_ threads: Int?) -> [Float] {
      let store = ParameterStore(seed: 2)
      let model = Model(store)
      let workers = threads.map { DataParallel(store, threads: $0) }
      let optimizer = AdamW(store)
      let tape = Tape(store)
      for _ in 0..<5 {
        tape.reset(recording: true)
        store.zeroGradients()
        tape.backward(from: model.loss(tape, 0..<Model.samples, total: nil))
        optimizer.step(learningRate: 0.01, weightDecay: 0.1, clip: 0.5, workers: workers)
      }
      return store.names.flatMap { store.values(of: store.parameter(named: $0)!) }
    }
    let expected = trained(nil)
    #expect(zip(trained(3), expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  /// Threads that slept wake up, and a team that goes away takes its threads with it.
  @Test func `wake sleeping threads and leave none behind`() {
    for _ in 0..<20 {
      let team = ThreadTeam(count: 3)
      let ranks = DataParallel(ParameterStore(seed: 0), threads: 2)
      #expect(ranks.run(samples: 2, sliceSize: 1) { $1.count } == [1, 1])
      team.run { _ in }
    }
  }
}
