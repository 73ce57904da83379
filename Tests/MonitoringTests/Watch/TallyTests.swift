import EpisodeStorage
import Episodes
import RecapAlgorithm
import Testing

@testable import Monitoring

struct TallyTests {
  @Test("sums give the same rates and errors as the episodes do")
  func sameAsStatistics() throws {
    let episodes = [
      LoggedRun.episode(1, steps: 360), LoggedRun.episode(2, steps: 360, .failure),
      LoggedRun.episode(3, steps: 720), LoggedRun.episode(4, steps: 500, .failure),
    ]
    var tally = EpisodeTally()
    tally.add(episodes)
    let expected = try #require(
      PracticeStatistics(
        episodes.map {
          PracticeStatistics.Attempt(
            outcome: $0.outcome, steps: $0.steps, controlRate: $0.controlRate)
        }))
    let report = try #require(
      tally.report(run: "r", labelSets: [], extraction: .recap).tasks.first?.iterations.first)
    #expect(report.positiveShare == 1)
    let imitated = tally.report(run: "r", labelSets: [], extraction: .imitation)
    #expect(imitated.tasks.first?.iterations.first?.positiveShare == .some(nil))
    #expect(report.episodes == 4 && report.successes == 2)
    #expect(abs(report.successRateStandardError - expected.successRateStandardError) < 1e-12)
    #expect(abs(report.throughputPerHour - expected.throughputPerHour) < 1e-9)
    #expect(abs(report.throughputStandardError - expected.throughputStandardError) < 1e-9)
  }

  @Test("episodes that were counted are not counted again, and filters count what they say")
  func counting() {
    var tally = EpisodeTally()
    let episodes = [
      LoggedRun.episode(1, .demonstration, iteration: nil),
      LoggedRun.episode(2, .corrected, iteration: 1, robot: "right", corrected: 25),
      LoggedRun.episode(3, .evaluation, iteration: 1, .failure),
    ]
    tally.add(episodes)
    tally.add(episodes)
    #expect(tally.episodes == 3)
    #expect(tally.count(matching: EpisodeQuery(robot: "left")) == 2)
    #expect(tally.count(matching: EpisodeQuery(outcome: .failure)) == 1)
    #expect(tally.count(matching: EpisodeQuery(sources: [.corrected], iteration: 1)) == 1)
    #expect(tally.count(matching: EpisodeQuery(task: "other")) == 0)
    #expect(tally.sums { $0.robot == "right" }.interventionShare == 0.25)
  }

  @Test("a curve keeps its ends and its mean, and leaves out what is no number")
  func curves() {
    let samples = (1...100).map { (step: $0, value: $0 == 50 ? Double.nan : Double($0)) }
    let curve = Curve(samples, count: 9)
    #expect(curve.steps.count == 9 && curve.steps.last == 100)
    #expect(curve.values.allSatisfy { $0.isFinite })
    #expect(curve.values == curve.values.sorted())
    #expect(Curve([(1, 2)], count: 9).values == [2])
    #expect(Curve([], count: 9).steps.isEmpty)
  }
}
