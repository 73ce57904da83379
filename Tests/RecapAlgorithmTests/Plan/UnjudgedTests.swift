import Episodes
import Testing

@testable import RecapAlgorithm

/// Episodes that nobody has judged: recorded, kept, and in no dataset.
@Suite struct UnjudgedTests {
  private func plan(_ judging: JudgingPolicy = .leaveOut) -> Plan {
    let jobs = Schedule.jobs(for: .small(iterations: 1))
    return Plan(jobs: jobs, maximumAttempts: 2, judging: judging)
  }

  private func adopt(
    _ id: String, _ plan: inout Plan, where isUnjudged: (EpisodeReceipt) -> Bool = { _ in false }
  ) throws {
    var made = result(of: try #require(plan.order(for: id, lease: "")))
    if case .episodes(var receipts) = made {
      for index in receipts.indices where isUnjudged(receipts[index]) {
        receipts[index].outcome = .unjudged
      }
      made = .episodes(receipts)
    }
    _ = plan.handle(.resultAdopted(job: id, result: made, from: "test"))
  }

  /// Demonstrations; the first slice of "fold" has nothing but unjudged episodes, unless told otherwise.
  private func finishDemonstrations(
    _ plan: inout Plan, unjudged: [String] = ["fold/demonstrations/1"]
  ) throws {
    for job in plan.jobs where job.id.contains("demonstrations") {
      try adopt(job.id, &plan) { _ in unjudged.contains(job.id) }
    }
  }

  @discardableResult
  private func judge(
    _ receipt: EpisodeReceipt, _ outcome: Outcome, by rater: String = "anna", _ plan: inout Plan
  ) -> [PlanCommand] {
    let verdict = plan.verdict(
      on: receipt.digest, adding: outcome, by: rater, recorded: receipt.outcome)
    return plan.handle(
      .episodeJudged(
        Judgement(
          episode: receipt.id, digest: receipt.digest, outcome: outcome, rater: rater,
          verdict: verdict)))
  }

  private func order(_ id: String, _ plan: Plan) throws -> JobOrder {
    try #require(plan.order(for: id, lease: ""))
  }

  @Test("learning goes on without them, says how many, and has them once they are judged")
  func leftOut() throws {
    var plan = plan()
    try finishDemonstrations(&plan)
    let open = plan.receipts(of: "fold/demonstrations/1")
    #expect(plan.unjudgedEpisodes == 2 && plan.heldJobs.isEmpty)
    let value = try order("pretrain/value", plan)
    #expect(value.dataset.count == 7 - open.count && plan.leftOut(of: value.job.id) == 2)
    #expect(!open.contains { value.dataset.contains($0.digest) })

    judge(open[0], .failure, &plan)
    #expect(plan.unjudgedEpisodes == 1)
    let later = try order("pretrain/value", plan)
    #expect(later.dataset.contains(open[0].digest) && later.dataset.count == 6)
    #expect(later.outcomes == [open[0].digest: .failure] && plan.leftOut(of: later.job.id) == 1)
    // As it was named when it had not been judged: by index, not by when it was judged.
    #expect(later.dataset[3] == open[0].digest)
  }

  @Test("a policy learns from the episodes that were labelled, whatever is judged in between")
  func labelled() throws {
    var plan = plan()
    try finishDemonstrations(&plan)
    let open = plan.receipts(of: "fold/demonstrations/1")
    try adopt("pretrain/value", &plan)
    try adopt("pretrain/labels", &plan)
    judge(open[0], .success, &plan)
    #expect(try order("pretrain/labels", plan).dataset.count == 5)
    #expect(try order("pretrain/policy", plan).dataset == order("pretrain/labels", plan).dataset)
    // The next value function has it: the next snapshot of the data.
    try adopt("pretrain/policy", &plan)
    #expect(try order("fold/0/policy", plan).dataset.contains(open[0].digest))
  }

  @Test("where a task has no judged episode, what learns from it waits, and begins once it has one")
  func nothingToLearnFrom() throws {
    var plan = plan()
    try finishDemonstrations(&plan, unjudged: ["stack/demonstrations/0"])
    _ = plan.handle(
      .workerJoined(worker: "value", incarnation: "1", role: .valueLearner, tasks: []))
    #expect(plan.handle(.jobWanted(worker: "value", incarnation: "1")) == [])
    #expect(plan.state(of: "pretrain/value") == .held(unjudged: 2))
    #expect(plan.heldJobs.map(\.job) == ["pretrain/value"])
    #expect(plan.stages.first { $0.stage == "pretrain/value" }?.jobsReady == 0)
    let commands = judge(plan.receipts(of: "stack/demonstrations/0")[1], .success, &plan)
    guard case .grant(let worker, _, let order) = commands.first else {
      Issue.record("nothing was given out: \(commands)")
      return
    }
    #expect(worker == "value" && order.dataset.count == 6)
    #expect(plan.heldJobs.isEmpty && plan.unjudgedEpisodes == 1)
  }

  @Test("where the run waits for judges, nothing is learned before every episode is judged")
  func waits() throws {
    var plan = plan(.wait)
    try finishDemonstrations(&plan)
    #expect(plan.state(of: "pretrain/value") == .held(unjudged: 2))
    for receipt in plan.receipts(of: "fold/demonstrations/1") {
      #expect(plan.state(of: "pretrain/value") != .queued)
      judge(receipt, .success, &plan)
    }
    #expect(plan.state(of: "pretrain/value") == .queued)
    #expect(try order("pretrain/value", plan).dataset.count == 7)
  }

  @Test(
    "raters who are divided leave an episode unjudged; a verdict may come before its job is done")
  func divided() throws {
    var plan = plan()
    let order = try order("fold/demonstrations/1", plan)
    guard case .episodes(let receipts) = result(of: order) else { return }
    var first = receipts[0]
    first.outcome = .unjudged
    judge(first, .success, &plan)
    try finishDemonstrations(&plan)
    #expect(plan.unjudgedEpisodes == 1, "the other one")
    judge(first, .failure, by: "ben", &plan)
    #expect(plan.unjudgedEpisodes == 2)
    judge(first, .failure, by: "cleo", &plan)
    #expect(plan.unjudgedEpisodes == 1)
  }

  @Test("they count in no rate, and nothing is labelled from them")
  func statistics() throws {
    let attempts = [Outcome.success, .failure, .unjudged, .unjudged].map {
      PracticeStatistics.Attempt(outcome: $0, steps: 360, controlRate: 10)
    }
    let statistics = try #require(PracticeStatistics(attempts))
    #expect(statistics == PracticeStatistics(Array(attempts.prefix(2))))
    #expect(statistics.episodes == 2 && statistics.successRate == 0.5)
    #expect(PracticeStatistics(Array(attempts.suffix(2))) == nil)
    let work = LabelWork(
      dataset: [], value: "v", lookahead: 2, positiveShare: ["fold": 0.5], failureCost: nil)
    #expect(throws: LabellingError.unjudged(episode: "e")) {
      try Labelling.label(
        [valued("e", outcome: .unjudged, values: [-0.5])], job: "j", value: digest("v"),
        work: work, seed: 1)
    }
  }

