import Episodes
import Foundation
import Plots
import RecapAlgorithm
import Testing

@testable import Monitoring

@Suite struct ValueFigureTests {
  /// Ten steps, with 2×2 frames of one camera where asked for.
  private static func episode(
    _ source: EpisodeSource = .corrected, images: Bool = false
  ) throws -> Episode {
    let camera = Camera(name: "base", width: 2, height: 2)
    var episode = Episode(
      metadata: EpisodeMetadata(
        id: "espresso/1/corrected/0#3", job: "espresso/1/corrected/0", index: 3,
        task: TaskDescription(name: "espresso", instruction: "make one", maximumSteps: 20),
        embodiment: Embodiment(
          name: "test", proprioceptionWidth: 1, environmentStateWidth: 0, cameras: [camera],
          actionWidth: 1, controlRate: 10),
        robot: "left", iteration: 1, source: source, seed: 1, outcome: .failure,
        reason: "coffee spilled", decidedAtStep: 6, recordsImages: images,
        recordsEnvironmentState: false))
    for step in 0..<10 {
      try episode.append(
        Observation(
          proprioception: [0], images: images ? [[UInt8](repeating: UInt8(step), count: 12)] : []),
        action: [0][...], intervention: (2..<4).contains(step))
    }
    return episode
  }

  private static let values: [Float] = [
    -0.5, -0.5, -0.5, -0.5, -0.5, -0.5, -0.75, -1, -1, -1,
  ]

  @Test func everythingIsMarked() throws {
    let labels = EpisodeLabels(
      values: Self.values, advantages: Self.values,
      positives: [true, true, false, true, false, false, false, false, false, false])
    let figure = ValueFigure(
      episode: try Self.episode(), values: Self.values, labels: labels,
      origin: "label set espresso/1/labels", window: 2)
    #expect(figure.drops.map(\.start) == [5])
    let chart = try figure.chart()
    #expect(chart.title == "espresso: failure (coffee spilled)")
    let subtitle = try #require(chart.subtitle)
    #expect(subtitle.contains("espresso/1/corrected/0#3"))
    #expect(subtitle.contains("V from label set espresso/1/labels."))
    #expect(subtitle.contains("without camera images"))
    #expect(throws: NoSuchCamera(name: "top", known: [])) { try figure.chart(camera: "top") }
    #expect(chart.pictures.isEmpty)
    var spans: [ClosedRange<Double>] = []
    var strips: [ClosedRange<Double>] = []
    for case .span(let x, _, _) in chart.marks { spans.append(x) }
    for case .strip(_, let stretches) in chart.marks { strips += stretches }
    #expect(spans == [1.5...3.5, 5...7])
    var rules: [Double] = []
    for case .verticalRule(let x, _, _) in chart.marks { rules.append(x) }
    #expect(rules == [6])
    #expect(strips == [-0.5...1.5, 2.5...3.5])
  }

  @Test func framesStandAtRegularMoments() throws {
    let figure = ValueFigure(
      episode: try Self.episode(images: true), values: Self.values, origin: "somewhere")
    let chart = try figure.chart(frames: 5)
    #expect(chart.pictures.map(\.x) == [1, 3, 5, 7, 9])
    #expect(chart.pictures.map(\.caption).first == "step 1")
    #expect(chart.pictures.allSatisfy { $0.png.starts(with: [0x89, 0x50, 0x4E, 0x47]) })
    // No more frames than steps.
    #expect(try figure.chart(frames: 50).pictures.count == 10)
    #expect(try figure.chart(frames: 0).pictures.isEmpty)
    #expect(throws: NoSuchCamera(name: "wrist", known: ["base"])) {
      try figure.chart(camera: "wrist")
    }
    #expect(try #require(chart.subtitle).contains("Not labelled."))
  }

  @Test func aDemonstrationHasNoCorrections() throws {
    let figure = ValueFigure(
      episode: try Self.episode(.demonstration), values: Self.values, origin: "x", drops: 0)
    for mark in try figure.chart().marks {
      if case .span = mark { Issue.record("a stretch is shaded") }
    }
    let object = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(figure)) as? [String: Any])
    #expect((object["values"] as? [Any])?.count == 10)
    #expect((object["corrections"] as? [Bool]) == Array(repeating: false, count: 10))
    #expect(object["steps"] as? Int == 10)
    #expect(object["positives"] == nil)
  }

  @Test func stretchesOfFlags() {
    #expect(ValueFigure.stretches(of: [true, true, false, true]) == [0..<2, 3..<4])
    #expect(ValueFigure.stretches(of: [false]).isEmpty)
  }
}

@Suite struct LabelPreviewFigureTests {
  private static func preview() throws -> LabelPreview {
    // L = 10, five steps, R = −0.4 … 0: A = R − V = 0.1, 0, −0.1, 0.2, −0.2; 2 of 5 positive.
    try LabelPreview(
      of: [
        Labelling.ValuedEpisode(
          digest: ContentDigest(hashing: []), id: "a", task: "fold", maximumSteps: 10,
          source: .corrected, outcome: .success, interventions: [false, false, true, false, false],
          values: [-0.5, -0.3, -0.1, -0.3, 0.2])
      ], task: "fold", positiveShare: 0.4, lookahead: 50, bins: 4)
  }

  @Test func theTerminalShowsThresholdAndShares() throws {
    let text = LabelPreviewFigure(try Self.preview(), origin: "label set fold/1/labels").text()
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "fold: 5 steps, V from label set fold/1/labels")
    #expect(lines[1].contains("lookahead 50 steps, share p = 40.0 %"))
    #expect(lines.contains("corrected       4    50.0 %"))
    #expect(lines.contains("correction      1   100.0 %"))
    #expect(lines.contains("all             5    60.0 %"))
    #expect(lines.filter { $0.hasPrefix("── ε = ") }.count == 1)
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(text)")
  }

  @Test func barsOfEighths() {
    #expect(LabelPreviewFigure.bar(1, room: 3) == "███")
    #expect(LabelPreviewFigure.bar(0.5, room: 1) == "▌")
    #expect(LabelPreviewFigure.bar(0.0001, room: 8) == "▏")
    #expect(LabelPreviewFigure.bar(0, room: 8) == "")
  }

  @Test func theChartDividesAtTheThreshold() throws {
    let chart = LabelPreviewFigure(try Self.preview(), origin: "x").chart
    #expect(chart.title == "fold: 60.0 % of 5 steps positive")
    var counts: [Int] = []
    for case .histogram(_, _, let bins) in chart.marks { counts.append(bins.reduce(0, +)) }
    #expect(counts == [3, 2])
  }
}
