import Testing

@testable import RecapAlgorithm

/// The plan under thousands of seeded schedules of faults.
@Suite struct FaultTests {
  private static let jobs = Schedule.jobs(
    for: .small(
      tasks: [
        TaskSchedule(
          name: "fold", demonstrations: 3, autonomousEpisodes: 2, correctedEpisodes: 1,
          evaluationEpisodes: 1),
        TaskSchedule(
          name: "stack", demonstrations: 1, autonomousEpisodes: 2, correctedEpisodes: 0,
          evaluationEpisodes: 2),
      ], iterations: 1, episodesPerLabelJob: 2))

  /// What comes out when nothing goes wrong.
  private static let reference: SimulatedWorld? = {
    var world = SimulatedWorld(seed: 0, jobs: jobs, faults: Faults.none)
    return (try? world.run()).map { world }
  }()

  @Test func aKindWorldFinishesWithoutAnyRetry() throws {
    let world = try #require(Self.reference)
    #expect(world.now < 300)
    #expect(world.coordinator.rejections == 0 && world.coordinator.restarts == 0)
    #expect(world.coordinator.plan.results.count == Self.jobs.count)
  }

  /// In every schedule each job's result is used once, nothing starts early, and the outcome,
  /// datasets included, is that of a world without faults.
  @Test(arguments: 0..<21)
  func everyScheduleEndsWithTheSameResults(group: Int) throws {
    let reference = try #require(Self.reference)
    for member in 0..<100 {
      let seed = UInt64(1000 * group + member + 1)
      var world = SimulatedWorld(
        seed: seed, jobs: Self.jobs, storesJSON: member.isMultiple(of: 50))
      do { try world.run() } catch {
        Issue.record("seed \(seed), \(world.faults), tick \(world.now): \(error)")
        return
      }
      #expect(
        world.coordinator.plan.results == reference.coordinator.plan.results, "seed \(seed)")
      #expect(world.coordinator.ordersByJob == reference.coordinator.ordersByJob, "seed \(seed)")
    }
  }

  /// Shards of one labelling are done by whoever comes, several at a time, and again where a labeller
  /// is lost.
  @Test func shardsAreSharedAndRepeated() throws {
    let shards = Self.jobs.filter { if case .estimateValues = $0.work { true } else { false } }
    #expect(Set(shards.map(\.stage)) == ["pretrain/labels", "fold/1/labels", "stack/1/labels"])
    var (bySeveral, repeated) = (0, 0)
    for seed in 1...60 as ClosedRange<UInt64> {
      var world = SimulatedWorld(seed: seed, jobs: Self.jobs)
      try world.run()
      let workers = Dictionary(grouping: shards, by: \.stage).mapValues { jobs in
        Set(jobs.compactMap { world.coordinator.doers[$0.id] }).count
      }
      bySeveral += workers.values.count { $0 > 1 }
      let plan = world.coordinator.plan
      repeated += plan.jobs.indices.count {
        shards.contains(plan.jobs[$0]) && plan.records[$0].grants > 1
      }
    }
    #expect(bySeveral > 60 && repeated > 20, "\(bySeveral) \(repeated)")
  }

  /// The schedules are as unkind as they are meant to be; otherwise the test above would prove
  /// little.
  @Test func theSchedulesDoMeetFaults() throws {
    var restarts = 0
    var rejections = 0
    var repetitions = 0
    var adoptions = 0
    var refusedAdoptions = 0
    for seed in 1...60 as ClosedRange<UInt64> {
      var world = SimulatedWorld(seed: seed, jobs: Self.jobs)
      try world.run()
      restarts += world.coordinator.restarts
      rejections += world.coordinator.rejections
      repetitions += world.coordinator.repetitions
      adoptions += world.coordinator.adoptions
      refusedAdoptions += world.coordinator.refusedAdoptions
    }
    #expect(restarts > 30 && rejections > 30 && repetitions > 30)
    #expect(adoptions > 30 && refusedAdoptions > 30)
  }

  @Test func aScheduleIsDecidedByItsSeed() throws {
    var first = SimulatedWorld(seed: 77, jobs: Self.jobs)
    var second = SimulatedWorld(seed: 77, jobs: Self.jobs)
    try first.run()
    try second.run()
    #expect(first.now == second.now)
    #expect(first.coordinator.plan == second.coordinator.plan)
  }
}
