import RecapAlgorithm
import Testing

@testable import Configuration

@Suite struct ShapeTests {
  /// A number that other modules add to their settings must be given a range here.
  @Test func everyNumberHasARange() {
    #expect(unbounded(RunConfiguration.shape, at: "") == [])
  }

  private func unbounded(_ shape: Shape, at path: String) -> [String] {
    switch shape {
    case .integer(let range), .number(let range), .integerOr(_, let range):
      range.lower == nil && range.upper == nil ? [path] : []
    case .list(let item, _): unbounded(item, at: path)
    case .mapping(let fields):
      fields.flatMap { unbounded($1.shape, at: "\(path).\($0)") }
    case .boolean, .text, .choice, .cameraSize, .settings, .labels: []
    }
  }

  @Test func theDefaultsAreValid() throws {
    // Each section, as it is stored, passes the checks made on a file.
    let json = try configuration().resolvedJSON
    #expect(throws: Never.self) { try configuration(json) }
  }

  @Test func reflectionKnowsTypesAndOptionals() throws {
    struct Inner { var ratio: Float = 0.5 }
    struct Outer {
      var count = 1
      var name: String? = nil
      var on = true
      var inner = Inner()
    }
    let shape = Shape.reflecting(Outer(), ranges: ["count": .atLeast(1), "ratio": .between(0, 1)])
    var checker = ShapeChecker()
    checker.check(
      try SettingNode(yaml: "{count: 2, name: null, on: false, inner: {ratio: 0.1}}"),
      against: shape, at: "x")
    #expect(checker.problems.isEmpty)
    checker.check(
      try SettingNode(yaml: "{count: null, name: 3, on: 1, inner: {ratio: 1}}"), against: shape,
      at: "x")
    #expect(Set(checker.problems.map(\.keyPath)) == ["x.count", "x.name", "x.on", "x.inner.ratio"])
  }

  @Test func rangesIncludeOrExcludeTheirEnds() {
    #expect(Shape.Range.atLeast(1).contains(1))
    #expect(!Shape.Range.above(1).contains(1))
    #expect(Shape.Range.from(0, to: 1).contains(1))
    #expect(!Shape.Range.from(0, below: 1).contains(1))
    #expect(!Shape.Range.between(0, 1).contains(0))
    #expect(!Shape.Range.atLeast(0).contains(.infinity))
    #expect(!Shape.Range.atLeast(0).contains(.nan))
  }

  @Test(arguments: [
    ("", "", 0), ("kitten", "sitting", 3), ("abc", "", 3), ("flaw", "lawn", 2), ("same", "same", 0),
  ])
  func editDistance(a: String, b: String, expected: Int) {
    #expect(NearestName.distance(a, b) == expected)
    #expect(NearestName.distance(b, a) == expected)
  }

  @Test func onlyCloseNamesAreSuggested() {
    #expect(NearestName.to("lerningRate", among: ["learningRate", "steps"]) == "learningRate")
    #expect(NearestName.to("LEARNINGRATE", among: ["learningRate", "steps"]) == "learningRate")
    #expect(NearestName.to("zzz", among: ["learningRate", "steps"]) == nil)
  }
}
