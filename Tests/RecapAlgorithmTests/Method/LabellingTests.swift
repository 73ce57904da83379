import Episodes
import Tensors
import Testing

@testable import RecapAlgorithm

@Suite struct LabellingTests {
  private let value = digest("value")

  private func label(
    _ episodes: [Labelling.ValuedEpisode], lookahead: Int? = 50,
    shares: [String: Double] = ["fold": 0.4], failureCost: Double? = nil
  ) throws -> LabelSet {
    try Labelling.label(
      episodes, job: "fold/1/labels", value: value,
      work: LabelWork(
        dataset: [], value: "fold/1/value", lookahead: lookahead, positiveShare: shares,
        failureCost: failureCost),
      seed: 11)
  }

  @Test func theJobSaysWhatAFailureCosts() throws {
    // L = 10, one step, C_fail = 5: R = −0.5, and A = R − V.
    let episode = try valued("a", outcome: .failure, values: [-0.2])
    let labels = try label([episode], failureCost: 5)
    let advantage = try #require(labels.episodes[digest("a")]?.advantages.first)
    #expect(abs(advantage + 0.3) < 1e-6)
  }

  @Test func storedValuesGiveTheSameLabelsAndHearOfVerdicts() throws {
    let episode = try valued("a", source: .corrected, outcome: .failure, values: [-0.2, -0.6])
    let stored = EpisodeValues(
      episode: .init(
        id: "a", task: "fold", maximumSteps: 10, source: .corrected, outcome: .failure),
      values: [-0.2, -0.6], interventions: [false, false])
    func again(_ outcome: Outcome?) throws -> LabelSet {
      try label([Labelling.ValuedEpisode(digest: digest("a"), stored, outcome: outcome)])
    }
    #expect(try again(nil) == label([episode]))
    let success = try valued("a", source: .corrected, outcome: .success, values: [-0.2, -0.6])
    #expect(try again(.success) == label([success]))
    #expect(try again(.success) != again(nil))
  }

  @Test func aSmallDatasetByHand() throws {
    // L = 10, five steps, R = −0.4 … 0: A = R − V = 0.1, 0, −0.1, 0.2, −0.2; 2 of 5 positive.
    let episode = try valued(
      "a", outcome: .success, values: [-0.5, -0.3, -0.1, -0.3, 0.2])
    let labels = try label([episode])
    let result = try #require(labels.episodes[digest("a")])
    #expect(result.values == [-0.5, -0.3, -0.1, -0.3, 0.2])
    let expected: [Float] = [0.1, 0, -0.1, 0.2, -0.2]
    #expect(zip(result.advantages, expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(result.positives == [true, false, false, true, false])
    let summary = try #require(labels.metadata.tasks["fold"])
    #expect(summary.requestedPositiveShare == 0.4)
    #expect(abs(summary.threshold) < 1e-6)
    #expect(summary.positiveShare == 0.4)
    #expect(summary.positiveShareBySource == ["autonomous": 0.4])
    #expect(summary.steps == 5)
    #expect(labels.metadata.job == "fold/1/labels")
    #expect(labels.metadata.value == value)
    #expect(labels.metadata.lookahead == 50)
  }

  @Test func correctionsArePositiveWhateverTheirAdvantage() throws {
    let values: [Float] = [-0.1, -0.1, -0.1, -0.1, -0.1]
    let corrected = try valued(
      "c", source: .corrected, outcome: .failure, values: values,
      interventions: [false, true, true, false, false])
    let autonomous = try valued(
      "a", outcome: .success, values: [-0.4, -0.5, -0.4, -0.3, -0.2])
    let labels = try label([corrected, autonomous])
    #expect(labels.episodes[digest("c")]?.positives == [false, true, true, false, false])
    let summary = try #require(labels.metadata.tasks["fold"])
    #expect(summary.positiveShareBySource["correction"] == 1)
    #expect(summary.positiveShareBySource["corrected"] == 0)
    #expect(summary.positiveShareBySource["autonomous"] == 0.8)
    #expect(summary.positiveShare == 0.6)
  }

  @Test func aPersonsDemonstrationIsJudgedByItsAdvantage() throws {
    let slow = try valued(
      "slow", source: .demonstration, outcome: .failure, values: [-0.5, -0.6],
      interventions: [true, true])
    let quick = try valued(
      "quick", source: .demonstration, outcome: .success, values: [-0.5, -0.6],
      interventions: [true, true])
    let labels = try label([slow, quick], lookahead: nil)
    #expect(labels.episodes[digest("slow")]?.positives == [false, false])
    #expect(labels.episodes[digest("quick")]?.positives == [true, true])
    #expect(labels.metadata.tasks["fold"]?.positiveShareBySource == ["demonstration": 0.5])
  }

  @Test func anAllFailureTaskStillHasItsBetterMoments() throws {
    var random = RandomSource(seed: 12)
    let episodes = try (0..<20).map { index in
      try valued(
        "f\(index)", outcome: .failure,
        values: (0..<10).map { _ in Float.random(in: -1...(-0.8), using: &random) })
    }
    let summary = try #require(try label(episodes, lookahead: 3).metadata.tasks["fold"])
    #expect(summary.positiveShare == 0.4)
    // Where V knows that all is lost, nothing tells steps apart, and none is called good.
    let hopeless = try (0..<4).map {
      try valued("h\($0)", outcome: .failure, values: [-1, -1, -1])
    }
    #expect(try label(hopeless).metadata.tasks["fold"]?.positiveShare == 0)
  }

