import Episodes

// What people say of episodes after they were recorded.

/// A person's word on how an episode ended.
public struct Judgement: Codable, Hashable, Sendable {
  /// The episode's id.
  public var episode: String
  /// Of the episode's file, by which datasets name it.
  public var digest: ContentDigest
  public var outcome: Outcome
  /// Who says so; a rater's last word on an episode counts.
  public var rater: String
  /// The outcome that counts from now on, all raters heard: see `Plan.verdict`.
  public var verdict: Outcome

  public init(
    episode: String, digest: ContentDigest, outcome: Outcome, rater: String, verdict: Outcome
  ) {
    self.episode = episode
    self.digest = digest
    self.outcome = outcome
    self.rater = rater
    self.verdict = verdict
  }
}

extension Plan {
  /// What raters have said last of an episode, by rater.
  public func ratings(of episode: ContentDigest) -> [String: Outcome] { ratings[episode] ?? [:] }

  /// The outcome that counts once a rater has said theirs: what most raters say, each by their last
  /// word; where they are divided evenly, what was recorded.
  public func verdict(
    on episode: ContentDigest, adding outcome: Outcome, by rater: String, recorded: Outcome
  ) -> Outcome {
    var all = ratings[episode] ?? [:]
    all[rater] = outcome
    let successes = all.values.count { $0 == .success }
    if 2 * successes == all.count { return recorded }
    return 2 * successes > all.count ? .success : .failure
  }

  /// Jobs that are given out from now on learn from the verdict; those under way and done are not
  /// done again.
  mutating func judge(_ judgement: Judgement) {
    ratings[judgement.digest, default: [:]][judgement.rater] = judgement.outcome
    verdicts[judgement.digest] = judgement.verdict
  }

  /// The verdicts on episodes of a job's dataset that are others than what was recorded; nil where
  /// there is none.
  func changedOutcomes(in job: Job) -> [ContentDigest: Outcome]? {
    if verdicts.isEmpty { return nil }
    var changed: [ContentDigest: Outcome] = [:]
    for receipt in job.dataset.flatMap({ receipts(of: $0) }) {
      if let verdict = verdicts[receipt.digest], verdict != receipt.outcome {
        changed[receipt.digest] = verdict
      }
    }
    return changed.isEmpty ? nil : changed
  }
}

extension Job {
  /// The collect jobs whose episodes' outcomes it learns from.
  fileprivate var dataset: [String] {
    switch work {
    // V does not depend on how an episode ended.
    case .collect, .estimateValues: []
    case .trainValue(let work): work.dataset
    case .label(let work): work.dataset
    case .trainPolicy(let work): work.dataset
    }
  }
}
