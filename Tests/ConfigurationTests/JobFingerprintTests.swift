import Episodes
import RecapAlgorithm
import Testing

@testable import Configuration

/// Which settings decide which jobs.
@Suite struct JobFingerprintTests {
  /// The jobs of a configuration with stand-ins for their inputs, which do not depend on settings.
  private func fingerprints(
    _ overrides: [String], version: String = "1"
  ) throws -> [String: ContentDigest] {
    let configuration = try configuration(
      """
      name: x
      tasks: [{name: espresso, demonstrations: 4, evaluationEpisodes: 4}]
      schedule: {iterations: 1, episodesPerJob: 2}
      robots: [{name: cell, kind: workcell, count: 2}]
      """, overrides: overrides)
    var found: [String: ContentDigest] = [:]
    for job in Schedule.jobs(for: configuration.scheduleSettings) {
      let input = ContentDigest(hashing: Array(job.id.utf8))
      let order = JobOrder(job: job, lease: "\(overrides)", dataset: [input], initial: input)
      found[job.id] = try configuration.fingerprint(of: order, version: version)
    }
    return found
  }

  /// The jobs that a change of settings changes, by their stage's last word.
  private func changed(_ overrides: String..., version: String = "1") throws -> Set<String> {
    let before = try fingerprints([])
    let after = try fingerprints(overrides, version: version)
    return Set(before.keys.filter { before[$0] != after[$0] }.map(Self.stage))
  }

  private static func stage(_ job: String) -> String {
    job.split(separator: "/").filter { Int($0) == nil && $0 != "espresso" }.joined(separator: "/")
  }

  private static let everything: Set<String> = [
    "demonstrations", "pretrain/value", "pretrain/labels", "pretrain/policy", "policy", "value",
    "labels", "autonomous", "corrected", "evaluate",
  ]

  @Test func theSameSettingsAndInputsGiveTheSameJobs() throws {
    #expect(try changed().isEmpty)
    // Names and what has no influence on results.
    #expect(try changed("schedule.episodesPerLabelJob=2").isEmpty)
    #expect(try changed("name=y", "runtime.policyLearners=2", "runtime.leaseSeconds=60").isEmpty)
  }

  @Test func everythingFollowsFromTheSeedAndTheVersion() throws {
    #expect(try changed("seed=2") == Self.everything)
    #expect(try changed(version: "2") == Self.everything)
  }

  @Test(arguments: [
    ("method.pretrainPositiveShare=0.5", ["pretrain/labels"]),
    ("method.positiveShare=0.5", ["labels"]),
    ("tasks.espresso.positiveShare=0.5", ["labels"]),
    ("method.lookahead=10", ["labels"]),
    ("method.failureCost=10", ["pretrain/value", "pretrain/labels", "value", "labels"]),
    ("method.indicatorDropout=0.5", ["pretrain/policy", "policy"]),
    // A demonstration is a person's: guidance is nothing to it.
    ("method.guidance=2", ["autonomous", "corrected", "evaluate"]),
    ("method.executedActions=2", ["autonomous", "corrected", "evaluate"]),
    // RECAP's rivals begin with its first policy, and so with its practice.
    ("method.extraction=awr", ["policy", "evaluate"]),
    ("models.policy.chunkLength=4", ["pretrain/policy", "policy"]),
    ("models.value.bins=51", ["pretrain/value", "value"]),
    ("training.policySFT.steps=7", ["policy"]),
    ("training.value.steps=7", ["value"]),
    ("tasks.espresso.evaluationEpisodes=3", ["evaluate"]),
    // More than two threads sum in another order.
    ("runtime.learnerThreads=4", ["pretrain/value", "pretrain/policy", "value", "policy"]),
    // Robots' names are in what they record.
    ("robots.cell.name=arm", ["demonstrations", "autonomous", "corrected", "evaluate"]),
  ])
  func aSettingChangesTheJobsThatReadIt(setting: String, jobs: [String]) throws {
    #expect(try changed(setting) == Set(jobs))
  }

  @Test func stagesAreSharedSliceBySlice() throws {
    let (few, many) = (
      try fingerprints([]), try fingerprints(["tasks.espresso.evaluationEpisodes=6"])
    )
    for slice in 0...1 {
      let job = "espresso/0/evaluate/\(slice)"
      #expect(few[job] == many[job])
    }
    #expect(few["espresso/0/evaluate/2"] == nil)
    // Slices of another size hold other episodes.
    let larger = try fingerprints(["schedule.episodesPerJob=4"])
    #expect(few["espresso/0/evaluate/0"] != larger["espresso/0/evaluate/0"])
  }

  @Test func inputsCountAndLeasesDoNot() throws {
    let configuration = try configuration()
    let job = try #require(
      Schedule.jobs(for: configuration.scheduleSettings).first { $0.id == "pretrain/value" })
    let (a, b) = (ContentDigest(hashing: [1]), ContentDigest(hashing: [2]))
    func fingerprint(_ order: JobOrder) throws -> ContentDigest {
      try configuration.fingerprint(of: order, version: "1")
    }
    let one = try fingerprint(JobOrder(job: job, lease: "x", dataset: [a, b]))
    #expect(try fingerprint(JobOrder(job: job, lease: "y", dataset: [a, b])) == one)
    #expect(try fingerprint(JobOrder(job: job, lease: "x", dataset: [b, a])) != one)
    #expect(try fingerprint(JobOrder(job: job, lease: "x", dataset: [a, b], initial: a)) != one)
  }
}
