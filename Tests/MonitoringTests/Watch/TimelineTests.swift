import EpisodeStorage
import Episodes
import Foundation
import Messaging
import RecapAlgorithm
import Testing

@testable import Monitoring

struct TimelineTests {
  @Test("a job's time is that of the attempt that gave its result")
  func times() throws {
    var run = LoggedRun()
    try run.join("left", .collector)  // 1, 2: demonstrations/0
    try run.join("right", .collector)  // 3, 4: demonstrations/1
    // At 5, 6 (the job is given out again) and 7.
    try run.add(.jobFailed(worker: "left", lease: "fold/demonstrations/0@1", reason: "no arm"))
    try run.add(.jobWanted(worker: "left", incarnation: "1"))
    try run.finish("left", "fold/demonstrations/0", attempt: 2)
    let times = try #require(run.timeline.times["fold/demonstrations/0"])
    #expect(times.retries == 1)
    #expect(times.reason == "no arm")
    #expect(run.timeline.seconds(of: "fold/demonstrations/0") == 1)
    #expect(run.timeline.times["fold/demonstrations/1"]?.finished == nil)
    let kinds = run.timeline.incidents.map(\.kind)
    #expect(kinds == [.joined, .joined, .failed, .retried, .done])
    #expect(run.timeline.incidents.map(\.id) == [1, 2, 3, 4, 5])
  }

  @Test("reading an event twice changes nothing")
  func twice() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    let before = run.timeline.incidents
    let event = PlanEvent.workerLost(worker: "left", incarnation: "1")
    let text = String(decoding: try JSONEncoder().encode(event), as: UTF8.self)
    try run.timeline.add([EventRow(sequence: 2, time: LoggedRun.begin, event: text)])
    #expect(run.timeline.incidents == before)
  }

  @Test("a run's time is that of its work, not of the nights between")
  func worked() throws {
    var run = LoggedRun()
    try run.join("left", .collector)  // 1, 2
    #expect(RunView(run.snapshot(after: 10)).elapsedSeconds == 9)
    #expect(RunView(run.snapshot(isOpen: false, after: 10)).elapsedSeconds == 1)
    run.pass(seconds: 1000)
    // A person looks after a robot, and the run goes on: at 1003, 1004 and 1005.
    try run.add(.workerPaused(worker: "left", by: "anna"))
    try run.add(.coordinatorRestarted)
    try run.add(.workerResumed(worker: "left", by: "anna"))
    #expect(RunView(run.snapshot(isOpen: false, after: 2000)).elapsedSeconds == 1)
    try run.join("left", .collector)  // 1006, 1007
    #expect(RunView(run.snapshot(isOpen: false, after: 2000)).elapsedSeconds == 4)
  }

  @Test("what is left goes by the pace of jobs under way, not only of those that are done")
  func pace() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    let status = [
      WorkerStatus(
        name: "left", role: .collector, silentSeconds: 1, job: "fold/demonstrations/0",
        progress: JobProgress(done: 1, total: 4, unit: "episodes"))
    ]
    // Given out at 2, a quarter done at 12: the other job takes 40 s as well.
    let other = try #require(run.timeline.plan.job("fold/demonstrations/1"))
    #expect(run.snapshot(status, after: 12).pace.seconds(of: other) == 40)
    #expect(run.snapshot(after: 12).pace.seconds(of: other) == nil)
  }

  @Test("stages say how far they are, what runs and for how long")
  func stages() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    try run.join("right", .collector)
    try run.finish("left", "fold/demonstrations/0")
    let status = [
      WorkerStatus(
        name: "right", role: .collector, silentSeconds: 1, job: "fold/demonstrations/1",
        progress: JobProgress(done: 1, total: 2, unit: "episodes"))
    ]
    let view = RunView(run.snapshot(status, after: 10))
    let stage = try #require(view.stages.first)
    #expect(stage.stage == "fold/demonstrations")
    #expect(stage.kind == .demonstrations && stage.state == .running)
    #expect(stage.progress == 0.75)
    #expect(stage.workers == ["right"])
    // Begun at 4, half done at 10: as long again.
    #expect(stage.remainingSeconds == 6)
    #expect(view.stages.map(\.state) == [.running, .waiting, .waiting, .waiting])
    #expect(view.jobsDone == 1 && view.jobs == 5)
    let collectors = try #require(view.workers.first { $0.role == .collector })
    #expect(collectors.here == 2 && collectors.working == 1)
    let stopped = RunView(run.snapshot(isOpen: false))
    #expect(stopped.state == .stopped)
    #expect(stopped.stages[0].state == .ready, "nobody works on a run that is stopped")
  }

  @Test("the estimate carries the plan out on paper, with the pace of what is done")
  func forecast() throws {
    let plan = Plan(jobs: LoggedRun.jobs, maximumAttempts: 1)
    let roles: [WorkerRole: Int] = [.collector: 1, .valueLearner: 1, .policyLearner: 1]
    let lengths: [WorkerRole: Double] = [.collector: 10, .valueLearner: 100, .policyLearner: 30]
    func left(_ workers: [WorkerRole: Int]) -> Double? {
      plan.remainingSeconds(
        workers: workers, seconds: { lengths[$0.role] }, remaining: { _ in nil })
    }
    // Two demonstrations one after the other; then the value learner is the longest way.
    #expect(left(roles) == 120)
    #expect(left(roles.merging([.collector: 2]) { $1 }) == 110)
    #expect(left([.collector: 1, .policyLearner: 1]) == nil, "nobody trains the value function")
    #expect(
      plan.remainingSeconds(workers: roles, seconds: { _ in nil }, remaining: { _ in nil }) == nil)
  }

  @Test("what people say of an episode is remembered with who said it, and told")
  func judgements() throws {
    var run = LoggedRun()
    let digest = ContentDigest(hashing: [1])
    for (rater, outcome) in [("anna", Outcome.failure), ("ben", .success)] {
      try run.add(
        .episodeJudged(
          Judgement(
            episode: "e", digest: digest, outcome: outcome, rater: rater, verdict: .failure)))
    }
    #expect(run.timeline.ratings["e"]?.map(\.rater) == ["anna", "ben"])
    #expect(
      run.timeline.incidents.map(\.text) == [
        "anna calls e a failure", "ben calls e a success; others say otherwise",
      ])
    #expect(run.snapshot().stamp.judgements == 2)
  }
}