  @Test("an outcome follows from the criteria, unless the rater says it")
  func opinions() throws {
    let criteria = ["fold", "label"]
    func outcome(_ opinion: Opinion) throws -> Outcome { try opinion.outcome(criteria: criteria) }
    #expect(try outcome(Opinion(criteria: ["fold": true, "label": true])) == .success)
    #expect(try outcome(Opinion(criteria: ["label": false])) == .failure)
    #expect(try outcome(Opinion(outcome: .success, criteria: ["label": false])) == .success)
    #expect(throws: OpinionError.says(nothingOf: ["label"])) {
      try outcome(Opinion(criteria: ["fold": true]))
    }
    #expect(throws: OpinionError.says(nothingOf: criteria)) { try outcome(Opinion()) }
    #expect(throws: OpinionError.says(nothingOf: criteria)) {
      try outcome(Opinion(outcome: .unjudged))
    }
    #expect(throws: OpinionError.unknownCriterion("lable", known: criteria)) {
      try outcome(Opinion(outcome: .success, criteria: ["lable": true]))
    }
    // What the robot scored may be spoken of too, but does not make a success.
    let scored = Opinion(criteria: ["fold": true, "label": true, "place": false])
    #expect(try scored.outcome(criteria: criteria, scored: ["place"]) == .success)
  }

  @Test(
    "of each criterion counts what most raters say of it, and the recording where they are divided")
  func criteria() throws {
    var plan = plan()
    let episode = digest("episode")
    let recorded = [
      StageScore(name: "fold", isDone: false), StageScore(name: "place", isDone: true),
    ]
    func say(_ rater: String, _ said: [String: Bool]?) -> [StageScore]? {
      let stages = plan.stages(of: episode, adding: said, by: rater, recorded: recorded)
      _ = plan.handle(
        .episodeJudged(
          Judgement(
            episode: "e", digest: episode, outcome: .success, criteria: said, rater: rater,
            verdict: .success, stages: stages)))
      return stages
    }
    func scores(_ fold: Bool, _ place: Bool, label: Bool? = nil) -> [StageScore] {
      [StageScore(name: "fold", isDone: fold), StageScore(name: "place", isDone: place)]
        + (label.map { [StageScore(name: "label", isDone: $0)] } ?? [])
    }
    #expect(say("anna", nil) == nil)
    #expect(say("anna", ["fold": true, "label": true]) == scores(true, true, label: true))
    #expect(say("ben", ["fold": false, "label": false]) == scores(false, true))
    #expect(say("cleo", ["label": false]) == scores(false, true, label: false))
    #expect(plan.criteria(of: episode)["ben"] == ["fold": false, "label": false])
    #expect(say("ben", nil) == scores(true, true), "anna of fold; of label two are divided")
  }
}
