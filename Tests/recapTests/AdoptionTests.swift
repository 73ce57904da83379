import Configuration
import CoordinatorRole
import Episodes
import Foundation
import RecapAlgorithm
import Robots
import Synchronization
import Testing

@testable import EpisodeStorage

/// What a run takes over from another, with made-up results: no learner and no robot at work.
struct AdoptionTests {
  @Test(arguments: [
    ("method.positiveShare=0.1", ["tshirt/1/labels", "tshirt/1/policy", "tshirt/1/evaluate/0"]),
    // The value function does not know which labels it will give.
    (
      "method.pretrainPositiveShare=0.1",
      [
        "pretrain/labels", "pretrain/policy", "tshirt/0/policy", "tshirt/1/autonomous/0",
        "tshirt/1/corrected/0", "tshirt/1/value", "tshirt/1/labels", "tshirt/1/policy",
        "tshirt/0/evaluate/0", "tshirt/1/evaluate/0",
      ]
    ),
    ("tasks.tshirt.evaluationEpisodes=4", ["tshirt/0/evaluate/1", "tshirt/1/evaluate/1"]),
    ("runtime.maximumAttempts=1", []),
  ])
  func aChainOfJobsIsSharedAsFarAsItIsTheSame(setting: String, own: [String]) async throws {
    let runs = try MadeUpRuns()
    defer { runs.remove() }
    let earlier = try await runs.finished("earlier")
    let configuration = try runs.configuration("later", [setting])
    let archive = try await runs.archive(configuration)
    let adopted = try await Adoption.carryOut(
      into: archive, configuration: configuration, from: [earlier], notify: { _ in })
    let plan = try await Plan(of: configuration, in: archive)
    #expect(Set(plan.jobs.map(\.id).filter { plan.result(of: $0) == nil }) == Set(own))
    #expect(adopted["earlier"]?.jobs == plan.jobs.count - own.count)
    #expect(plan.isFinished == own.isEmpty)
    #expect(try await archive.verify().isSound)
    // A second look finds nothing new.
    let again = try await Adoption.carryOut(
      into: archive, configuration: configuration, from: [earlier], notify: { _ in })
    #expect(again.isEmpty)
  }

  @Test(
    "labels are taken from runs that labelled in other shards, or in one job",
    arguments: [(500, 2), (2, 500), (2, 4)])
  func labelsOfOtherShards(theirs: Int, ours: Int) async throws {
    let runs = try MadeUpRuns()
    defer { runs.remove() }
    let earlier = try await runs.finished(
      "earlier", ["schedule.episodesPerLabelJob=\(theirs)"])
    let configuration = try runs.configuration("later", ["schedule.episodesPerLabelJob=\(ours)"])
    let archive = try await runs.archive(configuration)
    let adopted = try await Adoption.carryOut(
      into: archive, configuration: configuration, from: [earlier], notify: { _ in })
    let plan = try await Plan(of: configuration, in: archive)
    #expect(plan.isFinished)
    #expect(adopted["earlier"]?.jobs == plan.jobs.count)
    let theirSets = try await ArchiveReader(directory: runs.directory("earlier")).labelSets()
    #expect(theirSets.count == 2)
    for theirs in theirSets {
      #expect(plan.labels(of: theirs.metadata.job)?.digest == theirs.digest)
    }
    // A shard's values are those that a labeller would have stored.
    let shards = plan.jobs.filter { if case .estimateValues = $0.work { true } else { false } }
    #expect(shards.isEmpty == (ours == 500))
    for shard in shards {
      let order = try #require(plan.order(for: shard.id, lease: ""))
      let digest = try #require(plan.values(of: shard.id))
      let values = try ValueSetFile.parse(try await archive.blob(digest))
      #expect(values.provenance.job == shard.id && values.provenance.value == order.value)
      #expect(Set(values.episodes.keys) == Set(order.dataset))
      #expect(values.episodes.values.allSatisfy { $0.values == [MadeUpRuns.value] })
    }
    #expect(try await archive.verify().isSound)
  }

