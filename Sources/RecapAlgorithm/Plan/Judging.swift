import Episodes

// What people say of episodes after they were recorded.

/// A person's word on how an episode ended.
public struct Judgement: Codable, Hashable, Sendable {
  /// The episode's id.
  public var episode: String
  /// Of the episode's file, by which datasets name it.
  public var digest: ContentDigest
  /// Success or failure.
  public var outcome: Outcome
  /// Whether the episode passed each of the task's criteria, as far as the rater says so; nil where
  /// they say nothing of any.
  public var criteria: [String: Bool]?
  /// Who says so; a rater's last word on an episode counts.
  public var rater: String
  /// The outcome that counts from now on, all raters heard: see `Plan.verdict`.
  public var verdict: Outcome
  /// What counts of the criteria from now on, beside what was recorded: see `Plan.stages`. nil where no
  /// rater has said anything of any.
  public var stages: [StageScore]?

  public init(
    episode: String, digest: ContentDigest, outcome: Outcome, criteria: [String: Bool]? = nil,
    rater: String, verdict: Outcome, stages: [StageScore]? = nil
  ) {
    self.episode = episode
    self.digest = digest
    self.outcome = outcome
    self.criteria = criteria
    self.rater = rater
    self.verdict = verdict
    self.stages = stages
  }
}

extension Plan {
  /// What raters have said last of an episode, by rater.
  public func ratings(of episode: ContentDigest) -> [String: Outcome] { ratings[episode] ?? [:] }

  /// What raters have said last of an episode's criteria, by rater.
  public func criteria(of episode: ContentDigest) -> [String: [String: Bool]] {
    criteria[episode] ?? [:]
  }

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

  /// What counts of an episode's criteria once a rater has said theirs: of each what most raters say
  /// who speak of it; where they are divided evenly, what was recorded.
  ///
  /// - Parameters:
  ///   - said: The rater's word on each criterion; nil takes back what they said before.
  ///   - recorded: The stages that the robot scored, in their order, which is kept; criteria that it did
  ///     not score follow, by name.
  /// - Returns: nil where no rater says anything of any criterion.
  public func stages(
    of episode: ContentDigest, adding said: [String: Bool]?, by rater: String,
    recorded: [StageScore]?
  ) -> [StageScore]? {
    var all = criteria[episode] ?? [:]
    all[rater] = said
    let words = all.values.flatMap { $0.map { (name: $0.key, passed: $0.value) } }
    if words.isEmpty { return nil }
    let recorded = recorded ?? []
    let more = Set(words.map(\.name)).subtracting(recorded.map(\.name)).sorted()
    return (recorded.map(\.name) + more).compactMap { name in
      let spoken = words.filter { $0.name == name }
      let passes = spoken.count(where: \.passed)
      if 2 * passes == spoken.count { return recorded.first { $0.name == name } }
      return StageScore(name: name, isDone: 2 * passes > spoken.count)
    }
  }

  /// Jobs that are given out from now on learn from the verdict; those under way and done are not
  /// done again.
  mutating func judge(_ judgement: Judgement) {
    let digest = judgement.digest
    ratings[digest, default: [:]][judgement.rater] = judgement.outcome
    criteria[digest, default: [:]][judgement.rater] = judgement.criteria
    let isKnown = unjudged.contains(digest) || verdicts[digest] != nil
    verdicts[digest] = judgement.verdict
    if judgement.verdict != .unjudged {
      unjudged.remove(digest)
    } else if isKnown {
      // Its raters have become divided: as if nobody had judged it.
      unjudged.insert(digest)
    }
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
  var dataset: [String] {
    switch work {
    // V does not depend on how an episode ended.
    case .collect, .estimateValues: []
    case .trainValue(let work): work.dataset
    case .label(let work): work.dataset
    case .trainPolicy(let work): work.dataset
    }
  }
}
