import Episodes
import Messaging
import RecapAlgorithm

/// An archive in memory that counts what it is asked.
actor FakeArchive {
  struct Refusal: Error, CustomStringConvertible { let description: String }

  private var blobs: [ContentDigest: [UInt8]] = [:]
  private(set) var episodes: [String: EpisodeReceipt] = [:]
  private(set) var reads = 0
  /// The run that the latest episode was said to belong to.
  private(set) var episodeRunID: String?
  private(set) var episodeUploads = 0
  private(set) var largestConcurrency = 0
  private var concurrency = 0
  private var isSilent = false
  private var isCorrupt = false
  private var refusedEpisodes: Set<String> = []
  private var uploadWatchers: [CheckedContinuation<Void, Never>] = []

  /// From now on, uploads are heard but not answered.
  func fallSilent() { isSilent = true }
  func speakAgain() { isSilent = false }
  func refuse(episode id: String) { refusedEpisodes.insert(id) }
  /// From now on, what is read has its first byte changed.
  func corrupt() { isCorrupt = true }
  func blob(_ digest: ContentDigest) -> [UInt8]? { blobs[digest] }

  /// Returns once an episode has come.
  func receivesEpisode() async {
    if episodeUploads == 0 { await withCheckedContinuation { uploadWatchers.append($0) } }
  }

  nonisolated func makeRouter() -> RequestRouter {
    var router = RequestRouter()
    router.on(PutBlobRequest.self) { request in
      let digest = await self.store(try request.onlyFrame().bytes)
      return Envelope(PutBlobRequest.Reply(digest: digest))
    }
    router.on(GetBlobRequest.self) { request in
      let bytes = try await self.read(request.body.digest)
      return Envelope(GetBlobRequest.Reply(size: bytes.count), frames: [Frame(bytes)])
    }
    router.on(PutEpisodeRequest.self) { request in
      let file = try request.onlyFrame().bytes
      return Envelope(
        PutEpisodeRequest.Reply(receipt: try await self.storeEpisode(request.body, file)))
    }
    return router
  }

  private func store(_ bytes: [UInt8]) -> ContentDigest {
    let digest = ContentDigest(hashing: bytes)
    blobs[digest] = bytes
    return digest
  }

  private func read(_ digest: ContentDigest) async throws -> [UInt8] {
    reads += 1
    concurrency += 1
    largestConcurrency = max(largestConcurrency, concurrency)
    await Task.yield()
    concurrency -= 1
    guard var bytes = blobs[digest] else { throw Refusal(description: "no such blob") }
    if isCorrupt { bytes[0] ^= 1 }
    return bytes
  }

  private func storeEpisode(
    _ request: PutEpisodeRequest, _ file: [UInt8]
  ) async throws -> EpisodeReceipt {
    let id = request.id
    episodeRunID = request.runID
    episodeUploads += 1
    for watcher in uploadWatchers { watcher.resume() }
    uploadWatchers = []
    if isSilent { try await Task.sleep(for: .seconds(3_600)) }
    if refusedEpisodes.contains(id) { throw Refusal(description: "unknown task") }
    if let receipt = episodes[id] { return receipt }
    let receipt = EpisodeReceipt(
      id: id, index: episodes.count, digest: store(file), steps: 1, interventionSteps: 0,
      outcome: .success)
    episodes[id] = receipt
    return receipt
  }
}
