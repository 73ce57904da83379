import Episodes
import Testing

@testable import RecapAlgorithm

@Suite struct ScheduleTests {
  private let jobs = Schedule.jobs(for: .small())

  private func job(_ id: String, in jobs: [Job]) throws -> Job {
    try #require(jobs.first { $0.id == id }, "no job \(id)")
  }

  @Test func oneTaskOneIterationIsAlgorithmOne() {
    let task = TaskSchedule(
      name: "fold", demonstrations: 3, autonomousEpisodes: 2, correctedEpisodes: 1,
      evaluationEpisodes: 2)
    let jobs = Schedule.jobs(for: .small(tasks: [task], iterations: 1))
    #expect(
      jobs.map(\.id) == [
        "fold/demonstrations/0", "fold/demonstrations/1",
        "pretrain/value", "pretrain/labels", "pretrain/policy",
        "fold/0/policy",
        "fold/1/autonomous/0", "fold/1/corrected/0",
        "fold/1/value", "fold/1/labels", "fold/1/policy",
        "fold/0/evaluate/0", "fold/1/evaluate/0",
      ])
  }

  @Test func pretrainingUsesAllDemonstrationsAndLooksToTheEnd() throws {
    let demonstrations = [
      "fold/demonstrations/0", "stack/demonstrations/0", "fold/demonstrations/1",
      "fold/demonstrations/2",
    ]
    guard case .trainValue(let value) = try job("pretrain/value", in: jobs).work,
      case .label(let labels) = try job("pretrain/labels", in: jobs).work,
      case .trainPolicy(let policy) = try job("pretrain/policy", in: jobs).work
    else { throw SettingProblem(key: "pretrain", message: "unexpected work") }
    #expect(value.dataset == demonstrations && value.initial == nil)
    #expect(labels.dataset == demonstrations && labels.lookahead == nil)
    #expect(labels.positiveShare == ["fold": 0.3, "stack": 0.3])
    #expect(policy.dataset == demonstrations && policy.labels == "pretrain/labels")
    #expect(policy.initial == nil && policy.indicatorDropout == 0.3)
  }

  @Test func theFirstStageIsSupervised() throws {
    guard case .trainPolicy(let policy) = try job("stack/0/policy", in: jobs).work else {
      throw SettingProblem(key: "stack/0/policy", message: "unexpected work")
    }
    #expect(policy.labels == nil)
    #expect(policy.dataset == ["stack/demonstrations/0"])
    #expect(policy.initial == "pretrain/policy")
    #expect(!jobs.contains { $0.id == "stack/0/labels" })
  }

  @Test func iterationsPractiseWithTheLastPolicyAndLearnFromEverything() throws {
    for id in ["fold/2/autonomous/0", "fold/2/autonomous/1", "fold/2/corrected/0"] {
      guard case .collect(let work) = try job(id, in: jobs).work else {
        throw SettingProblem(key: id, message: "unexpected work")
      }
      #expect(work.policy == "fold/1/policy")
    }
    guard case .trainValue(let value) = try job("fold/2/value", in: jobs).work,
      case .label(let labels) = try job("fold/2/labels", in: jobs).work,
      case .trainPolicy(let policy) = try job("fold/2/policy", in: jobs).work,
      case .label(let stackLabels) = try job("stack/1/labels", in: jobs).work
    else { throw SettingProblem(key: "fold/2", message: "unexpected work") }
    #expect(
      value.dataset == [
        "fold/demonstrations/0", "fold/demonstrations/1", "fold/demonstrations/2",
        "fold/1/autonomous/0", "fold/1/autonomous/1", "fold/1/corrected/0",
        "fold/2/autonomous/0", "fold/2/autonomous/1", "fold/2/corrected/0",
      ])
    #expect(labels.dataset == value.dataset && policy.dataset == value.dataset)
    #expect(value.initial == "pretrain/value" && policy.initial == "pretrain/policy")
    #expect(labels.value == "fold/2/value" && labels.lookahead == 50)
    #expect(labels.positiveShare == ["fold": 0.4] && stackLabels.positiveShare == ["stack": 0.1])
    #expect(policy.labels == "fold/2/labels")
  }

  @Test func theSwitchContinuesFromTheLastIteration() throws {
    let jobs = Schedule.jobs(for: .small(restartFromPretrained: false))
    for (iteration, origin) in [(0, "pretrain"), (1, "fold/0"), (2, "fold/1")] {
      guard case .trainValue(let value) = try job("fold/\(iteration)/value", in: jobs).work,
        case .trainPolicy(let policy) = try job("fold/\(iteration)/policy", in: jobs).work
      else { throw SettingProblem(key: "fold", message: "unexpected work") }
      #expect(value.initial == "\(origin)/value" && policy.initial == "\(origin)/policy")
    }
  }

  @Test func aTaskThatIsNotSpecialisedToIsPreTrainedOnAndNothingMore() {
    var settings = ScheduleSettings.small()
    let whole = Schedule.jobs(for: settings)
    settings.tasks[1].specialize = false
    let jobs = Schedule.jobs(for: settings)
    // What is left is the same, seeds and datasets included, so that runs can share it.
    #expect(
      jobs == whole.filter { !$0.id.hasPrefix("stack/") || $0.id.contains("/demonstrations/") })
    #expect(jobs.count < whole.count)
  }

  @Test(arguments: [true, false])
  func everyNetworkAndLabelSetIsOfUse(restarts: Bool) {
    let jobs = Schedule.jobs(for: .small(restartFromPretrained: restarts))
    let needed = Set(jobs.flatMap(\.dependencies))
    for job in jobs where job.role != .collector { #expect(needed.contains(job.id)) }
  }

  @Test func evaluationIsNeverTrainedOn() {
    for job in jobs {
      let dataset: [String] =
        switch job.work {
        case .trainValue(let work): work.dataset
        case .label(let work): work.dataset
        case .trainPolicy(let work): work.dataset
        case .collect, .estimateValues: []
        }
      #expect(!dataset.contains { $0.contains("/evaluate/") })
    }
  }

  @Test func everyJobComesAfterWhatItNeedsAndPracticeBeforeEvaluation() throws {
    var earlier: Set<String> = []
    for job in jobs {
      #expect(job.dependencies.allSatisfy(earlier.contains))
      #expect(earlier.insert(job.id).inserted)
    }
    let practice = try #require(jobs.lastIndex { $0.id.contains("/autonomous/") })
    let evaluation = try #require(jobs.firstIndex { $0.id.contains("/evaluate/") })
    #expect(practice < evaluation)
  }

  @Test func aLargeDatasetIsLabelledInShards() throws {
    let whole = Schedule.jobs(for: .small())
    let jobs = Schedule.jobs(for: .small(episodesPerLabelJob: 6))
    // 7 demonstrations in pre-training; 5 + 3 + 2 episodes of fold at k = 1, 15 at k = 2; 4 and 6 of stack.
    #expect(
      jobs.filter { $0.role == .advantageLabeller }.map(\.id).sorted() == [
        "fold/1/labels", "fold/1/labels/0", "fold/1/labels/1", "fold/2/labels", "fold/2/labels/0",
        "fold/2/labels/1", "fold/2/labels/2", "pretrain/labels", "pretrain/labels/0",
        "pretrain/labels/1", "stack/1/labels", "stack/2/labels",
      ])
    for labelling in jobs {
      guard case .label(let work) = labelling.work else { continue }
      let shards = jobs.filter { $0.stage == labelling.id && $0.id != labelling.id }
      #expect(work.shards == (shards.isEmpty ? nil : shards.map(\.id)))
      // Every episode is read once, in the dataset's order, by V of the labelling.
      var read: [String] = []
      for shard in shards {
        guard case .estimateValues(let part) = shard.work else { continue }
        read += part.dataset
        #expect(part.value == work.value && part.episodeCount <= 6)
        let episodes = part.dataset.map { id in jobs.first { $0.id == id }?.episodeCount ?? 0 }
        #expect(episodes.reduce(0, +) == part.episodeCount)
      }
      #expect(read == (shards.isEmpty ? [] : work.dataset))
      // Otherwise it is the job that it would be without.
      var alone = labelling
      var bare = work
      bare.shards = nil
      alone.work = .label(bare)
      #expect(whole.contains(alone))
    }
    // All else is as it was, and so is a dataset that is small enough.
    #expect(
      jobs.filter { $0.role != .advantageLabeller }
        == whole.filter { $0.role != .advantageLabeller })
    #expect(Schedule.jobs(for: .small(episodesPerLabelJob: 15)) == whole)
    // A collect job's episodes are never divided.
    let single = Schedule.jobs(for: .small(episodesPerLabelJob: 1)).filter {
      $0.stage == "pretrain/labels"
    }
    #expect(single.map(\.episodeCount) == [1, 2, 2, 2, 0])
  }

  @Test func slicesCoverEveryEpisodeOnce() {
    for total in 0...13 {
      let task = TaskSchedule(
        name: "t", demonstrations: max(total, 1), autonomousEpisodes: 1, correctedEpisodes: 0,
        evaluationEpisodes: total)
      let jobs = Schedule.jobs(for: .small(tasks: [task], iterations: 1, episodesPerJob: 4))
      var indices: [Int] = []
      for job in jobs where job.stage == "t/1/evaluate" {
        guard case .collect(let work) = job.work else { continue }
        #expect((1...4).contains(work.episodeCount))
        indices += work.firstEpisode..<work.firstEpisode + work.episodeCount
      }
      #expect(indices == Array(0..<total))
    }
  }

  @Test func evaluationsOfATaskShareTheirStartsAndNoOtherEpisodeHasThem() throws {
    let first = try job("fold/0/evaluate/0", in: jobs)
    let last = try job("fold/2/evaluate/1", in: jobs)
    #expect((0..<4).map(first.episodeSeed) == (0..<4).map(last.episodeSeed))
    var evaluation: Set<UInt64> = []
    var training: Set<UInt64> = []
    var trainingEpisodes = 0
    for job in jobs {
      guard case .collect(let work) = job.work else { continue }
      for index in work.firstEpisode..<work.firstEpisode + work.episodeCount {
        if work.source == .evaluation {
          evaluation.insert(job.episodeSeed(index) & 0xFFFF)
        } else {
          training.insert(job.episodeSeed(index))
          trainingEpisodes += 1
        }
      }
    }
    #expect(training.count == trainingEpisodes)
    #expect(evaluation.isDisjoint(with: training.map { $0 & 0xFFFF }))
    #expect(evaluation.count == 4 + 2)
  }

  @Test func seedsFollowTheRunsSeedAndTheJobAlone() throws {
    let again = Schedule.jobs(for: .small())
    #expect(again == jobs)
    let other = Schedule.jobs(for: .small(seed: 2))
    #expect(zip(jobs, other).allSatisfy { $0.id == $1.id && $0.seed != $1.seed })
    let more = Schedule.jobs(for: .small(iterations: 3))
    let later = try job("fold/2/policy", in: more)
    #expect(later.seed == (try job("fold/2/policy", in: jobs)).seed)
    // Fixed for ever: a resumed run must derive what it derived before.
    #expect(StableSeed.derive(1, "pretrain/value") == 16_199_341_087_951_789_517)
    #expect(StableSeed.derive(1, 7) == 17_708_303_864_081_781_725)
  }
}

