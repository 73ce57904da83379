import EpisodeStorage
import Episodes
import Foundation
import Monitoring
import RecapAlgorithm
import Testing

@Suite struct RunReportTests {
  /// 10 control steps a second: 360 steps are a hundredth of an hour.
  private static let embodiment = Embodiment(
    name: "test", proprioceptionWidth: 1, environmentStateWidth: 0, cameras: [], actionWidth: 1,
    controlRate: 10)

  private static func episode(
    _ index: Int, task: String = "espresso", _ source: EpisodeSource, iteration: Int?, steps: Int,
    corrected: Int = 0, _ outcome: Outcome = .success
  ) throws -> Episode {
    let job = "\(task)/\(iteration.map(String.init) ?? "demonstrate")/\(source)"
    var episode = Episode(
      metadata: EpisodeMetadata(
        id: "\(job)#\(index)", job: job, index: index,
        task: TaskDescription(name: task, instruction: task, maximumSteps: 1000),
        embodiment: embodiment, robot: "left", iteration: iteration, source: source, seed: 1,
        outcome: outcome, recordsImages: false, recordsEnvironmentState: false))
    for step in 0..<steps {
      try episode.append(
        Observation(proprioception: [0]), action: [0][...], intervention: step < corrected)
    }
    return episode
  }

  private static func episodes() throws -> [Episode] {
    [
      // k = 0: half succeed, in 0.06 robot-hours.
      try episode(0, .evaluation, iteration: 0, steps: 360),
      try episode(1, .evaluation, iteration: 0, steps: 360, .failure),
      try episode(2, .evaluation, iteration: 0, steps: 720),
      try episode(3, .evaluation, iteration: 0, steps: 720, .failure),
      // k = 1: 16 of 160 practice steps corrected; failures in practice do not count.
      try episode(0, .autonomous, iteration: 1, steps: 100, .failure),
      try episode(0, .corrected, iteration: 1, steps: 60, corrected: 16),
      try episode(0, .evaluation, iteration: 1, steps: 360),
      try episode(1, .evaluation, iteration: 1, steps: 360),
      // Never in the table: demonstrations, practice that is not judged yet, a task without
      // evaluation.
      try episode(0, .demonstration, iteration: nil, steps: 50, corrected: 50),
      try episode(0, .autonomous, iteration: 2, steps: 10),
      try episode(0, task: "tshirt", .autonomous, iteration: 1, steps: 10),
    ]
  }

  private static func labelSet(
    _ task: String?, _ iteration: Int?, shares: [String: Double]
  ) -> LabelSetRow {
    LabelSetRow(
      digest: ContentDigest(hashing: []), task: task, iteration: iteration,
      metadata: LabelSetMetadata(
        job: "label", value: ContentDigest(hashing: []), lookahead: 50,
        tasks: shares.mapValues {
          TaskLabelSummary(
            requestedPositiveShare: 0.4, threshold: 0, positiveShare: $0,
            positiveShareBySource: [:], steps: 1)
        }), storedAt: Date())
  }

  private static func report(skipsFineTuning: Bool = false) throws -> RunReport {
    RunReport(
      run: "demo",
      episodes: try episodes().map {
        EpisodeRow($0, digest: ContentDigest(hashing: []), bytes: 1, storedAt: Date())
      },
      labelSets: [
        labelSet(nil, nil, shares: ["espresso": 0.3, "tshirt": 0.3]),
        labelSet("espresso", 1, shares: ["espresso": 0.45]),
        labelSet("tshirt", 1, shares: ["tshirt": 0.6]),
      ], skipsFineTuning: skipsFineTuning)
  }

  @Test func aPolicyThatIsThePretrainedOneHasItsLabels() throws {
    let iterations = try Self.report(skipsFineTuning: true).tasks[0].iterations
    #expect(iterations.map(\.positiveShare) == [0.3, 0.45])
  }

