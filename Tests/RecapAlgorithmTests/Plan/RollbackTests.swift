import Episodes
import Foundation
import Testing

@testable import RecapAlgorithm

/// Going back to an earlier policy.
@Suite struct RollbackTests {
  /// A plan of three iterations in which everything is done up to the policy of `k`.
  private func plan(
    through k: Int, restartFromPretrained: Bool = true, extraction: PolicyExtraction = .recap
  ) -> Plan {
    let task = TaskSchedule(
      name: "fold", demonstrations: 1, autonomousEpisodes: 2, correctedEpisodes: 0,
      evaluationEpisodes: 1)
    var settings = ScheduleSettings.small(
      tasks: [task], iterations: 3, restartFromPretrained: restartFromPretrained,
      episodesPerJob: 1)
    settings.method.extraction = extraction
    var plan = Plan(jobs: Schedule.jobs(for: settings), maximumAttempts: 2)
    for job in plan.jobs where (job.iteration ?? 0) <= k {
      guard let order = plan.order(for: job.id, lease: "") else { continue }
      _ = plan.handle(.resultAdopted(job: job.id, result: result(of: order), from: "test"))
    }
    return plan
  }

  private func policy(_ k: Int, of plan: Plan) -> ContentDigest? {
    plan.checkpoint(of: "fold/\(k)/policy")
  }

  @Test func theLastTrainedPolicyIsCurrentUntilARollback() {
    var plan = plan(through: 2)
    #expect(plan.currentIteration(of: "fold") == 2)
    let results = plan.results
    _ = plan.handle(.rolledBack(task: "fold", to: 0))
    #expect(plan.currentIteration(of: "fold") == 0)
    #expect(plan.withdrawnIterations(of: "fold") == [1, 2])
    #expect(plan.results == results, "a rollback deletes nothing")
    _ = plan.handle(.rolledBack(task: "fold", to: 2))
    #expect(plan.currentIteration(of: "fold") == 2)
    #expect(plan.withdrawnIterations(of: "fold").isEmpty)
  }

  @Test func laterPracticeIsDoneByTheCurrentPolicy() throws {
    var plan = plan(through: 2)
    func practice() throws -> ContentDigest? {
      try #require(plan.order(for: "fold/3/autonomous/0", lease: "")).policy
    }
    #expect(try practice() == policy(2, of: plan))
    _ = plan.handle(.rolledBack(task: "fold", to: 1))
    #expect(try practice() == policy(1, of: plan))
    _ = plan.handle(.rolledBack(task: "fold", to: 2))
    #expect(try practice() == policy(2, of: plan))
  }

  /// With advantage-weighted regression the first policy knows the indicator and later ones do not.
  @Test func aPolicyIsAskedForWhatItKnows() throws {
    var plan = plan(through: 2, extraction: .awr)
    func indicator() throws -> AdvantageIndicator? {
      let order = try #require(plan.order(for: "fold/3/autonomous/0", lease: ""))
      guard case .collect(let work) = order.job.work else { return nil }
      return work.indicator
    }
    #expect(try indicator() == .absent)
    _ = plan.handle(.rolledBack(task: "fold", to: 0))
    #expect(try indicator() == .positive)
    _ = plan.handle(.rolledBack(task: "fold", to: 1))
    #expect(try indicator() == .absent)
  }

  @Test func whatIsDoneKeepsTheInputsThatItHad() throws {
    var plan = plan(through: 2)
    let before = try plan.jobs.filter { plan.result(of: $0.id) != nil }.map {
      try #require(plan.order(for: $0.id, lease: ""))
    }
    _ = plan.handle(.rolledBack(task: "fold", to: 0))
    for order in before { #expect(plan.order(for: order.job.id, lease: "") == order) }
  }

  @Test func networksThatGoOnFromTheLastIterationGoOnFromTheCurrentOne() throws {
    var plan = plan(through: 2, restartFromPretrained: false)
    _ = plan.handle(.rolledBack(task: "fold", to: 1))
    for slice in 0..<2 {
      let id = "fold/3/autonomous/\(slice)"
      let order = try #require(plan.order(for: id, lease: ""))
      _ = plan.handle(.resultAdopted(job: id, result: result(of: order), from: "test"))
    }
    let value = try #require(plan.order(for: "fold/3/value", lease: ""))
    #expect(value.initial == plan.checkpoint(of: "fold/1/value"))
    // Its evaluation is of its own policy, and the next iteration's policy is current again.
    for part in ["value", "labels", "policy"] {
      let order = try #require(plan.order(for: "fold/3/\(part)", lease: ""))
      if part == "policy" { #expect(order.initial == policy(1, of: plan)) }
      _ = plan.handle(
        .resultAdopted(job: "fold/3/\(part)", result: result(of: order), from: "test"))
    }
    #expect(plan.currentIteration(of: "fold") == 3)
    let evaluation = try #require(plan.order(for: "fold/3/evaluate/0", lease: ""))
    #expect(evaluation.policy == policy(3, of: plan))
  }

  @Test func aWorkerThatActsWithAWithdrawnPolicyLosesItsLease() throws {
    var plan = plan(through: 2)
    _ = plan.handle(
      .workerJoined(worker: "cell", incarnation: "1", role: .collector, tasks: ["fold"]))
    let order = try #require(
      plan.handle(.jobWanted(worker: "cell", incarnation: "1")).orders["cell"])
    #expect(order.job.id == "fold/3/autonomous/0")
    let commands = plan.handle(.rolledBack(task: "fold", to: 1))
    #expect(commands.first == .revoke(lease: order.lease))
    let late = plan.handle(
      .jobFinished(worker: "cell", lease: order.lease, result: result(of: order)))
    #expect(late == [.rejected(lease: order.lease)])
    let again = try #require(
      plan.handle(.jobWanted(worker: "cell", incarnation: "1")).orders["cell"])
    #expect(again.job.id == order.job.id)
    #expect(again.policy == policy(1, of: plan))
  }

  @Test func whatIsNotThereCannotBeMadeCurrent() {
    var plan = plan(through: 1)
    let before = plan
    #expect(plan.obstacle(toRollingBack: "fold", to: 1) == nil)
    #expect(
      plan.obstacle(toRollingBack: "fold", to: 2)
        == "task 'fold' has no trained policy of iteration 2; it has 0, 1")
    #expect(
      plan.obstacle(toRollingBack: "iron", to: 0) == "the run has no task 'iron'; it has fold")
    #expect(plan.handle(.rolledBack(task: "fold", to: 2)).isEmpty)
    #expect(plan.results == before.results && plan.withdrawnIterations(of: "fold").isEmpty)
  }

  @Test func aRollbackIsRebuiltFromItsStoredEvent() throws {
    let event = PlanEvent.rolledBack(task: "fold", to: 1)
    let stored = try JSONDecoder().decode(PlanEvent.self, from: JSONEncoder().encode(event))
    var (direct, rebuilt) = (plan(through: 2), plan(through: 2))
    _ = direct.handle(event)
    _ = rebuilt.handle(stored)
    #expect(direct == rebuilt)
  }
}
