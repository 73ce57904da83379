import Episodes
import Foundation
import Testing

@testable import RecapAlgorithm

/// A plan whose jobs another run has done already.
@Suite struct AdoptionTests {
  /// What another run has made of a job that could be given out now.
  private func result(_ job: String, in test: PlanUnderTest) throws -> JobResult {
    RecapAlgorithmTests.result(of: try #require(test.plan.order(for: job, lease: "")))
  }

  private func adopt(_ job: String, in test: PlanUnderTest) throws -> [PlanCommand] {
    test.handle(
      .resultAdopted(job: job, result: try result(job, in: test), from: "earlier"))
  }

  @Test func anAdoptedJobIsDoneAndUnblocksOthers() throws {
    let test = PlanUnderTest()
    test.join("value", .valueLearner)
    #expect(test.ask("value") == nil)
    #expect(
      try adopt("fold/demonstrations/0", in: test) == [.jobDone(job: "fold/demonstrations/0")])
    let commands = try adopt("fold/demonstrations/1", in: test)
    #expect(commands.first == .jobDone(job: "fold/demonstrations/1"))
    // The learner that waited gets what it can do now.
    #expect(commands.orders["value"]?.job.id == "pretrain/value")
    #expect(test.plan.state(of: "fold/demonstrations/0") == .done)
    #expect(test.plan.origin(of: "fold/demonstrations/0") == "earlier")
    #expect(test.plan.adoptedWork.description == "2 episodes")
    #expect(test.plan.adoptedWork.jobs == 2)
  }

  @Test func aWholeRunCanBeAdopted() throws {
    let test = PlanUnderTest()
    var commands: [PlanCommand] = []
    for job in test.plan.jobs { commands += try adopt(job.id, in: test) }
    #expect(test.plan.isFinished)
    #expect(commands.last == .runFinished)
    #expect(commands.filter { $0 == .runFinished }.count == 1)

    let computed = PlanUnderTest()
    _ = computed.runToTheEnd()
    #expect(test.plan.results == computed.plan.results)
    // Whoever goes on with it is told that there is nothing to do.
    #expect(test.handle(.coordinatorRestarted) == [.runFinished])
  }

  @Test func aJobWhoseInputsAreMissingIsNotAdopted() throws {
    let test = PlanUnderTest()
    let before = test.plan.results
    let early = JobResult.checkpoint(digest("early"), metrics: [:])
    #expect(test.handle(.resultAdopted(job: "pretrain/value", result: early, from: "x")).isEmpty)
    #expect(test.handle(.resultAdopted(job: "nothing", result: early, from: "x")).isEmpty)
    #expect(test.plan.results == before)
    #expect(test.plan.adoptedWork.description == "nothing")
  }

  @Test func aResultOfAnotherKindIsNotAdopted() throws {
    let test = PlanUnderTest()
    let job = "fold/demonstrations/0"
    let labels = JobResult.checkpoint(digest("labels"), metrics: [:])
    #expect(test.handle(.resultAdopted(job: job, result: labels, from: "x")).isEmpty)
    #expect(test.handle(.resultAdopted(job: job, result: .episodes([]), from: "x")).isEmpty)
    #expect(test.plan.state(of: job) == .queued)
  }

  @Test func theFirstResultOfAJobStays() throws {
    let test = PlanUnderTest()
    test.join("left")
    let order = try #require(test.ask("left"))
    test.finish("left", order)
    let own = test.plan.result(of: order.job.id)
    guard case .episodes(var receipts) = own else { throw Violation("no episodes") }
    receipts[0].digest = digest("another")
    let other = PlanEvent.resultAdopted(job: order.job.id, result: .episodes(receipts), from: "x")
    #expect(test.handle(other).isEmpty)
    #expect(test.plan.result(of: order.job.id) == own)
    #expect(test.plan.origin(of: order.job.id) == nil)
  }

  @Test func aWorkerAtWorkOnAnAdoptedJobIsToldToDropIt() throws {
    let test = PlanUnderTest()
    test.join("left")
    let order = try #require(test.ask("left"))
    let commands = try adopt(order.job.id, in: test)
    #expect(commands == [.revoke(lease: order.lease), .jobDone(job: order.job.id)])
    // Its report comes too late; it gets another job.
    #expect(test.finish("left", order) == [.rejected(lease: order.lease)])
    #expect(test.ask("left")?.job.id == "fold/demonstrations/1")
  }

  @Test func adoptionsAreRebuiltFromStoredEvents() throws {
    let test = PlanUnderTest()
    for job in test.plan.jobs.prefix(4) { _ = try adopt(job.id, in: test) }
    test.join("left")
    _ = test.ask("left")
    let stored = try test.events.map { try JSONEncoder().encode($0) }
    let rebuilt = PlanUnderTest()
    for event in stored {
      rebuilt.handle(try JSONDecoder().decode(PlanEvent.self, from: event))
    }
    #expect(rebuilt.plan == test.plan)
  }
}