  @Test func ratesMatchTheHandComputedOnes() throws {
    let report = try Self.report()
    #expect(report.tasks.map(\.task) == ["espresso"])
    let iterations = report.tasks[0].iterations
    #expect(iterations.map(\.k) == [0, 1])
    let (first, second) = (iterations[0], iterations[1])
    #expect(first.episodes == 4)
    #expect(first.successes == 2)
    #expect(first.successRate == 0.5)
    // √(0.5 · 0.5 / 4)
    #expect(abs(first.successRateStandardError - 0.25) < 1e-12)
    // 2 ÷ 0.06 h
    #expect(abs(first.throughputPerHour - 33.333333) < 1e-5)
    // Residuals 2/3, −1/3, 1/3, −2/3: √(4/3 · 10/9) ÷ 0.06
    #expect(abs(first.throughputStandardError - 20.286020) < 1e-5)
    #expect(first.positiveShare == 1)
    #expect(first.interventionShare == 0)
    #expect(second.episodes == 2)
    #expect(second.successRate == 1)
    #expect(abs(second.throughputPerHour - 100) < 1e-9)
    #expect(second.positiveShare == 0.45)
    #expect(second.interventionShare == 0.1)
  }

  @Test func episodesThatNobodyHasJudgedAreCountedNowhereAndMentioned() throws {
    func report(_ more: [Episode]) throws -> RunReport {
      RunReport(
        run: "demo",
        episodes: (try Self.episodes() + more).map {
          EpisodeRow($0, digest: ContentDigest(hashing: []), bytes: 1, storedAt: Date())
        }, labelSets: [])
    }
    let open = try [
      Self.episode(7, .evaluation, iteration: 1, steps: 100, .unjudged),
      Self.episode(8, .evaluation, iteration: 2, steps: 100, .unjudged),
      Self.episode(9, .autonomous, iteration: 1, steps: 100, .unjudged),
    ]
    let (before, after) = (try report([]), try report(open))
    #expect(after.unjudged == 2 && before.unjudged == nil)
    #expect(after.tasks[0].iterations.map(\.k) == [0, 1])
    #expect(
      after.tasks[0].iterations[1].throughputPerHour
        == before.tasks[0].iterations[1].throughputPerHour)
    #expect(after.table().contains("2 evaluation episodes are not judged and counted nowhere"))
    #expect(!before.table().contains("judged"))
  }

  @Test func criteriaAreOfTheEpisodesOfWhichSomebodySpeaks() throws {
    var rows = try (0..<3).map {
      EpisodeRow(
        try Self.episode($0, .evaluation, iteration: 1, steps: 100),
        digest: ContentDigest(hashing: []), bytes: 1, storedAt: Date())
    }
    rows[0].stages = [
      StageScore(name: "build", isDone: true), StageScore(name: "label", isDone: false),
    ]
    rows[1].stages = [StageScore(name: "label", isDone: true)]
    let report = RunReport(run: "demo", episodes: rows, labelSets: [])
    let stages = try #require(report.tasks[0].iterations[0].stages)
    #expect(stages.map(\.name) == ["build", "label"] && stages.map(\.rate) == [1, 0.5])
    // √(0.5 · 0.5 / 2)
    #expect(abs(stages[1].rateStandardError - 0.353553) < 1e-5)
    #expect(stages.map(\.episodes) == [1, 2])
    #expect(
      report.table().hasSuffix(
        """

        espresso: done  k               build               label
                        1  100.0 ± 0.0 % of 1  50.0 ± 35.4 % of 2

        """), "\(report.table())")
  }

  @Test func anArchiveGivesTheSameReport() async throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("recap-report-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let archive = try await Archive.create(
      at: path, run: RunDescription(name: "demo", configuration: "{}", version: "0"))
    for episode in try Self.episodes() {
      try await archive.putEpisode(
        id: episode.metadata.id, file: try EpisodeFile.serialize(episode))
    }
    let labels = try await archive.putBlob([1], kind: "labels")
    let row = Self.labelSet("espresso", 1, shares: ["espresso": 0.45])
    try await archive.recordResult(
      .labels(labels, row.metadata),
      of: Job(
        id: "espresso/1/label", task: "espresso", iteration: 1, seed: 1,
        work: .label(LabelWork(dataset: [], value: "v", lookahead: 50, positiveShare: [:]))))
    #expect(try await RunReport(archive: ArchiveReader(directory: path)) == Self.report())
  }

  @Test func theJSONHasExactlyThePromisedKeys() throws {
    let object = try JSONSerialization.jsonObject(with: Data(try Self.report().json().utf8))
    let run = try #require(object as? [String: Any])
    #expect(Set(run.keys) == ["run", "tasks"])
    #expect(run["run"] as? String == "demo")
    let task = try #require((run["tasks"] as? [[String: Any]])?.first)
    #expect(Set(task.keys) == ["task", "iterations"])
    let iterations = try #require(task["iterations"] as? [[String: Any]])
    let keys: Set<String> = [
      "k", "episodes", "successes", "successRate", "successRateStandardError",
      "throughputPerHour", "throughputStandardError", "positiveShare", "interventionShare",
      "stages",
    ]
    for iteration in iterations { #expect(Set(iteration.keys) == keys) }
    #expect(iterations[1]["positiveShare"] as? Double == 0.45)
  }

  @Test func anUnknownPositiveShareIsNullAndReadsBack() throws {
    let row = EpisodeRow(
      try Self.episode(0, .evaluation, iteration: 2, steps: 10),
      digest: ContentDigest(hashing: []), bytes: 1, storedAt: Date())
    let report = RunReport(run: "demo", episodes: [row], labelSets: [])
    #expect(try report.json().contains("\"positiveShare\" : null"))
    #expect(try JSONDecoder().decode(RunReport.self, from: Data(report.json().utf8)) == report)
    #expect(report.table().contains("–"))
  }

  @Test func policiesWithoutAnIndicatorHaveNoPositiveShare() throws {
    let row = EpisodeRow(
      try Self.episode(0, .evaluation, iteration: 0, steps: 10),
      digest: ContentDigest(hashing: []), bytes: 1, storedAt: Date())
    let report = RunReport(run: "demo", episodes: [row], labelSets: [], extraction: .imitation)
    #expect(report.tasks[0].iterations[0].positiveShare == nil)
  }

  @Test func stagesAreCountedOneByOne() throws {
    let rows = try [(true, true), (true, false), (true, false), (false, false)].enumerated().map {
      index, done in
      var episode = try Self.episode(index, .evaluation, iteration: 1, steps: 10)
      episode.metadata.stages = [
        StageScore(name: "fold", isDone: done.0), StageScore(name: "place", isDone: done.1),
      ]
      return EpisodeRow(episode, digest: ContentDigest(hashing: []), bytes: 1, storedAt: Date())
    }
    let report = RunReport(run: "demo", episodes: rows, labelSets: [])
    let stages = try #require(report.tasks[0].iterations[0].stages)
    #expect(stages.map(\.name) == ["fold", "place"] && stages.map(\.rate) == [0.75, 0.25])
    // √(0.75 · 0.25 / 4)
    #expect(abs(stages[0].rateStandardError - 0.216506) < 1e-6)
    #expect(
      report.table().hasSuffix(
        """

        espresso: done  k           fold          place
                        1  75.0 ± 21.7 %  25.0 ± 21.7 %

        """))
  }

  @Test func theTableIsAligned() throws {
    #expect(
      try Self.report().table() == """
        task      k  episodes        success  throughput/h  positive  intervened
        espresso  0         4  50.0 ± 25.0 %   33.3 ± 20.3   100.0 %       0.0 %
                  1         2  100.0 ± 0.0 %   100.0 ± 0.0    45.0 %      10.0 %

        """)
    #expect(
      RunReport(run: "young", episodes: [], labelSets: []).table()
        == "young: no evaluation episodes yet\n")
  }
}

extension RunReport {
  /// The report of episodes, as an archive's.
  fileprivate init(
    run: String, episodes: [EpisodeRow], labelSets: [LabelSetRow],
    extraction: PolicyExtraction = .recap, skipsFineTuning: Bool = false
  ) {
    var tally = EpisodeTally()
    tally.add(episodes.enumerated().map { EpisodeSummary($1, sequence: $0 + 1) })
    self = tally.report(
      run: run, labelSets: labelSets, extraction: extraction, skipsFineTuning: skipsFineTuning)
  }
}
