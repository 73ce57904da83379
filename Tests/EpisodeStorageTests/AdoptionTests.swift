import Episodes
import Foundation
import RecapAlgorithm
import Testing

@testable import EpisodeStorage

/// Results that move from one run's archive to another's.
@Suite struct AdoptionTests {
  private let directory: TemporaryDirectory
  private let there: Archive
  private let here: Archive

  init() async throws {
    directory = try TemporaryDirectory()
    there = try await Archive.create(at: "\(directory.path)/there", run: Fixture.run)
    here = try await Archive.create(at: "\(directory.path)/here", run: Fixture.run)
  }

  private static let job = Job(
    id: "espresso/1/collect/0", task: "espresso", iteration: 1, seed: 1,
    work: .collect(
      CollectWork(
        source: .corrected, policy: nil, guidance: 1, firstEpisode: 0, episodeCount: 2,
        stage: "espresso/1/collect")))

  private func recorded() async throws -> JobResult {
    .episodes(
      [
        try await there.put(try Fixture.episode(index: 0, robot: "left")),
        try await there.put(try Fixture.episode(index: 1, robot: "right", outcome: .failure)),
      ])
  }

  @Test func episodesComeWithTheirRows() async throws {
    let result = try await recorded()
    for _ in 0..<2 {
      #expect(try await here.adopt(result, ofJob: Self.job.id, from: there.reader))
    }
    let (mine, theirs) = (try await here.episodes(), try await there.episodes())
    #expect(mine.map(\.id) == theirs.map(\.id) && mine.count == 2)
    #expect(mine.map(\.digest) == theirs.map(\.digest))
    #expect(mine.map(\.robot) == ["left", "right"])
    #expect(try await here.verify().isSound)
    #expect(try await here.verify().orphans.isEmpty)
    // One copy on the disk.
    let path = here.reader.blobs.path(of: mine[0].digest)
    let links = try FileManager.default.attributesOfItem(atPath: path)[.referenceCount]
    #expect(links as? Int == 2)
  }

  @Test func checkpointsComeWithTheirFilesAndMetrics() async throws {
    let weights = try await there.putBlob([1, 2, 3], kind: "checkpoint")
    let manifest = try await there.putBlob(
      Array(#"{"files":{"model.safetensors":"\#(weights.rawValue)"}}"#.utf8), kind: "checkpoint")
    let sample = MetricSample(
      job: "pretrain/value", step: 3, name: "loss", value: 0.5,
      time: Date(timeIntervalSince1970: 1))
    try await there.recordMetrics([sample])
    let job = Job(
      id: "pretrain/value", task: nil, iteration: nil, seed: 1,
      work: .trainValue(
        TrainValueWork(
          dataset: [], initial: nil,
          training: TrainingSettings(steps: 1, batchSize: 1, learningRate: 1))))
    let result = JobResult.checkpoint(manifest, metrics: ["loss": 0.5])
    #expect(try await here.adopt(result, ofJob: job.id, from: there.reader))
    try await here.recordResult(result, of: job)
    #expect(try await here.blob(weights) == [1, 2, 3])
    #expect(try await here.metrics(job: job.id) == [sample])
    let verification = try await here.verify()
    #expect(verification.isSound && verification.checkpoints == 1 && verification.blobs == 2)
  }

  @Test func aJobThatWasBegunHereIsLeftAlone() async throws {
    let result = try await recorded()
    // The same episode by another robot has other bytes.
    let own = try await here.put(try Fixture.episode(index: 1, robot: "left"))
    #expect(try await !here.adopt(result, ofJob: Self.job.id, from: there.reader))
    #expect(try await here.episodes().map(\.digest) == [own.digest])
    #expect(try await here.counts().blobs == 1)
  }

  @Test func damagedBlobsAreNotTakenOver() async throws {
    let result = try await recorded()
    guard case .episodes(let receipts) = result else { return }
    let path = there.reader.blobs.path(of: receipts[1].digest)
    var bytes = try #require(FileManager.default.contents(atPath: path))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(filePath: path))
    await #expect(throws: ArchiveError.self) {
      try await here.adopt(result, ofJob: Self.job.id, from: there.reader)
    }
    #expect(try await here.verify().isSound)
  }
}
