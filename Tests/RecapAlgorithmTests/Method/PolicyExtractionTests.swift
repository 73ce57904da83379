import Testing

@testable import RecapAlgorithm

@Suite struct AdvantageWeightsTests {
  @Test func standardizedAdvantagesByHand() {
    // Mean 3, deviation 2.
    #expect(
      AdvantageWeights.standardized([1, 5, 1, 5], positives: [false, true, false, true])
        == [-1, 1, -1, 1])
    #expect(AdvantageWeights.standardized([2, 2], positives: [false, false]) == [0, 0])
  }

  /// The second action is a person's: it counts like the best of those that are called negative.
  @Test func correctionsAreRaisedToTheThreshold() {
    let corrected = AdvantageWeights.standardized(
      [1, -9, 5, 1], positives: [false, true, true, false])
    let raised = AdvantageWeights.standardized(
      [1, 1, 5, 1], positives: [false, false, true, false])
    #expect(corrected == raised)
  }

  @Test func regressionWeightsByHand() {
    // exp(0), exp(1), exp(3) cut at 10: mean (1 + e + 10) / 3.
    let weights = AdvantageWeights.regression([0, 2, 6], temperature: 2, limit: 10)
    let mean: Float = (1 + 2.7182818 + 10) / 3
    for (weight, expected) in zip(weights, [1, 2.7182818, 10]) {
      #expect(abs(weight - Float(expected) / mean) < 1e-6)
    }
  }
}

@Suite struct ExtractionScheduleTests {
  private func jobs(
    _ extraction: PolicyExtraction, pretraining: Bool = true, restarts: Bool = true
  ) -> [Job] {
    var settings = ScheduleSettings.small(restartFromPretrained: restarts)
    settings.method.extraction = extraction
    settings.method.guidance = 1.5
    settings.pretraining = pretraining
    return Schedule.jobs(for: settings)
  }

  private func policy(_ id: String, in jobs: [Job]) throws -> TrainPolicyWork {
    let job = try #require(jobs.first { $0.id == id }, "no job \(id)")
    guard case .trainPolicy(let work) = job.work else {
      throw SettingProblem(key: id, message: "unexpected work")
    }
    return work
  }

  @Test(arguments: PolicyExtraction.allCases, [true, false])
  func everyJobIsOfUseAndComesAfterWhatItNeeds(_ extraction: PolicyExtraction, pretraining: Bool) {
    for restarts in [true, false] {
      let jobs = jobs(extraction, pretraining: pretraining, restarts: restarts)
      let needed = Set(jobs.flatMap(\.dependencies))
      var earlier: Set<String> = []
      for job in jobs {
        #expect(job.role == .collector || needed.contains(job.id), "\(job.id) is of no use")
        #expect(job.dependencies.allSatisfy(earlier.contains))
        earlier.insert(job.id)
      }
      #expect(jobs.contains { $0.id.hasPrefix("pretrain/") } == pretraining)
      #expect(jobs.contains { $0.role == .valueLearner } == extraction.needsLabels)
    }
  }

  /// What is compared on the same practice begins alike, down to the first iteration's labels.
  @Test(arguments: [PolicyExtraction.awr, .ppo])
  func weighingActionsBeginsLikeRecap(_ extraction: PolicyExtraction) throws {
    let recap = jobs(.recap)
    let other = jobs(extraction)
    #expect(recap.map(\.id) == other.map(\.id))
    for (job, its) in zip(recap, other) where job != its {
      let isPolicy = job.role == .policyLearner
      let actsWithOne = job.role == .collector && !job.id.hasSuffix("/demonstrations")
      #expect((job.iteration ?? 0) > 0 && (isPolicy || actsWithOne))
      #expect(!job.id.contains("/1/autonomous") && !job.id.contains("/1/corrected"))
    }
  }

  @Test func eachExtractionTrainsInItsWay() throws {
    let awr = try policy("fold/1/policy", in: jobs(.awr))
    #expect(awr.weighting == .advantage(temperature: 1, limit: 20))
    #expect(awr.indicatorDropout == 1 && awr.labels == "fold/1/labels")
    #expect(awr.initial == "pretrain/policy")
    let ppo = try policy("fold/2/policy", in: jobs(.ppo))
    #expect(ppo.weighting == .trustRegion(0.01) && ppo.indicatorDropout == 1)
    #expect(ppo.initial == "fold/1/policy")
    let imitation = try policy("fold/1/policy", in: jobs(.imitation))
    #expect(imitation.labels == nil && imitation.indicatorDropout == 1)
    #expect(imitation.weighting == .uniform && !imitation.onlySuccesses)
    let filtered = try policy("pretrain/policy", in: jobs(.filtered))
    #expect(filtered.onlySuccesses && filtered.labels == nil)
    let recap = try policy("fold/1/policy", in: jobs(.recap))
    #expect(!recap.onlySuccesses && recap.weighting == .uniform && recap.indicatorDropout == 0.3)
  }

  @Test func onlyConditionedPoliciesAreAskedForBetterActions() throws {
    func collect(_ id: String, _ extraction: PolicyExtraction) throws -> CollectWork {
      let job = try #require(jobs(extraction).first { $0.id == id })
      guard case .collect(let work) = job.work else {
        throw SettingProblem(key: id, message: "unexpected work")
      }
      return work
    }
    for (id, extraction, isConditioned) in [
      ("fold/0/evaluate/0", PolicyExtraction.recap, true),
      ("fold/1/autonomous/0", .awr, true), ("fold/1/evaluate/0", .awr, false),
      ("fold/2/autonomous/0", .ppo, false), ("fold/0/evaluate/0", .imitation, false),
    ] {
      let work = try collect(id, extraction)
      #expect(work.indicator == (isConditioned ? .positive : .absent), "\(id) \(extraction)")
      #expect(work.guidance == (isConditioned ? 1.5 : 1))
    }
    #expect(try collect("fold/demonstrations/0", .recap).guidance == 1)
  }

  @Test func withoutPretrainingNetworksBeginAtRandom() throws {
    let jobs = jobs(.recap, pretraining: false)
    #expect(try policy("fold/0/policy", in: jobs).initial == nil)
    #expect(try policy("fold/1/policy", in: jobs).initial == nil)
    let value = try #require(jobs.first { $0.id == "fold/1/value" })
    #expect(value.dependencies.allSatisfy { !$0.hasPrefix("pretrain") })
  }
}
