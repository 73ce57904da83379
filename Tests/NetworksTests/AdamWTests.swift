import Tensors
import Testing

@testable import Networks

@Suite struct `An AdamW step` {
  /// Gradients that are chosen: the loss is Σ c ∘ p.
  func setGradient(_ tape: Tape, _ parameter: Parameter, _ values: [Float]) {
    tape.parameters.zeroGradients()
    tape.reset(recording: true)
    let product = tape.multiply(
      tape.parameter(parameter), tape.constant([values.count], values))
    tape.backward(from: tape.sum(product))
  }

  @Test func `moves by the learning rate at first, whatever the gradient's size`() {
    let store = ParameterStore(seed: 0)
    let p = store.add("p", [3], .ones)
    let tape = Tape(store)
    let optimizer = AdamW(store)
    setGradient(tape, p, [100, -0.01, 0])
    let norm = optimizer.step(learningRate: 0.1)
    #expect(abs(norm - 100) < 1e-4)
    let values = store.values(of: p)
    #expect(abs(values[0] - 0.9) < 1e-6 && abs(values[1] - 1.1) < 1e-6 && values[2] == 1)
  }

  @Test func `decays only what decays`() {
    let store = ParameterStore(seed: 0)
    let weight = store.add("weight", [2], .ones)
    let bias = store.add("bias", [2], .ones, decays: false)
    let other = store.add("other", [2], .ones)
    AdamW(store).step(learningRate: 0.1, weightDecay: 0.5)
    #expect(store.values(of: weight) == [0.95, 0.95])
    #expect(store.values(of: bias) == [1, 1])
    #expect(store.values(of: other) == [0.95, 0.95])
  }

  /// Adam is blind to a constant factor, so clipping shows only in how a long gradient weighs
  /// against later ones.
  @Test func `clips by the global norm`() {
    func moved(clip: Float?, gradients: [[Float]]) -> [Float] {
      let store = ParameterStore(seed: 0)
      let p = store.add("p", [2], .zeros)
      let tape = Tape(store)
      let optimizer = AdamW(store)
      for gradient in gradients {
        setGradient(tape, p, gradient)
        optimizer.step(learningRate: 0.1, clip: clip)
      }
      return store.values(of: p)
    }
    let clipped = moved(clip: 1, gradients: [[30, 40], [0.3, -0.4]])
    func distance(_ other: [Float]) -> Float {
      zip(clipped, other).map { abs($0 - $1) }.max()!
    }
    #expect(distance(moved(clip: nil, gradients: [[0.6, 0.8], [0.3, -0.4]])) < 1e-6)
    #expect(distance(moved(clip: nil, gradients: [[30, 40], [0.3, -0.4]])) > 1e-3)
  }

  @Test func `takes no step along a gradient that is not finite`() {
    let store = ParameterStore(seed: 0)
    let p = store.add("p", [2], .ones)
    let tape = Tape(store)
    let optimizer = AdamW(store)
    setGradient(tape, p, [.nan, 1])
    #expect(optimizer.step(learningRate: 0.1, weightDecay: 1).isNaN)
    #expect(store.values(of: p) == [1, 1])
    #expect(optimizer.steps == 0)
  }

  @Test func `names what a file lacks`() {
    let store = ParameterStore(seed: 0)
    _ = store.add("p", [2], .ones)
    var file = SafetensorsFile()
    file.add("optimizer.steps", shape: [1], int32s: [3])
    #expect(
      throws: SafetensorsError.missingTensor(
        name: "optimizer.mean.p", available: ["optimizer.steps"])
    ) { try AdamW(store).load(file) }
  }
}
