import Episodes
import Foundation
import Testing

@testable import RecapAlgorithm

/// What people say of episodes after they were recorded.
@Suite struct JudgingTests {
  private let job = "fold/demonstrations/0"

  private func plan() -> Plan {
    Plan(jobs: Schedule.jobs(for: .small(iterations: 1)), maximumAttempts: 2)
  }

  private func adopt(_ id: String, _ plan: inout Plan) throws {
    let order = try #require(plan.order(for: id, lease: ""))
    _ = plan.handle(.resultAdopted(job: id, result: result(of: order), from: "test"))
  }

  private func finishDemonstrations(_ plan: inout Plan) throws {
    for job in plan.jobs where job.id.contains("demonstrations") { try adopt(job.id, &plan) }
  }

  private func judge(
    _ receipt: EpisodeReceipt, _ outcome: Outcome, by rater: String, _ plan: inout Plan
  ) {
    let verdict = plan.verdict(
      on: receipt.digest, adding: outcome, by: rater, recorded: receipt.outcome)
    _ = plan.handle(
      .episodeJudged(
        Judgement(
          episode: receipt.id, digest: receipt.digest, outcome: outcome, rater: rater,
          verdict: verdict)))
  }

  @Test("most raters decide, each by the last word, and the recording where they are divided")
  func verdicts() throws {
    var plan = plan()
    let episode = digest("episode")
    func say(_ outcome: Outcome, _ rater: String) -> Outcome {
      let verdict = plan.verdict(on: episode, adding: outcome, by: rater, recorded: .success)
      _ = plan.handle(
        .episodeJudged(
          Judgement(
            episode: "e", digest: episode, outcome: outcome, rater: rater, verdict: verdict)))
      return verdict
    }
    #expect(say(.failure, "anna") == .failure)
    #expect(say(.success, "ben") == .success, "one against one: as it was recorded")
    #expect(say(.failure, "cleo") == .failure)
    #expect(say(.success, "anna") == .success, "anna has changed her mind")
    #expect(plan.ratings(of: episode) == ["anna": .success, "ben": .success, "cleo": .failure])
  }

  @Test("what is given out afterwards learns from the verdict; what was given out or done does not")
  func orders() throws {
    var plan = plan()
    try finishDemonstrations(&plan)
    let receipt = try #require(plan.receipts(of: job).first)
    _ = plan.handle(
      .workerJoined(worker: "value", incarnation: "1", role: .valueLearner, tasks: []))
    let commands = plan.handle(.jobWanted(worker: "value", incarnation: "1"))
    guard case .grant(_, let lease, let granted) = commands.first else {
      Issue.record("no job for the value learner: \(commands)")
      return
    }
    let other: Outcome = receipt.outcome == .success ? .failure : .success
    judge(receipt, other, by: "anna", &plan)

    #expect(granted.outcomes == nil)
    #expect(plan.order(for: granted.job.id, lease: lease)?.outcomes == nil)
    let checkpoint = result(of: granted)
    _ = plan.handle(.jobFinished(worker: "value", lease: lease, result: checkpoint))
    #expect(plan.order(for: granted.job.id, lease: "")?.outcomes == nil, "its result is without")
    let labelling = try #require(plan.order(for: "pretrain/labels", lease: ""))
    #expect(labelling.outcomes == [receipt.digest: other])

    judge(receipt, receipt.outcome, by: "anna", &plan)
    #expect(plan.order(for: "pretrain/labels", lease: "")?.outcomes == nil)
  }

  @Test("a retried job hears of what was said in between")
  func retries() throws {
    var plan = plan()
    try finishDemonstrations(&plan)
    let receipt = try #require(plan.receipts(of: job).first)
    _ = plan.handle(
      .workerJoined(worker: "value", incarnation: "1", role: .valueLearner, tasks: []))
    _ = plan.handle(.jobWanted(worker: "value", incarnation: "1"))
    judge(receipt, receipt.outcome == .success ? .failure : .success, by: "anna", &plan)
    _ = plan.handle(.workerLost(worker: "value", incarnation: "1"))
    #expect(plan.order(for: "pretrain/value", lease: "")?.outcomes?.keys.first == receipt.digest)
  }

  @Test("an order without verdicts is written as it always was")
  func encoding() throws {
    var plan = plan()
    try finishDemonstrations(&plan)
    let encoder = JSONEncoder()
    func text() throws -> String {
      let order = try #require(plan.order(for: "pretrain/value", lease: ""))
      return String(decoding: try encoder.encode(order), as: UTF8.self)
    }
    #expect(try !text().contains("outcomes"))
    let receipt = try #require(plan.receipts(of: job).first)
    let other: Outcome = receipt.outcome == .success ? .failure : .success
    judge(receipt, other, by: "anna", &plan)
    #expect(try text().contains(#""outcomes":{"\#(receipt.digest)":"\#(other.rawValue)"}"#))
  }
}
