import Testing

@testable import Tensors

@Suite struct `A parameter store` {
  @Test func `draws a parameter's values from its name alone`() {
    let a = ParameterStore(seed: 4)
    let first = a.add("w", [3, 3], .fanIn)
    let b = ParameterStore(seed: 4)
    _ = b.add("other", [100, 20], .normal(1))
    let second = b.add("w", [3, 3], .fanIn)
    #expect(a.values(of: first) == b.values(of: second))
    let c = ParameterStore(seed: 5)
    #expect(c.values(of: c.add("w", [3, 3], .fanIn)) != a.values(of: first))
  }

  @Test func `starts values as asked`() {
    let store = ParameterStore(seed: 0)
    #expect(store.values(of: store.add("z", [2], .zeros)) == [0, 0])
    #expect(store.values(of: store.add("o", [2], .ones)) == [1, 1])
    #expect(store.values(of: store.add("c", [2], .constant(-3))) == [-3, -3])
    let fan = store.values(of: store.add("f", [300, 40], .fanIn))
    #expect(fan.allSatisfy { abs($0) <= 0.1 } && fan.contains { abs($0) > 0.099 })
    let normal = store.values(of: store.add("n", [100, 100], .normal(2)))
    let variance = normal.map { $0 * $0 }.reduce(0, +) / 10_000
    #expect(abs(variance - 4) < 0.25)
  }

  @Test func `keeps values while it grows`() {
    let store = ParameterStore(seed: 0)
    let first = store.add("first", [7], .constant(3))
    for index in 0..<30 { _ = store.add("p\(index)", [100, 10], .normal(1)) }
    #expect(store.values(of: first) == Array(repeating: 3, count: 7))
    #expect(store.count == 30_007)
    #expect(store.names.prefix(2) == ["first", "p0"])
    #expect(store.shape(of: "p3") == [100, 10])
  }

  @Test func `loads what it stored`() throws {
    let store = ParameterStore(seed: 1)
    _ = store.add("a", [2, 3], .normal(1))
    _ = store.add("b", [5], .normal(1))
    var file = SafetensorsFile()
    store.store(into: &file)
    let other = ParameterStore(seed: 2)
    let (b, a) = (other.add("b", [5], .zeros), other.add("a", [2, 3], .zeros))
    try other.load(try SafetensorsFile(parsing: file.serialized()))
    #expect(other.values(of: a) == store.values(of: store.parameter(named: "a")!))
    #expect(other.values(of: b) == store.values(of: store.parameter(named: "b")!))
  }

  @Test func `loads all or nothing`() throws {
    let store = ParameterStore(seed: 1)
    let a = store.add("a", [2], .ones)
    _ = store.add("b", [3], .ones)
    var file = SafetensorsFile()
    file.add("a", shape: [2], floats: [5, 5])
    #expect(throws: SafetensorsError.missingTensor(name: "b", available: ["a"])) {
      try store.load(file)
    }
    file.add("b", shape: [1, 3], floats: [5, 5, 5])
    #expect(
      throws: SafetensorsError.wrongShape(name: "b", expected: [3], actual: [1, 3])
    ) { try store.load(file) }
    #expect(store.values(of: a) == [1, 1])
  }
}