  @Test func everyTaskHasItsOwnThresholdAndShare() throws {
    var random = RandomSource(seed: 13)
    var episodes: [Labelling.ValuedEpisode] = []
    for index in 0..<40 {
      for (task, limit) in [("fold", 100), ("stack", 20)] {
        episodes.append(
          try valued(
            "\(task)\(index)", task: task, limit: limit,
            outcome: index % 3 == 0 ? .failure : .success,
            values: (0..<10).map { _ in Float.random(in: -1...0, using: &random) }))
      }
    }
    let shares = ["fold": 0.4, "stack": 0.1]
    let labels = try label(episodes, lookahead: 4, shares: shares)
    for (task, share) in shares {
      let summary = try #require(labels.metadata.tasks[task])
      #expect(summary.steps == 400)
      #expect(abs(summary.positiveShare - share) < 1e-9)
    }
    #expect(labels.metadata.tasks["fold"]?.threshold != labels.metadata.tasks["stack"]?.threshold)
    #expect(labels.episodes.count == 80)
  }

  @Test func oneStepEpisodesAreLabelled() throws {
    let labels = try label([
      try valued("x", outcome: .success, values: [-0.9]),
      try valued("y", outcome: .failure, values: [-0.9]),
      try valued("z", outcome: .failure, values: [-0.8]),
    ])
    #expect(labels.episodes[digest("x")]?.positives == [true])
    #expect(labels.episodes[digest("y")]?.positives == [false])
  }

  @Test func mistakesAreNamed() throws {
    let good = try valued("a", outcome: .success, values: [-0.5, -0.4])
    #expect(throws: LabellingError.repeated(episode: "a")) { try label([good, good]) }
    #expect(throws: LabellingError.noShare(task: "fold")) { try label([good], shares: [:]) }
    let short = try valued("b", outcome: .success, values: [-0.5], steps: 2)
    #expect(throws: LabellingError.valueCount(episode: "b", expected: 2, actual: 1)) {
      try label([short])
    }
    let broken = try valued("c", outcome: .success, values: [.nan])
    #expect(throws: LabellingError.notFinite(episode: "c")) { try label([broken]) }
  }
}

@Suite struct PracticeStatisticsTests {
  /// At 10 steps a second: 0.1 h a success of 3600 steps, 0.2 h a failure of 7200.
  private func attempt(_ outcome: Outcome, steps: Int) -> PracticeStatistics.Attempt {
    PracticeStatistics.Attempt(outcome: outcome, steps: steps, controlRate: 10)
  }

  @Test func byHand() throws {
    let statistics = try #require(
      PracticeStatistics([
        attempt(.success, steps: 3600), attempt(.success, steps: 3600),
        attempt(.success, steps: 7200), attempt(.failure, steps: 3600),
      ]))
    #expect(statistics.successRate == 0.75)
    #expect(abs(statistics.successRateStandardError - 0.216_506) < 1e-6)
    #expect(abs(statistics.hours - 0.5) < 1e-12)
    #expect(abs(statistics.throughputPerHour - 6) < 1e-9)
    // Residuals s − 6 h: 0.4, 0.4, −0.2, −0.6; squares 0.72; √(4/3 · 0.72) / 0.5.
    #expect(abs(statistics.throughputStandardError - 1.959_592) < 1e-6)
  }

  @Test func equalSuccessesHaveNoSpreadAndFailuresNoThroughput() throws {
    let sure = try #require(
      PracticeStatistics(Array(repeating: attempt(.success, steps: 1800), count: 5)))
    #expect(abs(sure.throughputPerHour - 20) < 1e-9)
    #expect(sure.throughputStandardError < 1e-9)
    let none = try #require(
      PracticeStatistics([attempt(.failure, steps: 10), attempt(.failure, steps: 20)]))
    #expect(none.throughputPerHour == 0 && none.throughputStandardError == 0)
  }

  @Test func oneEpisodeAndNone() throws {
    let one = try #require(PracticeStatistics([attempt(.success, steps: 3600)]))
    #expect(one.throughputPerHour == 10 && one.throughputStandardError == 0)
    #expect(PracticeStatistics([]) == nil)
  }

  /// The standard error is what repeated measurements really spread by.
  @Test func standardErrorsMatchTheSpreadOfRepetitions() throws {
    var random = RandomSource(seed: 21)
    var throughputs: [Double] = []
    var errors: [Double] = []
    for _ in 0..<400 {
      let attempts = (0..<100).map { _ in
        Bool.random(using: &random)
          ? attempt(.success, steps: Int.random(in: 100...400, using: &random))
          : attempt(.failure, steps: 500)
      }
      let statistics = try #require(PracticeStatistics(attempts))
      throughputs.append(statistics.throughputPerHour)
      errors.append(statistics.throughputStandardError)
    }
    let mean = throughputs.reduce(0, +) / 400
    let spread =
      (throughputs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 399).squareRoot()
    let predicted = errors.reduce(0, +) / 400
    #expect(abs(predicted / spread - 1) < 0.15)
  }
}
