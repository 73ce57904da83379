import Episodes
import Messaging
import RecapAlgorithm
import Testing

@testable import RoleRuntime

@Suite struct ArchiveClientTests {
  private let archive = FakeArchive()

  private func withArchive(
    faults: FaultPlan? = nil, cacheBytes: Int = 1 << 20,
    _ body: (ArchiveClient) async throws -> Void
  ) async throws {
    let link = TestLink(archive.makeRouter(), faults: faults)
    let server = link.serve()
    defer { server.cancel() }
    try await body(
      makeArchiveClient(
        link, cacheBytes: cacheBytes, timeout: faults == nil ? patience : impatience))
  }

  @Test func aBlobIsFetchedOnce() async throws {
    try await withArchive { client in
      let digest = try await client.putBlob([1, 2, 3], kind: "labels")
      for _ in 0..<3 {
        let bytes = try await client.getBlob(digest)
        #expect(bytes == [1, 2, 3])
      }
      #expect(await archive.reads == 1)
    }
  }

  @Test func aMissingBlobIsNotAskedForAgain() async throws {
    try await withArchive { client in
      let missing = ContentDigest(hashing: [9])
      await #expect(throws: RequestError.refused(type: "archive.get-blob", reason: "no such blob"))
      {
        try await client.getBlob(missing)
      }
      #expect(await archive.reads == 1)
    }
  }

  @Test func aBlobWithOtherBytesThanItsNameSaysIsRefused() async throws {
    try await withArchive { client in
      let digest = try await client.putBlob([1, 2, 3], kind: "labels")
      await archive.corrupt()
      let error = await #expect(throws: RequestError.self) { try await client.getBlob(digest) }
      let text = "\(try #require(error))"
      #expect(text.contains(digest.rawValue))
      #expect(text.contains(ContentDigest(hashing: [0, 2, 3]).rawValue))
    }
  }

  @Test func aCheckpointIsAManifestOfItsFiles() async throws {
    try await withArchive { client in
      let files: [String: [UInt8]] = [
        "model.safetensors": [1, 2], "assets/arm/norm_stats.json": [3], "empty": [],
      ]
      let digest = try await client.putCheckpoint(files)
      let manifest = try #require(await archive.blob(digest))
      #expect(
        String(decoding: manifest, as: UTF8.self) == #"{"files":{"#
          + #""assets/arm/norm_stats.json":"\#(ContentDigest(hashing: [3]))","#
          + #""empty":"\#(ContentDigest(hashing: []))","#
          + #""model.safetensors":"\#(ContentDigest(hashing: [1, 2]))"}}"#)
      let again = try await client.putCheckpoint(files)
      #expect(again == digest)
      let fetched = try await client.getCheckpoint(digest)
      #expect(fetched == files)
    }
  }

  @Test func aBlobThatIsNoManifestIsNoCheckpoint() async throws {
    try await withArchive { client in
      let digest = try await client.putBlob([1], kind: "labels")
      await #expect(throws: DecodingError.self) { try await client.getCheckpoint(digest) }
    }
  }

  @Test func episodesComeInOrderAFewAtATime() async throws {
    try await withArchive { client in
      var digests: [ContentDigest] = []
      let episodes = try (1...20).map { try makeEpisode(id: "e\($0)", steps: $0) }
      for episode in episodes {
        let file = try EpisodeFile.serialize(episode)
        digests.append(try await client.putEpisode(file, id: episode.metadata.id).digest)
      }
      var order = JobOrder(
        job: Job(
          id: "j", task: nil, iteration: nil, seed: 1,
          work: .label(LabelWork(dataset: [], value: "v", lookahead: 1, positiveShare: [:]))),
        lease: "l", dataset: digests)
      let fetched = try await client.getEpisodes(of: order)
      #expect(fetched == episodes)
      let recorded = episodes[3].metadata.outcome
      let judged: Outcome = recorded == .success ? .failure : .success
      order.outcomes = [digests[3]: judged]
      let outcomes = try await client.getEpisodes(of: order).map(\.metadata.outcome)
      #expect(outcomes[3] == judged && outcomes[4] == episodes[4].metadata.outcome)
      #expect(await archive.largestConcurrency <= 4)
    }
  }

  @Test func labelsGoThereAndBack() async throws {
    try await withArchive { client in
      let episode = ContentDigest(hashing: [5])
      let labels = LabelSet(
        metadata: LabelSetMetadata(job: "j", value: episode, lookahead: 50, tasks: [:]),
        episodes: [
          episode: EpisodeLabels(
            values: [-0.5, -0.25], advantages: [0.1, -0.1], positives: [true, false])
        ])
      let digest = try await client.putLabels(labels)
      let fetched = try await client.getLabels(digest)
      #expect(fetched == labels)
    }
  }

  @Test func lostMessagesAreSentAgain() async throws {
    try await withArchive(faults: FaultPlan(seed: 3, loss: 0.4, duplication: 0.2)) { client in
      for value in UInt8(0)..<5 {
        let digest = try await client.putBlob([value], kind: "labels")
        let bytes = try await client.getBlob(digest)
        #expect(bytes == [value])
      }
    }
  }

  @Test func theCacheForgetsWhatWasUnusedLongest() async {
    let cache = BlobCache(capacity: 10)
    let digests = (0..<4).map { ContentDigest(hashing: [UInt8($0)]) }
    await cache.insert([0, 0, 0, 0], for: digests[0])
    await cache.insert([1, 1, 1, 1], for: digests[1])
    _ = await cache[digests[0]]
    await cache.insert([2, 2, 2, 2], for: digests[2])
    #expect(await cache[digests[0]] == [0, 0, 0, 0])
    #expect(await cache[digests[1]] == nil)
    #expect(await cache[digests[2]] == [2, 2, 2, 2])
    #expect(await cache.size == 8)
    await cache.insert([UInt8](repeating: 3, count: 11), for: digests[3])
    #expect(await cache[digests[3]] == nil)
    #expect(await cache.size == 8)
  }

  @Test func pausesDoubleUpToALimit() {
    let backoff = Backoff(first: .milliseconds(200), longest: .seconds(1))
    let delays = [0, 1, 2, 3, 4, 1_000].map { backoff.delay(afterFailures: $0) }
    #expect(
      delays == [
        .zero, .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1), .seconds(1),
      ])
  }
}
