import EpisodeStorage
import Episodes
import Messaging
import RecapAlgorithm
import Testing

@testable import Monitoring

struct AlertTests {
  private func kinds(_ snapshot: WatchSnapshot) -> [Alert.Kind] { Alert.all(snapshot).map(\.kind) }

  @Test("a run in which all is well has no alert")
  func none() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    let status = [WorkerStatus(name: "left", role: .collector, silentSeconds: 1)]
    #expect(kinds(run.snapshot(status, freeDiskShare: 0.5)).isEmpty)
  }

  @Test("a silent robot, a full disk, a repeated job; errors come first")
  func machines() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    try run.add(.jobFailed(worker: "left", lease: "fold/demonstrations/0@1", reason: "no arm"))
    let status = [
      WorkerStatus(name: "left", role: .collector, silentSeconds: 11, job: "fold/demonstrations/0"),
      // It waits for work, and says nothing for half a lease.
      WorkerStatus(name: "right", role: .collector, silentSeconds: 17),
    ]
    let alerts = Alert.all(run.snapshot(status, freeDiskShare: 0.01))
    #expect(alerts.map(\.kind) == [.diskNearlyFull, .robotSilent, .jobRetried])
    #expect(alerts[1].text == "left was last heard 11 s ago")
    #expect(alerts[2].text.contains("no arm"))
    #expect(kinds(run.snapshot(isOpen: false)) == [.runStopped])
  }

  @Test("a clock that is off is reported, whichever way")
  func clocks() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    let status = [-3.5, 1, 2.5].enumerated().map { index, skew in
      WorkerStatus(
        name: "robot-\(index)", role: .collector, silentSeconds: 1, clockSkewSeconds: skew)
    }
    let alerts = Alert.all(run.snapshot(status))
    #expect(alerts.map(\.kind) == [.clockSkew, .clockSkew])
    #expect(
      alerts.map(\.text) == [
        "robot-0's clock is 3.5 s behind the coordinator's",
        "robot-2's clock is 2.5 s ahead of the coordinator's",
      ])
  }

  @Test("an alert is told when it begins and when it is over, and not in between")
  func feed() {
    var feed = AlertFeed()
    func alert(_ robot: String, _ text: String) -> Alert {
      Alert(kind: .robotSilent, severity: .error, subject: robot, text: text)
    }
    let first = feed.update([alert("left", "11 s"), alert("right", "12 s")], ofRun: "demo")
    #expect(first.map(\.text) == ["recap demo: 11 s", "recap demo: 12 s"])
    #expect(first.allSatisfy { $0.state == .open })
    #expect(feed.update([alert("left", "16 s"), alert("right", "17 s")], ofRun: "demo").isEmpty)
    let second = feed.update([alert("right", "22 s")], ofRun: "demo")
    #expect(second.map(\.state) == [.over] && second.map(\.subject) == ["left"])
    let third = feed.update([alert("left", "11 s")], ofRun: "demo")
    #expect(third.map(\.state) == [.open, .over])
    // Nobody could be told of it.
    feed.takeBack(third[0])
    #expect(feed.update([alert("left", "16 s")], ofRun: "demo").map(\.state) == [.open])
  }

  @Test("people who correct more and more are worth a look, and a steady share is not")
  func interventions() throws {
    var run = LoggedRun()
    run.tally.add((1...20).map { LoggedRun.episode($0, .corrected, iteration: 1, corrected: 10) })
    #expect(kinds(run.snapshot()).isEmpty)
    run.tally.add((21...40).map { LoggedRun.episode($0, .corrected, iteration: 1, corrected: 30) })
    #expect(kinds(run.snapshot()) == [.interventionsRising])
  }

  @Test("a loss that leaves its low is reported while its training goes on")
  func loss() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    func status(_ loss: Double) -> [WorkerStatus] {
      [
        WorkerStatus(
          name: "learner", role: .valueLearner, silentSeconds: 0, job: "pretrain/value",
          progress: JobProgress(done: 5, total: 9, unit: "steps", metrics: ["loss": loss]))
      ]
    }
    func found(_ loss: Double) -> [Alert.Kind] {
      kinds(run.snapshot(status(loss), leastLosses: ["pretrain/value": 1]))
    }
    #expect(found(2.9).isEmpty)
    #expect(found(3.1) == [.lossDiverging])
    #expect(found(.nan) == [.lossDiverging])
  }

  @Test("a value function that is worse than the mean, and labels that are all alike")
  func learning() throws {
    let episodes = [(Outcome.success, Float(-1)), (.failure, Float(0))].map { outcome, value in
      Labelling.ValuedEpisode(
        digest: ContentDigest(hashing: [outcome == .success ? 1 : 0]), id: "e", task: "fold",
        maximumSteps: 10, source: .autonomous, outcome: outcome,
        interventions: [Bool](repeating: false, count: 4), values: [value, value, value, value])
    }
    let quality = try #require(ValueQuality(of: episodes, task: "fold", failureCost: nil))
    #expect(quality.explained < 0)
    let labels = LabelSetRow(
      digest: ContentDigest(hashing: []), task: "fold", iteration: 1,
      metadata: LabelSetMetadata(
        job: "fold/1/labels", value: ContentDigest(hashing: []), lookahead: 50,
        tasks: [
          "fold": TaskLabelSummary(
            requestedPositiveShare: 0.4, threshold: 0, positiveShare: 1, positiveShareBySource: [:],
            steps: 4)
        ]), storedAt: LoggedRun.begin)
    let found = kinds(
      LoggedRun().snapshot(labelSets: [labels], quality: ["fold/1/labels": quality]))
    #expect(found == [.labelsOneSided, .valueWorseThanMean])
  }

  @Test("a value function that is right explains everything")
  func perfect() throws {
    var episode = Labelling.ValuedEpisode(
      digest: ContentDigest(hashing: []), id: "e", task: "fold", maximumSteps: 10,
      source: .autonomous, outcome: .success,
      interventions: [Bool](repeating: false, count: 6), values: [0, 0, 0, 0, 0, 0])
    let returns = episode.returns(failureCost: nil)
    episode = Labelling.ValuedEpisode(
      digest: ContentDigest(hashing: []), id: "e", task: "fold", maximumSteps: 10,
      source: .autonomous, outcome: .success,
      interventions: [Bool](repeating: false, count: 6), values: returns)
    let quality = try #require(ValueQuality(of: [episode], task: "fold", failureCost: nil))
    #expect(quality.explained == 1)
    #expect(quality.steps == 6 && quality.bins.reduce(0) { $0 + $1.steps } == 6)
    for bin in quality.bins { #expect(abs(bin.value - bin.meanReturn) < 1e-6) }
  }
}