  @Test("where sharing ends is told with its reason")
  func ends() async throws {
    let runs = try MadeUpRuns()
    defer { runs.remove() }
    let earlier = try await runs.finished("earlier")
    for (name, setting, expected) in [
      (
        "labels", "method.positiveShare=0.1",
        "tshirt/1/labels, which run earlier did with other inputs or settings"
      ),
      ("seed", "seed=77", "tshirt/demonstrations/0, which run earlier did with seed 1"),
      (
        "more", "tasks.tshirt.evaluationEpisodes=4",
        "tshirt/0/evaluate/1, which run earlier does not have"
      ),
    ] {
      let configuration = try runs.configuration(name, [setting])
      let archive = try await runs.archive(configuration)
      _ = try await Adoption.carryOut(
        into: archive, configuration: configuration, from: [earlier], notify: { _ in })
      let end = try await Adoption.end(
        of: archive, configuration: configuration, besides: earlier)
      #expect(end == expected)
    }
  }

  @Test func otherRobotsShareNothing() async throws {
    let runs = try MadeUpRuns()
    defer { runs.remove() }
    let earlier = try await runs.finished("earlier")
    let configuration = try runs.configuration("later", ["robots.cell.name=arm"])
    let archive = try await runs.archive(configuration)
    let adopted = try await Adoption.carryOut(
      into: archive, configuration: configuration, from: [earlier], notify: { _ in })
    #expect(adopted.isEmpty)
    #expect(try await archive.events().isEmpty)
  }

  @Test func whatTheOtherRunHasLostIsDoneAgain() async throws {
    let runs = try MadeUpRuns()
    defer { runs.remove() }
    let earlier = try await runs.finished("earlier")
    let reader = try ArchiveReader(directory: runs.directory("earlier"))
    let value = try #require(try await reader.checkpoints().first { $0.job == "pretrain/value" })
    try FileManager.default.removeItem(atPath: reader.blobs.path(of: value.digest))
    let configuration = try runs.configuration("later", [])
    let archive = try await runs.archive(configuration)
    let notes = Mutex<[String]>([])
    _ = try await Adoption.carryOut(
      into: archive, configuration: configuration, from: [earlier],
      notify: { note in notes.withLock { $0.append(note) } })
    let plan = try await Plan(of: configuration, in: archive)
    #expect(plan.state(of: "pretrain/value") == .queued)
    #expect(plan.adoptedWork.description == "4 episodes")
    #expect(
      notes.withLock { $0 } == [
        "pretrain/value is done again: run earlier has it, but blob \(value.digest) is not in the "
          + "archive"
      ])
  }

  @Test("stopped at whatever moment, it goes on and ends the same")
  func interruptions() async throws {
    let runs = try MadeUpRuns()
    defer { runs.remove() }
    let earlier = try await runs.finished("earlier")
    let configuration = try runs.configuration("later", [])
    try await runs.archive(configuration).close()
    var attempts = 0
    while true {
      attempts += 1
      try #require(attempts < 1000)
      // Dies a few steps after the last time.
      let steps = Mutex(attempts * 7)
      let archive = try await Archive.open(
        at: runs.directory("later"),
        hook: { _ in
          try steps.withLock { left in
            left -= 1
            if left < 0 { throw Stopped() }
          }
        })
      var isStopped = false
      do {
        _ = try await Adoption.carryOut(
          into: archive, configuration: configuration, from: [earlier], notify: { _ in })
      } catch is Stopped {
        isStopped = true
      }
      #expect(try await archive.verify().isSound)
      let plan = try await Plan(of: configuration, in: archive)
      try await archive.close()
      if !isStopped {
        #expect(plan.isFinished)
        break
      }
    }
    #expect(attempts > 3)
  }

  private struct Stopped: Error {}
}

/// Runs of one task whose results nobody computed.
private struct MadeUpRuns {
  private let folder: URL

