import Episodes
import Foundation
import Testing

@testable import RecapAlgorithm

/// A plan with every event that it was given.
final class PlanUnderTest {
  var plan: Plan
  var events: [PlanEvent] = []

  init(maximumAttempts: Int = 2) {
    let task = TaskSchedule(
      name: "fold", demonstrations: 2, autonomousEpisodes: 2, correctedEpisodes: 0,
      evaluationEpisodes: 1)
    plan = Plan(
      jobs: Schedule.jobs(for: .small(tasks: [task], iterations: 1, episodesPerJob: 1)),
      maximumAttempts: maximumAttempts)
  }

  @discardableResult
  func handle(_ event: PlanEvent) -> [PlanCommand] {
    events.append(event)
    return plan.handle(event)
  }

  func join(
    _ worker: String, _ role: WorkerRole = .collector, incarnation: String = "1",
    tasks: [String] = ["fold"]
  ) {
    handle(.workerJoined(worker: worker, incarnation: incarnation, role: role, tasks: tasks))
  }

  /// The order that a worker gets when it asks.
  func ask(_ worker: String, incarnation: String = "1") -> JobOrder? {
    handle(.jobWanted(worker: worker, incarnation: incarnation)).orders[worker]
  }

  @discardableResult
  func finish(_ worker: String, _ order: JobOrder) -> [PlanCommand] {
    handle(.jobFinished(worker: worker, lease: order.lease, result: result(of: order)))
  }

  /// Lets one worker of each role do everything that can be done; returns job ids in order of
  /// completion.
  func runToTheEnd() -> [String] {
    for role in WorkerRole.allCases { join(role.rawValue, role) }
    var done: [String] = []
    var progress = true
    while progress {
      progress = false
      for role in WorkerRole.allCases {
        while let order = ask(role.rawValue) {
          finish(role.rawValue, order)
          done.append(order.job.id)
          progress = true
        }
      }
    }
    return done
  }
}

extension [PlanCommand] {
  /// Orders granted, by worker.
  var orders: [String: JobOrder] {
    reduce(into: [:]) { orders, command in
      if case .grant(let worker, _, let order) = command { orders[worker] = order }
    }
  }
}

/// What a deterministic worker makes of an order: everything that decides a result is in its
/// digest.
func result(of order: JobOrder) -> JobResult {
  let job = order.job
  let inputs =
    order.dataset + [order.initial, order.policy, order.value, order.labels].compactMap { $0 }
    + (order.values ?? [])
  let product = "\(job.id) \(job.seed) \(inputs.map(\.short).joined(separator: " "))"
  switch job.work {
  case .collect(let work):
    let receipts = (work.firstEpisode..<work.firstEpisode + work.episodeCount).map { index in
      EpisodeReceipt(
        id: "\(job.id)#\(index)", index: index, digest: digest("\(product) \(index)"), steps: 10,
        interventionSteps: 0, outcome: .success)
    }
    // A collector that takes a job over may report its episodes in another order.
    return .episodes(order.lease.hasSuffix("@1") ? receipts : receipts.reversed())
  case .trainValue, .trainPolicy:
    return .checkpoint(digest(product), metrics: [:])
  case .estimateValues:
    return .values(digest(product))
  case .label:
    return .labels(
      digest(product),
      LabelSetMetadata(job: job.id, value: order.value ?? digest(""), lookahead: nil, tasks: [:]))
  }
}

