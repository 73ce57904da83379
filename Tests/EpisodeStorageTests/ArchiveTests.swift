import Episodes
import Foundation
import RecapAlgorithm
import Testing

@testable import EpisodeStorage

@Suite struct ArchiveTests {
  let directory: TemporaryDirectory
  let archive: Archive

  init() async throws {
    directory = try TemporaryDirectory()
    archive = try await Archive.create(at: directory.path, run: Fixture.run)
  }

  @Test func anEpisodeComesBackAsItWasStored() async throws {
    let policy = ContentDigest(hashing: [1])
    // The largest seed does not fit SQLite's signed integers.
    let episode = try Fixture.episode(index: 7, policy: policy, seed: .max, outcome: .failure)
    let file = try Fixture.file(episode)
    let receipt = try await archive.putEpisode(id: episode.metadata.id, file: file)
    #expect(
      receipt
        == EpisodeReceipt(
          id: "espresso/1/collect/0#7", index: 7, digest: ContentDigest(hashing: file), steps: 3,
          interventionSteps: 1, outcome: .failure))
    let row = try #require(await archive.episodes().first)
    #expect(row.receipt == receipt)
    #expect(row.stage == "espresso/1/collect")
    #expect(row.seed == .max)
    #expect(row.policy == policy)
    #expect(row.guidance == 1.7)
    #expect(row.controlRate == 10)
    #expect(row.bytes == file.count)
    #expect(try await archive.contents(of: row) == episode)
    #expect(try await archive.blob(receipt.digest) == file)
  }

  @Test func aVerdictCountsAndTheRecordingStays() async throws {
    let kept = try await archive.put(try Fixture.episode(index: 0))
    let judged = try await archive.put(try Fixture.episode(index: 1))
    try await archive.appendEvents(
      ["1"],
      verdicts: [
        Verdict(episode: judged.id, outcome: .success),
        Verdict(
          episode: judged.id, outcome: .failure,
          stages: [StageScore(name: "pour", isDone: false)]),
      ])
    let stages = try #require(try await archive.episode(id: judged.id)?.stages)
    #expect(stages == [StageScore(name: "pour", isDone: false)])
    let row = try #require(await archive.episode(id: judged.id))
    #expect(row.outcome == .failure && row.recordedOutcome == .success)
    #expect(row.receipt == judged, "a receipt is the recording's")
    let failed = try await archive.episodes(matching: EpisodeQuery(outcome: .failure))
    #expect(failed.map(\.id) == [judged.id])
    let page = try await archive.episodePage(matching: EpisodeQuery(outcome: .success))
    #expect(page.map(\.row.id) == [kept.id])
    #expect(try await archive.episodeCounts().successes == 1)
    #expect(try await archive.episodeSummaries(after: 0).map(\.outcome) == [.success, .failure])
    #expect(try await archive.verify().isSound)
  }

  @Test func uploadingTwiceStoresOnceAndGivesTheFirstReceipt() async throws {
    let file = try Fixture.file(try Fixture.episode())
    let id = "espresso/1/collect/0#0"
    let first = try await archive.storeEpisode(id: id, file: file)
    let second = try await archive.storeEpisode(id: id, file: file)
    #expect(first.novelty == .new)
    #expect(second.novelty == .repeated)
    #expect(first.receipt == second.receipt)
    #expect(try await archive.counts().episodes == 1)
  }

  @Test func otherBytesForAStoredIdKeepTheFirstAndSaySo() async throws {
    let first = try await archive.put(try Fixture.episode(seed: 1))
    let other = try Fixture.file(try Fixture.episode(seed: 2))
    let answer = try await archive.storeEpisode(id: first.id, file: other)
    #expect(answer.receipt == first)
    #expect(answer.novelty == .conflicting(rejected: ContentDigest(hashing: other)))
    #expect(try await archive.counts().blobs == 1)
  }

  @Test func simultaneousUploadsOfOneIdAgreeOnOneReceipt() async throws {
    let files = try (1...8).map { try Fixture.file(try Fixture.episode(seed: $0)) }
    let archive = archive
    let answers = try await withThrowingTaskGroup(of: StoredEpisode.self) { group in
      for file in files {
        group.addTask { try await archive.storeEpisode(id: "espresso/1/collect/0#0", file: file) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(answers.map(\.receipt)).count == 1)
    #expect(answers.count { $0.novelty == .new } == 1)
    #expect(try await archive.counts().episodes == 1)
    #expect(try await archive.verify().isSound)
  }

  @Test func whatIsNotTheEpisodeItClaimsToBeIsRefused() async throws {
    let file = try Fixture.file(try Fixture.episode(index: 3))
    await #expect(
      throws: ArchiveError.rejectedEpisode(
        id: "other#0", reason: "the file's metadata says 'espresso/1/collect/0#3'")
    ) { try await archive.putEpisode(id: "other#0", file: file) }
    await #expect(throws: ArchiveError.self) {
      try await archive.putEpisode(id: "torn", file: Array(file.dropLast(9)))
    }
    #expect(try await archive.counts().episodes == 0)
  }

  @Test func queriesCombineTheirConditions() async throws {
    for (index, outcome) in [Outcome.success, .failure, .success].enumerated() {
      try await archive.put(try Fixture.episode(index: index, outcome: outcome))
      try await archive.put(
        try Fixture.episode(
          job: "espresso/1/evaluate/0", index: index, robot: "right", source: .evaluation,
          outcome: outcome, interventions: [false]))
    }
    try await archive.put(
      try Fixture.episode(
        job: "tshirt/demonstrate", task: "tshirt", iteration: nil, source: .demonstration,
        interventions: [true, true]))

    func ids(_ query: EpisodeQuery) async throws -> [String] {
      try await archive.episodes(matching: query).map(\.id)
    }
    #expect(try await ids(EpisodeQuery()).count == 7)
    #expect(
      try await ids(EpisodeQuery(sources: [.evaluation], outcome: .success))
        == ["espresso/1/evaluate/0#0", "espresso/1/evaluate/0#2"])
    #expect(try await ids(EpisodeQuery(sources: [])).isEmpty)
    #expect(try await ids(EpisodeQuery(robot: "right", limit: 2)).count == 2)
    #expect(try await ids(EpisodeQuery(stage: "espresso/1/collect")).count == 3)
    #expect(try await ids(EpisodeQuery(task: "tshirt")) == ["tshirt/demonstrate#0"])
    #expect(try await ids(EpisodeQuery(task: "tshirt", iteration: 1)).isEmpty)
    #expect(
      try await archive.episodeCounts(matching: EpisodeQuery(sources: [.corrected]))
        == EpisodeCounts(
          episodes: 3, successes: 2, unjudged: 0, steps: 9, interventionSteps: 3,
          bytes: try await archive.episodes(matching: EpisodeQuery(sources: [.corrected]))
            .reduce(0) { $0 + $1.bytes }))
    #expect(try await archive.episodeCounts(matching: EpisodeQuery(task: "none")).steps == 0)
  }

  @Test func receiptsOfAJobComeByIndexWhateverTheOrderOfArrival() async throws {
    for index in [10, 2, 9] { try await archive.put(try Fixture.episode(index: index)) }
    try await archive.put(try Fixture.episode(job: "espresso/1/collect/1", index: 3))
    #expect(
      try await archive.receipts(job: "espresso/1/collect/0").map(\.index) == [2, 9, 10])
    #expect(try await archive.receipts(job: "unknown").isEmpty)
  }

  @Test func blobsAreStoredOnceAndMissingOnesAreNamed() async throws {
    let bytes: [UInt8] = [1, 2, 3]
    let first = try await archive.putBlob(bytes, kind: "checkpoint")
    let second = try await archive.putBlob(bytes, kind: "checkpoint")
    // SHA-256 of 01 02 03, from `printf '\1\2\3' | sha256sum`.
    let known = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"
    #expect(first.rawValue == known)
    #expect(second == first)
    #expect(
      FileManager.default.fileExists(
        atPath: "\(directory.path)/blobs/03/\(known.dropFirst(2))"))
    #expect(try await archive.counts().bytes == 3)
    #expect(try await archive.blob(try await archive.putBlob([], kind: "empty")).isEmpty)
    let absent = ContentDigest(hashing: [9])
    await #expect(throws: ArchiveError.missingBlob(absent)) { try await archive.blob(absent) }
  }

  @Test func eventsKeepTheirOrderOverReopening() async throws {
    try await archive.appendEvents(["1", "2"])
    try await archive.appendEvents([])
    try await archive.close()
    let reopened = try await Archive.open(at: directory.path)
    try await reopened.appendEvents(["3"])
    #expect(try await reopened.events().map(\.event) == ["1", "2", "3"])
    #expect(try await reopened.events().map(\.sequence) == [1, 2, 3])
    #expect(try await reopened.events(after: 2).map(\.event) == ["3"])
    #expect(try await reopened.run() == Fixture.run)
  }

  @Test func firstResultsOfJobsAreCatalogued() async throws {
    let training = TrainingSettings(steps: 1, batchSize: 1, learningRate: 1)
    let value = Job(
      id: "espresso/1/value", task: "espresso", iteration: 1, seed: 1,
      work: .trainValue(TrainValueWork(dataset: [], initial: nil, training: training)))
    let label = Job(
      id: "espresso/1/label", task: "espresso", iteration: 1, seed: 1,
      work: .label(
        LabelWork(dataset: [], value: value.id, lookahead: 50, positiveShare: ["espresso": 0.4])))
    let checkpoint = ContentDigest(hashing: [7])
    await #expect(throws: ArchiveError.missingBlob(checkpoint)) {
      try await archive.recordResult(.checkpoint(checkpoint, metrics: [:]), of: value)
    }
    try await archive.putBlob([7], kind: "checkpoint")
    let other = try await archive.putBlob([8], kind: "checkpoint")
    try await archive.recordResult(
      .checkpoint(checkpoint, metrics: ["loss": 0.5, "odd": .nan]), of: value)
    try await archive.recordResult(.checkpoint(other, metrics: [:]), of: value)
    let row = try #require(await archive.checkpoints().first)
    #expect(try await archive.checkpoints().count == 1)
    #expect(row.digest == checkpoint)
    #expect(row.kind == "value")
    #expect(row.metrics == ["loss": 0.5])

    let metadata = LabelSetMetadata(
      job: label.id, value: checkpoint, lookahead: 50,
      tasks: [
        "espresso": TaskLabelSummary(
          requestedPositiveShare: 0.4, threshold: -0.01, positiveShare: 0.45,
          positiveShareBySource: ["autonomous": 0.3], steps: 100)
      ])
    let labels = try await archive.putBlob([9], kind: "labels")
    try await archive.recordResult(.labels(labels, metadata), of: label)
    let set = try #require(await archive.labelSets().first)
    #expect(set.metadata == metadata)
    #expect(set.task == "espresso")
    #expect(set.iteration == 1)
  }

  @Test func aRepeatedJobOverwritesItsMetrics() async throws {
    let time = Date(timeIntervalSince1970: 5)
    func sample(_ step: Int, _ value: Double) -> MetricSample {
      MetricSample(job: "pretrain/value", step: step, name: "loss", value: value, time: time)
    }
    try await archive.recordMetrics([sample(20, 2), sample(10, 3)])
    try await archive.recordMetrics([sample(20, 1.5), sample(30, .nan)])
    let metrics = try await archive.metrics(job: "pretrain/value")
    #expect(metrics.map(\.step) == [10, 20, 30])
    #expect(metrics.prefix(2).map(\.value) == [3, 1.5])
    #expect(metrics[2].value.isNaN)
    #expect(metrics[0].time == time)
  }
}
