import Tensors
import Testing

@testable import Networks

@Suite struct `A learning-rate schedule` {
  @Test func `warms up, peaks and falls by a cosine`() {
    let schedule = LearningRateSchedule(peak: 2, finalShare: 0.1, warmup: 4, total: 104)
    #expect((0..<4).map(schedule.rate(at:)) == [0.5, 1, 1.5, 2])
    #expect(schedule.rate(at: 4) == 2)
    #expect(abs(schedule.rate(at: 54) - 1.1) < 1e-6)
    #expect(abs(schedule.rate(at: 104) - 0.2) < 1e-6)
    #expect(schedule.rate(at: 5000) == schedule.rate(at: 104))
    let falling = (4...104).map(schedule.rate(at:))
    #expect(zip(falling, falling.dropFirst()).allSatisfy(>))
  }

  @Test func `without warm-up starts at the peak`() {
    #expect(LearningRateSchedule(peak: 3, finalShare: 0, warmup: 0, total: 10).rate(at: 0) == 3)
  }
}

@Suite struct `A weight average` {
  @Test func `follows the parameters and swaps in and out`() {
    let store = ParameterStore(seed: 0)
    let p = store.add("p", [2], .zeros)
    let average = WeightAverage(store, decay: 0.5)
    store.setValues(of: p, to: [10, 20])
    // n = 0: d = 1/10.
    average.update()
    average.swap()
    #expect(store.values(of: p) == [9, 18])
    average.swap()
    #expect(store.values(of: p) == [10, 20])
    for _ in 0..<40 { average.update() }
    average.swap()
    #expect(zip(store.values(of: p), [10, 20]).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test func `continues from a file`() throws {
    let store = ParameterStore(seed: 0)
    let p = store.add("p", [2], .normal(1))
    let average = WeightAverage(store, decay: 0.9)
    store.setValues(of: p, to: [1, 2])
    average.update()
    var file = SafetensorsFile()
    average.store(into: &file)
    let other = WeightAverage(store, decay: 0.9)
    try other.load(file)
    store.setValues(of: p, to: [-3, 5])
    average.update()
    other.update()
    average.swap()
    let expected = store.values(of: p)
    average.swap()
    other.swap()
    #expect(store.values(of: p) == expected)
    #expect(other.updates == 2)
  }
}