  /// In memory where the system offers that: these tests flush many small files.
  init() throws {
    let memory = URL(filePath: "/dev/shm")
    guard FileManager.default.isWritableFile(atPath: memory.path) else {
      folder = try RecapProcess.temporaryFolder()
      return
    }
    folder = memory.appending(path: "recap-adoption-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func directory(_ name: String) -> String { folder.appending(path: name).path }

  func configuration(_ name: String, _ settings: [String]) throws -> RunConfiguration {
    try RunConfiguration.load(
      file: RecapProcess.root.appending(path: "Configs/smoke.yaml").path,
      overrides: ["tasks=[{name: tshirt}]", "name=\(name)"] + settings,
      workcellTasks: WorkcellTasks.names)
  }

  func archive(_ configuration: RunConfiguration) async throws -> Archive {
    try await Archive.create(
      at: directory(configuration.name),
      run: RunDescription(
        name: configuration.name, configuration: configuration.resolvedJSON, version: "test"))
  }

  /// What every value function says of every step.
  static let value: Float = -0.5

  /// A run that has done everything.
  func finished(_ name: String, _ settings: [String] = []) async throws -> FinishedJobs {
    let configuration = try configuration(name, settings)
    let archive = try await archive(configuration)
    var plan = try await Plan(of: configuration, in: archive)
    for job in plan.jobs {
      guard let order = plan.order(for: job.id, lease: "") else { continue }
      let result = try await result(of: order, in: archive)
      try await archive.recordResult(result, of: job)
      // The shortest way into a plan.
      let event = PlanEvent.resultAdopted(job: job.id, result: result, from: "nowhere")
      _ = plan.handle(event)
      try await archive.append([event])
    }
    #expect(plan.isFinished)
    try await archive.close()
    return try await FinishedJobs(of: ArchiveReader(directory: directory(name)))
  }

  private func result(of order: JobOrder, in archive: Archive) async throws -> JobResult {
    switch order.job.work {
    case .collect(let work):
      var receipts: [EpisodeReceipt] = []
      for index in work.firstEpisode..<work.firstEpisode + work.episodeCount {
        let episode = try episode(index, of: order, work)
        receipts.append(
          try await archive.putEpisode(
            id: episode.metadata.id, file: try EpisodeFile.serialize(episode)))
      }
      return .episodes(receipts)
    case .trainValue, .trainPolicy:
      let weights = try await archive.putBlob(Array(order.job.id.utf8), kind: "checkpoint")
      let manifest = #"{"files":{"weights":"\#(weights.rawValue)"}}"#
      return .checkpoint(
        try await archive.putBlob(Array(manifest.utf8), kind: "checkpoint"), metrics: ["loss": 1])
    case .estimateValues:
      let values = ValueSet(
        provenance: .init(job: order.job.id, value: try #require(order.value)), episodes: [:])
      return .values(
        try await archive.putBlob(try ValueSetFile.serialize(values), kind: "values"))
    case .label:
      let metadata = LabelSetMetadata(
        job: order.job.id, value: try #require(order.value), lookahead: nil, tasks: [:])
      let labels = EpisodeLabels(values: [Self.value], advantages: [0], positives: [true])
      let episodes = Dictionary(uniqueKeysWithValues: order.dataset.map { ($0, labels) })
      let file = try LabelSetFile.serialize(LabelSet(metadata: metadata, episodes: episodes))
      return .labels(try await archive.putBlob(file, kind: "labels"), metadata)
    }
  }

  private func episode(_ index: Int, of order: JobOrder, _ work: CollectWork) throws -> Episode {
    var episode = Episode(
      metadata: EpisodeMetadata(
        id: "\(order.job.id)#\(index)", job: order.job.id, index: index,
        task: TaskDescription(name: "tshirt", instruction: "fold", maximumSteps: 9),
        embodiment: Embodiment(
          name: "test", proprioceptionWidth: 1, environmentStateWidth: 0, cameras: [],
          actionWidth: 1, controlRate: 10),
        robot: "cell-1", iteration: order.job.iteration, source: work.source,
        policy: order.policy, guidance: order.policy == nil ? nil : work.guidance,
        seed: order.job.episodeSeed(index), outcome: .success, recordsImages: false,
        recordsEnvironmentState: false))
    try episode.append(Observation(proprioception: [0]), action: [0][...], intervention: false)
    return episode
  }
}
