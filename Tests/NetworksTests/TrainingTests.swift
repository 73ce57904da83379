import Tensors
import Testing

@testable import Networks

/// A small regression: y = sin-like target of two inputs, by an MLP with a gated hidden layer.
struct Regression {
  let store: ParameterStore
  let tape: Tape
  let optimizer: AdamW
  private let first: Linear
  private let norm: RMSNorm
  private let hidden: GatedMLP
  private let last: Linear
  private var random: RandomSource

  init(seed: UInt64) {
    store = ParameterStore(seed: seed)
    tape = Tape(store)
    first = Linear(store, "first", inputs: 2, outputs: 16)
    norm = RMSNorm(store, "norm", width: 16)
    hidden = GatedMLP(store, "hidden", width: 16, feedForward: 32)
    last = Linear(store, "last", inputs: 16, outputs: 1)
    optimizer = AdamW(store)
    random = RandomSource(seed: seed, stream: "data")
  }

  /// One step on a fresh batch; returns the loss before it.
  mutating func step(learningRate: Float = 0.01) -> Float {
    let x = random.normals(64)
    let y = (0..<32).map { x[2 * $0] * x[2 * $0 + 1] }
    tape.reset(recording: true)
    let start = first(tape, tape.constant([32, 2], x))
    let state = tape.add(start, hidden(tape, norm(tape, start)))
    let loss = tape.meanSquaredError(last(tape, state), target: tape.constant([32, 1], y))
    store.zeroGradients()
    tape.backward(from: loss)
    optimizer.step(learningRate: learningRate, weightDecay: 0.01, clip: 1)
    return tape.scalar(loss)
  }

  var parameters: [Float] {
    store.names.flatMap { store.values(of: store.parameter(named: $0)!) }
  }
}

@Suite struct Training {
  @Test func `learns the product of two numbers`() {
    var regression = Regression(seed: 1)
    let before = (0..<10).map { _ in regression.step() }.reduce(0, +) / 10
    for _ in 0..<400 { _ = regression.step() }
    let after = (0..<10).map { _ in regression.step() }.reduce(0, +) / 10
    #expect(before > 0.5)
    #expect(after < 0.05)
  }

  @Test func `repeats bit for bit`() {
    var (a, b, c) = (Regression(seed: 1), Regression(seed: 1), Regression(seed: 2))
    for _ in 0..<20 {
      #expect(a.step() == b.step())
      _ = c.step()
    }
    #expect(a.parameters == b.parameters)
    #expect(a.parameters != c.parameters)
  }

  @Test func `continues exactly from a file`() throws {
    var whole = Regression(seed: 3)
    for _ in 0..<10 { _ = whole.step() }
    var file = SafetensorsFile()
    whole.store.store(into: &file)
    whole.optimizer.store(into: &file)

    // The same data stream, other parameters: all of them come from the file.
    var resumed = Regression(seed: 3)
    for _ in 0..<10 { _ = resumed.step(learningRate: 0.5) }
    let read = try SafetensorsFile(parsing: file.serialized())
    try resumed.store.load(read)
    try resumed.optimizer.load(read)
    #expect(resumed.optimizer.steps == 10)
    for _ in 0..<10 { #expect(whole.step() == resumed.step()) }
    #expect(whole.parameters == resumed.parameters)
  }

  @Test func `takes no new memory after warm-up`() {
    var regression = Regression(seed: 1)
    _ = regression.step()
    let warm = regression.tape.pooledBytes
    for _ in 0..<5 { _ = regression.step() }
    #expect(regression.tape.pooledBytes == warm)
  }
}
