import Experiments
import Foundation
import Monitoring
import RecapAlgorithm
import Testing

@Suite struct SeedStatisticsTests {
  @Test func meansAndErrorsMatchTheHandComputedOnes() throws {
    // Deviations −10, −10, 20: √(600 / (3 · 2)) = 10.
    let three = try #require(SeedStatistics([100, 100, 130], errors: [1, 2, 3]))
    #expect(three.mean == 110)
    #expect(abs(three.standardError - 10) < 1e-12)
    // Two: half their distance.
    let two = try #require(SeedStatistics([1, 3], errors: [9, 9]))
    #expect(two.mean == 2 && abs(two.standardError - 1) < 1e-12)
    #expect(SeedStatistics([5, 5], errors: [1, 1])?.standardError == 0)
  }

  @Test func oneSeedHasTheErrorOfItsEpisodes() {
    let one = SeedStatistics([7], errors: [0.5])
    #expect(one?.mean == 7 && one?.standardError == 0.5)
    #expect(SeedStatistics([], errors: []) == nil)
  }
}

@Suite struct ExperimentReportTests {
  @Test func eachArmIsTheMeanOfItsFinishedRuns() throws {
    let report = report()
    #expect(report.seeds == [1, 2, 3])
    #expect(report.tasks == ["espresso"])
    let a = try #require(report.arms[0].task("espresso")?.iterations.first)
    #expect(report.arms[0].seeds == [1, 2, 3])
    #expect(a.successRate == 0.5 && a.throughputPerHour == 110)
    #expect(abs(a.throughputStandardError - 10) < 1e-12)
    // √(2 · 0.25² / (3 · 2))
    #expect(abs(a.successRateStandardError - 0.14433757) < 1e-8)
    #expect(a.episodes == 12 && a.successes == 6)
    #expect(a.positiveShare == 0.4)
    #expect(abs(a.interventionShare - 0.1) < 1e-12)
    #expect(a.seeds.map(\.seed) == [1, 2, 3])
    #expect(a.seeds.map(\.iteration.throughputPerHour) == [100, 100, 130])

    let b = try #require(report.arms[1].task("espresso")?.iterations.first)
    #expect(report.arms[1].seeds == [1] && report.arms[1].unfinishedSeeds == [2])
    #expect(b.throughputPerHour == 200 && b.throughputStandardError == 7)
    #expect(report.arms[1].adopted.jobs == 3)
  }

  @Test func tasksAndIterationsThatOnlySomeRunsHaveAreCountedWhereTheyAre() throws {
    let report = ExperimentReport(
      experiment(),
      runs: [
        run("a", seed: 1, [iteration(0, success: 1, throughput: 10)]),
        run(
          "a", seed: 2,
          [iteration(0, success: 1, throughput: 20), iteration(1, success: 1, throughput: 30)]),
        run("b", seed: 1, [iteration(0, success: 1, throughput: 5)], task: "tshirt"),
      ])
    let iterations = try #require(report.arms[0].task("espresso")?.iterations)
    #expect(iterations.map(\.k) == [0, 1])
    #expect(iterations.map(\.seeds.count) == [2, 1])
    #expect(iterations.map(\.throughputPerHour) == [15, 30])
    #expect(report.tasks == ["espresso", "tshirt"])
    #expect(report.arms[1].task("espresso") == nil)
  }

