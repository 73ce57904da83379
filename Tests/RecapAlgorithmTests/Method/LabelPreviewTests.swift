import Testing

@testable import RecapAlgorithm

@Suite struct LabelPreviewTests {
  @Test func aSmallDatasetByHand() throws {
    // L = 10, five steps, R = −0.4 … 0: A = R − V = 0.1, 0, −0.1, 0.2, −0.2; 2 of 5 positive, ε = 0.
    let episode = try valued("a", outcome: .success, values: [-0.5, -0.3, -0.1, -0.3, 0.2])
    let preview = try LabelPreview(
      of: [episode], task: "fold", positiveShare: 0.4, lookahead: 50, bins: 4)
    #expect(abs(preview.summary.threshold) < 1e-6)
    #expect(preview.summary.positiveShareBySource == ["autonomous": 0.4])
    #expect(preview.stepsBySource == ["autonomous": 5])
    // Width 0.1: (−0.3, −0.2], (−0.2, −0.1] and so on, up to rounding at the edges.
    #expect(preview.histogram.counts.reduce(0, +) == 5)
    #expect(preview.histogram.counts[preview.histogram.thresholdEdge...].reduce(0, +) == 2)
  }

  @Test func anotherLookaheadGivesOtherAdvantages() throws {
    // N = 1: A = −0.1 + 0.1 = 0 but at the end, where A = 0 − (−0.2) = 0.2.
    let episode = try valued("a", outcome: .success, values: [-0.4, -0.3, -0.2])
    let near = try LabelPreview(of: [episode], task: "fold", positiveShare: 0.3, lookahead: 1)
    #expect(abs(near.summary.threshold) < 1e-6)
    // N = T: A = R − V = 0.2 at each step.
    let far = try LabelPreview(of: [episode], task: "fold", positiveShare: 0.3, lookahead: nil)
    #expect(abs(far.summary.threshold - 0.2) < 1e-6)
    #expect(far.lookahead == nil)
  }

  @Test func aPreviewIsWhatLabellingGives() throws {
    let episodes = [
      try valued(
        "c", source: .corrected, outcome: .failure, values: [-0.1, -0.2, -0.9, -0.4],
        interventions: [false, true, true, false]),
      try valued("a", outcome: .success, values: [-0.4, -0.5, -0.4, -0.3]),
    ]
    let preview = try LabelPreview(
      of: episodes, task: "fold", positiveShare: 0.4, lookahead: 2, failureCost: 3, seed: 5)
    let labels = try Labelling.label(
      episodes, job: "fold/1/labels", value: digest("value"),
      work: LabelWork(
        dataset: [], value: "", lookahead: 2, positiveShare: ["fold": 0.4], failureCost: 3),
      seed: 5)
    #expect(preview.summary == labels.metadata.tasks["fold"])
    #expect(preview.stepsBySource == ["correction": 2, "corrected": 2, "autonomous": 4])
  }

  @Test func theThresholdIsAnEdge() {
    let histogram = AdvantageHistogram(of: [-0.5, -0.25, 0, 0.25, 0.5], threshold: 0, bins: 4)
    #expect(histogram.edges == [-0.75, -0.5, -0.25, 0, 0.25, 0.5])
    // A bin holds its upper edge: A = ε is not above ε.
    #expect(histogram.counts == [1, 1, 1, 1, 1])
    #expect(histogram.thresholdEdge == 3)
    #expect(histogram.edges[histogram.thresholdEdge] == 0)
  }

  @Test func equalAdvantagesAndThresholdsOutside() {
    let equal = AdvantageHistogram(of: [0.5, 0.5], threshold: 0.5, bins: 10)
    #expect(equal.counts == [2])
    #expect(equal.thresholdEdge == 1)
    let above = AdvantageHistogram(of: [0.5, 1], threshold: 0, bins: 2)
    #expect(above.counts == [1, 1])
    #expect(above.thresholdEdge == 0)
    let below = AdvantageHistogram(of: [-1, -0.5], threshold: 0, bins: 2)
    #expect(below.counts == [1, 1, 0])
    #expect(below.thresholdEdge == 3)
  }
}