@Suite struct SettingProblemTests {
  private func problem(_ change: (inout ScheduleSettings) -> Void) -> SettingProblem? {
    var settings = ScheduleSettings.small()
    change(&settings)
    return settings.problems.first
  }

  @Test func goodSettingsHaveNone() throws {
    #expect(ScheduleSettings.small().problems.isEmpty)
    try ScheduleSettings.small(iterations: 0).validate()
  }

  @Test func everyProblemNamesItsKey() {
    let cases: [(String, (inout ScheduleSettings) -> Void)] = [
      ("tasks", { $0.tasks = [] }),
      ("tasks[1].name", { $0.tasks[1].name = "fold" }),
      ("tasks[0].name", { $0.tasks[0].name = "a/b" }),
      ("tasks[0].name", { $0.tasks[0].name = "pretrain" }),
      ("tasks[0].demonstrations", { $0.tasks[0].demonstrations = 0 }),
      ("tasks[1].evaluationEpisodes", { $0.tasks[1].evaluationEpisodes = -1 }),
      ("tasks[1].autonomousEpisodes", { $0.tasks[1].autonomousEpisodes = 0 }),
      ("tasks[0].specialize", { for task in 0...1 { $0.tasks[task].specialize = false } }),
      (
        "tasks[1].specialize",
        {
          $0.tasks[1].specialize = false
          $0.pretraining = false
        }
      ),
      ("tasks[0].positiveShare", { $0.tasks[0].positiveShare = 1 }),
      ("schedule.iterations", { $0.iterations = -1 }),
      ("schedule.episodesPerJob", { $0.episodesPerJob = 0 }),
      ("schedule.episodesPerLabelJob", { $0.episodesPerLabelJob = 0 }),
      ("method.failureCost", { $0.method.failureCost = 0 }),
      ("method.positiveShare", { $0.method.positiveShare = 0 }),
      ("method.pretrainPositiveShare", { $0.method.pretrainPositiveShare = .nan }),
      ("method.lookahead", { $0.method.lookahead = 0 }),
      ("method.indicatorDropout", { $0.method.indicatorDropout = 1 }),
      ("method.guidance", { $0.method.guidance = -1 }),
      ("training.value.steps", { $0.training.value.steps = 0 }),
      ("training.policy.learningRate", { $0.training.policy.learningRate = 0 }),
      ("training.value.stateNoise", { $0.training.value.stateNoise = -1 }),
      ("training.value.heldOutShare", { $0.training.value.heldOutShare = 0.6 }),
      ("training.policyPretrain.averageDecay", { $0.training.policyPretrain.averageDecay = 1 }),
    ]
    for (key, change) in cases { #expect(problem(change)?.key == key) }
  }

  @Test func theMessageSaysWhatIsValidAndWhatCame() {
    #expect(
      problem { $0.method.lookahead = 0 }?.description
        == "method.lookahead: must be 1 or more, got 0")
    var settings = ScheduleSettings.small()
    settings.episodesPerJob = -3
    #expect(
      throws: SettingProblem(
        key: "schedule.episodesPerJob", message: "must be 1 or more, got -3")
    ) { try settings.validate() }
  }
}