  @Test func theTableIsAlignedAndSaysWhatIsMissing() {
    #expect(
      report().table() == """
        small: A < B? (± one standard error over 1 to 3 seeds; of one, over its episodes)

        arm  task      k  seeds        success  throughput/h  throughput/h of seeds 1, 2, 3
        a    espresso  0      3  50.0 ± 14.4 %  110.0 ± 10.0  100  100  130
        b    espresso  0      1  100.0 ± 7.0 %   200.0 ± 7.0  200    –    –

        b: 3 of 5 jobs were shared with other runs (20 episodes, 1 training)
        b: seed 2 is not finished and not counted
        b: seed 3 has not been run

        """)
    let young = ExperimentReport(experiment(), runs: [])
    #expect(
      young.table() == """
        small: A < B? (± one standard error over episodes)

        arm  task  k  seeds  success  throughput/h
        a    –            0
        b    –            0

        """)
  }

  @Test func seedsThatWereAskedForAndDamagedRunsAreNamed() {
    let report = ExperimentReport(
      experiment(), runs: [run("a", seed: 1, [iteration(0, success: 1, throughput: 10)])],
      requested: [1, 2],
      unreadable: ["b": [ExperimentReport.UnreadableRun(seed: 1, reason: "x/b: is damaged")]])
    #expect(report.seeds == [1, 2])
    let table = report.table()
    // One seed is measured, so there is no spread over seeds.
    #expect(table.hasPrefix("small: A < B? (± one standard error over episodes)"))
    #expect(!table.contains("of seeds"))
    #expect(
      table.hasSuffix(
        """
        a: seed 2 has not been run
        b: seed 2 has not been run
        b: seed 1 is not counted: x/b: is damaged

        """), "\(table)")
  }

  @Test func stagesAreMeansOverSeeds() throws {
    func seed(_ seed: Int, _ rate: Double) -> ArmRun {
      let stages = [StageRate(name: "fold", rate: rate, rateStandardError: 0.1)]
      return run("a", seed: seed, [iteration(0, success: 0.5, throughput: 1, stages: stages)])
    }
    let report = ExperimentReport(experiment(), runs: [seed(1, 0.5), seed(2, 0.7)])
    let stage = try #require(report.arms[0].tasks[0].iterations[0].stages?.first)
    #expect(abs(stage.rate - 0.6) < 1e-12 && abs(stage.rateStandardError - 0.1) < 1e-12)
    #expect(report.table().contains("espresso: done"))
    #expect(report.table().contains("a               0  60.0 ± 10.0 %"))
  }

  @Test func theJSONHasExactlyThePromisedKeysAndReadsBack() throws {
    let report = report()
    let json = Data(try report.json().utf8)
    #expect(try JSONDecoder().decode(ExperimentReport.self, from: json) == report)
    let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
    #expect(Set(object.keys) == ["experiment", "title", "seeds", "arms"])
    let arm = try #require((object["arms"] as? [[String: Any]])?.first)
    #expect(
      Set(arm.keys) == [
        "name", "title", "settings", "seeds", "unfinishedSeeds", "unreadableRuns", "work",
        "adopted",
        "tasks",
      ])
    let task = try #require((arm["tasks"] as? [[String: Any]])?.first)
    #expect(Set(task.keys) == ["task", "iterations"])
    let iteration = try #require((task["iterations"] as? [[String: Any]])?.first)
    let measured: Set<String> = [
      "k", "episodes", "successes", "successRate", "successRateStandardError",
      "throughputPerHour", "throughputStandardError", "positiveShare", "interventionShare",
      "stages",
    ]
    #expect(Set(iteration.keys) == measured.union(["seeds"]))
    let seed = try #require((iteration["seeds"] as? [[String: Any]])?.first)
    #expect(Set(seed.keys) == measured.union(["seed"]))
  }
}

@Suite struct ExperimentPaceTests {
  private func run(_ arm: String, isFirst: Bool = false) -> ExperimentPace.Run {
    ExperimentPace.Run(arm: arm, isFirst: isFirst)
  }

  @Test func aRunTakesAsLongAsTheMostAlikeOnes() {
    var pace = ExperimentPace()
    #expect(pace.estimate([run("a", isFirst: true)]) == nil)
    pace.add(run("a", isFirst: true), .seconds(100))
    // Nothing better is known of an arm that shares.
    #expect(pace.estimate([run("b"), run("c")]) == .seconds(200))
    pace.add(run("b"), .seconds(40))
    #expect(pace.estimate([run("c"), run("a", isFirst: true)]) == .seconds(140))
    pace.add(run("c"), .seconds(20))
    pace.add(run("b"), .seconds(60))
    #expect(pace.estimate([run("b"), run("c"), run("d")]) == .seconds(50 + 20 + 40))
    #expect(pace.estimate([]) == .zero)
  }
}