@Suite struct PlanTests {
  @Test func runsToTheEndInOrder() {
    let test = PlanUnderTest()
    let done = test.runToTheEnd()
    #expect(Set(done) == Set(test.plan.jobs.map(\.id)))
    #expect(done.count == test.plan.jobs.count)
    #expect(test.plan.isFinished && test.plan.failure == nil)
    #expect(test.plan.liveLeases.isEmpty)
    #expect(
      test.plan.stages.allSatisfy { $0.jobsDone == $0.jobs && $0.episodesDone == $0.episodes })
  }

  @Test func nothingIsGivenBeforeWhatItNeeds() throws {
    let test = PlanUnderTest()
    test.join("v", .valueLearner)
    test.join("left")
    #expect(test.ask("v") == nil)
    #expect(
      test.plan.state(of: "pretrain/value")
        == .blocked(on: ["fold/demonstrations/0", "fold/demonstrations/1"]))
    let first = try #require(test.ask("left"))
    test.finish("left", first)
    let second = try #require(test.ask("left"))
    // The value learner still waits, and is given its job in the moment in which it can be done.
    let order = try #require(test.finish("left", second).orders["v"])
    #expect(order.job.id == "pretrain/value")
    #expect(order.dataset.count == 2)
    #expect(test.plan.state(of: "pretrain/value") == .running(worker: "v", lease: order.lease))
  }

  @Test func aCollectorIsGivenOnlyWhatItsRobotOffers() throws {
    let test = PlanUnderTest()
    test.join("stranger", tasks: ["stack"])
    test.join("left")
    #expect(test.ask("stranger") == nil)
    #expect(try #require(test.ask("left")).job.task == "fold")
  }

  @Test func askingAgainGivesTheSameLease() throws {
    let test = PlanUnderTest()
    test.join("left")
    let order = try #require(test.ask("left"))
    #expect(test.ask("left") == order)
    // Joining again, as after a break, repeats it too.
    let commands = test.handle(
      .workerJoined(worker: "left", incarnation: "1", role: .collector, tasks: ["fold"]))
    #expect(commands == [.grant(worker: "left", lease: order.lease, order: order)])
  }

  @Test func aNewIncarnationGivesUpTheOldOnesLease() throws {
    let test = PlanUnderTest()
    test.join("left")
    let old = try #require(test.ask("left"))
    test.join("left", incarnation: "2")
    #expect(test.ask("left") == nil, "the old incarnation is gone")
    let new = try #require(test.ask("left", incarnation: "2"))
    #expect(new.job == old.job && new.lease != old.lease)
    #expect(test.finish("left", old) == [.rejected(lease: old.lease)])
    #expect(test.finish("left", new).contains(.jobDone(job: new.job.id)))
  }

  @Test func aLostWorkersJobGoesToWhoeverWaits() throws {
    let test = PlanUnderTest()
    test.join("left")
    test.join("right")
    test.join("third")
    let lost = try #require(test.ask("left"))
    _ = test.ask("right")
    #expect(test.ask("third") == nil)
    let commands = test.handle(.workerLost(worker: "left", incarnation: "1"))
    #expect(commands.contains(.revoke(lease: lost.lease)))
    #expect(commands.orders["third"]?.job == lost.job)
    #expect(test.handle(.workerLost(worker: "left", incarnation: "1")).isEmpty)
  }

  @Test func anExpiredLeasesResultDoesNotCount() throws {
    let test = PlanUnderTest()
    test.join("left")
    let order = try #require(test.ask("left"))
    let commands = test.handle(.leaseExpired(lease: order.lease))
    #expect(commands.first == .revoke(lease: order.lease))
    #expect(test.plan.state(of: order.job.id) == .queued)
    #expect(test.finish("left", order) == [.rejected(lease: order.lease)])
    #expect(test.plan.result(of: order.job.id) == nil)
    #expect(test.handle(.leaseExpired(lease: order.lease)).isEmpty)
  }

  @Test func aRepeatedResultIsAcceptedAndChangesNothing() throws {
    let test = PlanUnderTest()
    test.join("left")
    let order = try #require(test.ask("left"))
    #expect(
      test.finish("left", order) == [.accepted(lease: order.lease), .jobDone(job: order.job.id)])
    let before = test.plan.results
    #expect(test.finish("left", order) == [.accepted(lease: order.lease)])
    #expect(test.plan.results == before)
  }

  @Test func aLeaseIsItsWorkersAlone() throws {
    let test = PlanUnderTest()
    test.join("left")
    test.join("right")
    let order = try #require(test.ask("left"))
    #expect(test.finish("right", order) == [.rejected(lease: order.lease)])
    let failed = PlanEvent.jobFailed(worker: "right", lease: order.lease, reason: "spite")
    #expect(test.handle(failed).isEmpty)
  }

  @Test func failuresAreBoundedAndTheMessageNamesTheJobAndReasons() throws {
    let test = PlanUnderTest(maximumAttempts: 2)
    test.join("left")
    let first = try #require(test.ask("left"))
    let retried = test.handle(
      .jobFailed(worker: "left", lease: first.lease, reason: "gripper jammed"))
    #expect(
      retried == [
        .revoke(lease: first.lease),
        .jobRetried(job: first.job.id, reason: "gripper jammed"),
      ])
    let second = try #require(test.ask("left"))
    #expect(second.job == first.job)
    let ended = test.handle(.jobFailed(worker: "left", lease: second.lease, reason: "no power"))
    let reason =
      "job fold/demonstrations/0 failed 2 times: (1) gripper jammed (worker 'left'); "
      + "(2) no power (worker 'left')"
    #expect(ended == [.revoke(lease: second.lease), .runFailed(reason: reason)])
    #expect(test.plan.failure == reason)
    #expect(test.ask("left") == nil)
    // Starting the run again is a new chance.
    test.handle(.coordinatorRestarted)
    #expect(test.plan.failure == nil)
    #expect(test.ask("left")?.job == first.job)
  }

  @Test func losingWorkersDoesNotCountAsFailingUntilItHappensAllTheTime() throws {
    let test = PlanUnderTest(maximumAttempts: 1)
    for incarnation in 0...test.plan.maximumLosses {
      #expect(test.plan.failure == nil)
      test.join("left", incarnation: "\(incarnation)")
      _ = try #require(test.ask("left", incarnation: "\(incarnation)"))
      test.handle(.workerLost(worker: "left", incarnation: "\(incarnation)"))
    }
    #expect(
      test.plan.failure?.hasPrefix("job fold/demonstrations/0 lost its worker 31 times") == true)
  }

  @Test func whoeverLeavesGivesTheJobBackHoweverOften() throws {
    let test = PlanUnderTest(maximumAttempts: 1)
    for incarnation in 0...2 * test.plan.maximumLosses {
      test.join("left", incarnation: "\(incarnation)")
      let order = try #require(test.ask("left", incarnation: "\(incarnation)"))
      let goodbye = PlanEvent.workerLeft(worker: "left", incarnation: "\(incarnation)")
      #expect(
        test.handle(goodbye) == [
          .revoke(lease: order.lease),
          .jobRetried(job: order.job.id, reason: "worker 'left' left"),
        ])
      #expect(test.handle(goodbye).isEmpty)
    }
    #expect(test.plan.failure == nil)
    // Who waits gets it at once.
    test.join("right")
    let order = try #require(test.ask("right"))
    for worker in ["busy", "waiting"] { test.join(worker) }
    _ = test.ask("busy")
    #expect(test.ask("waiting") == nil)
    let commands = test.handle(.workerLeft(worker: "right", incarnation: "1"))
    let granted = commands.compactMap { command -> String? in
      if case .grant("waiting", _, let order) = command { order.job.id } else { nil }
    }
    #expect(granted == [order.job.id])
  }

  @Test func aResultOfTheWrongKindIsAFailure() throws {
    let test = PlanUnderTest()
    test.join("left")
    let order = try #require(test.ask("left"))
    let wrong = JobResult.checkpoint(digest("weights"), metrics: [:])
    let commands = test.handle(.jobFinished(worker: "left", lease: order.lease, result: wrong))
    #expect(commands.first == .rejected(lease: order.lease))
    #expect(
      commands.last
        == .jobRetried(job: order.job.id, reason: "fold/demonstrations/0 cannot give a checkpoint"))
    let again = try #require(test.ask("left"))
    let missing = test.handle(
      .jobFinished(worker: "left", lease: again.lease, result: .episodes([])))
    #expect(missing.contains(.rejected(lease: again.lease)))
    #expect(test.plan.failure?.contains("expected episodes 0..<1 of stage") == true)
  }

  @Test func leasesOutliveTheCoordinator() throws {
    let test = PlanUnderTest()
    test.join("left")
    test.join("right")
    let order = try #require(test.ask("left"))
    #expect(test.handle(.coordinatorRestarted).isEmpty)
    #expect(test.plan.unheardWorkers.map(\.worker) == ["left", "right"])
    test.join("left")
    #expect(test.plan.unheardWorkers.map(\.worker) == ["right"])
    #expect(test.finish("left", order).first == .accepted(lease: order.lease))
  }

  @Test func restartingAFinishedRunSaysSo() {
    let test = PlanUnderTest()
    _ = test.runToTheEnd()
    #expect(test.handle(.coordinatorRestarted) == [.runFinished])
  }

  @Test func storedEventsRebuildThePlan() throws {
    let test = PlanUnderTest()
    test.join("left")
    _ = test.ask("left")
    test.handle(.workerLost(worker: "left", incarnation: "1"))
    _ = test.runToTheEnd()
    let stored = try JSONEncoder().encode(test.events)
    var rebuilt = Plan(jobs: test.plan.jobs, maximumAttempts: test.plan.maximumAttempts)
    #expect(rebuilt.isPristine)
    for event in try JSONDecoder().decode([PlanEvent].self, from: stored) {
      _ = rebuilt.handle(event)
    }
    #expect(rebuilt == test.plan)
    let copy = try JSONDecoder().decode(Plan.self, from: JSONEncoder().encode(test.plan))
    #expect(copy == test.plan)
  }

  @Test func aWaitingWorkerNeedNotAskAgain() throws {
    let test = PlanUnderTest()
    test.join("left")
    test.join("value", .valueLearner)
    #expect(!test.plan.isWaiting("value", incarnation: "1"))
    #expect(test.ask("value") == nil)
    #expect(test.plan.isWaiting("value", incarnation: "1"))
    #expect(!test.plan.isWaiting("value", incarnation: "2"))
    // Asking again would change nothing but the number of events.
    var again = test.plan
    #expect(again.handle(.jobWanted(worker: "value", incarnation: "1")).isEmpty)
    #expect(again.eventCount == test.plan.eventCount + 1)
    again.eventCount -= 1
    #expect(again == test.plan)
    // A restarted coordinator has forgotten the question.
    test.handle(.coordinatorRestarted)
    #expect(!test.plan.isWaiting("value", incarnation: "1"))
    // A worker with a job does not wait for one.
    _ = try #require(test.ask("left"))
    #expect(!test.plan.isWaiting("left", incarnation: "1"))
  }

  @Test func reportsFollowTheStages() throws {
    let test = PlanUnderTest()
    test.join("left")
    let order = try #require(test.ask("left"))
    test.finish("left", order)
    let stage = try #require(test.plan.stages.first)
    #expect(stage.stage == "fold/demonstrations" && stage.jobs == 2 && stage.jobsDone == 1)
    #expect(stage.episodes == 2 && stage.episodesDone == 1)
    #expect(test.plan.receipts(ofStage: "fold/demonstrations").map(\.index) == [0])
    #expect(test.plan.state(of: order.job.id) == .done)
    #expect(test.plan.state(of: "nothing") == nil)
    #expect(test.plan.order(for: "pretrain/value", lease: "x") == nil)
  }

  @Test("a paused worker finishes what it has and is given no more, until it may go on")
  func pause() throws {
    let run = PlanUnderTest()
    run.join("left")
    let first = try #require(run.ask("left"))
    run.handle(.workerPaused(worker: "left", by: "anna"))
    #expect(run.finish("left", first).contains(.jobDone(job: first.job.id)))
    #expect(run.ask("left") == nil)
    // Who joins under that name is held back too, also after a restart of the coordinator.
    run.handle(.coordinatorRestarted)
    run.join("left", incarnation: "2")
    #expect(run.ask("left", incarnation: "2") == nil)
    run.join("right")
    #expect(run.ask("right") != nil, "others go on")
    let commands = run.handle(.workerResumed(worker: "left", by: "anna"))
    #expect(commands.orders["left"] == nil, "there was one job for two")
    run.handle(.workerLost(worker: "right", incarnation: "1"))
    #expect(run.ask("left", incarnation: "2") != nil)
  }
}
