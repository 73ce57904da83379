import Episodes
import Foundation
import Messaging
import RecapAlgorithm

/// The archive as workers see it. While the archive does not answer, every call tries again, with
/// growing pauses, for as long as its task lives: all of them may be repeated without harm.
public struct ArchiveClient: Sendable {
  private let client: any RequestClient
  private let cache: BlobCache
  private let requestTimeout: Duration
  private let backoff: Backoff
  private let clock: any Clock<Duration>
  /// Blobs fetched at the same time: enough to hide a round trip, few enough to bound memory.
  private let concurrency = 4

  /// - Parameters:
  ///   - cacheBytes: Blobs fetched lately are kept up to this size.
  ///   - requestTimeout: For one attempt, the transfer included.
  public init(
    client: any RequestClient, cacheBytes: Int = 256 << 20,
    requestTimeout: Duration = .seconds(30), backoff: Backoff = Backoff(),
    clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.client = client
    cache = BlobCache(capacity: cacheBytes)
    self.requestTimeout = requestTimeout
    self.backoff = backoff
    self.clock = clock
  }

  // MARK: Blobs

  /// Stores a blob; it is durable on return.
  ///
  /// - Parameter kind: What it is, for the catalogue: "checkpoint", "values", "labels".
  /// - Throws: `RequestError.refused` with the archive's reason; `CancellationError`.
  public func putBlob(_ bytes: [UInt8], kind: String) async throws -> ContentDigest {
    try await ask(PutBlobRequest(kind: kind), frames: [Frame(bytes)]).body.digest
  }

  /// Fetches a blob, or takes it from the cache. What came is checked against its name.
  ///
  /// - Throws: `RequestError.refused` when the archive has no such blob, `.malformed` when it sent
  ///   something else; `CancellationError`.
  public func getBlob(_ digest: ContentDigest) async throws -> [UInt8] {
    if let bytes = await cache[digest] { return bytes }
    let reply = try await ask(GetBlobRequest(digest: digest))
    let bytes = try reply.onlyFrame().bytes
    guard bytes.count == reply.body.size else {
      throw RequestError.malformed(
        "blob \(digest.short): the archive speaks of \(reply.body.size) bytes"
          + " and sent \(bytes.count)"
      )
    }
    let actual = ContentDigest(hashing: bytes)
    guard actual == digest else {
      throw RequestError.malformed(
        "blob \(digest.short): expected bytes with SHA-256 \(digest), the archive's have \(actual)")
    }
    await cache.insert(bytes, for: digest)
    return bytes
  }

  // MARK: Episodes

  /// Stores an episode file; it is durable on return. Collectors go through `EpisodeSpool`, which
  /// survives a crash before this returns.
  ///
  /// - Parameter runID: The run that it was recorded in, if known: the archive of another refuses it.
  public func putEpisode(
    _ file: [UInt8], id: String, runID: String? = nil
  ) async throws -> EpisodeReceipt {
    try await ask(PutEpisodeRequest(id: id, runID: runID), frames: [Frame(file)]).body.receipt
  }

  /// Fetches one episode.
  ///
  /// - Throws: As `getBlob`, and `EpisodeFile`'s errors for a blob that is no episode.
  public func getEpisode(_ digest: ContentDigest) async throws -> Episode {
    try EpisodeFile.parse(try await getBlob(digest))
  }

  /// Fetches the episodes of an order's dataset, a few at a time, with the outcomes that people have given
  /// them since.
  ///
  /// - Returns: The episodes in the dataset's order.
  public func getEpisodes(of order: JobOrder) async throws -> [Episode] {
    var episodes = try await getEpisodes(order.dataset)
    guard let outcomes = order.outcomes else { return episodes }
    for (place, digest) in order.dataset.enumerated() {
      if let outcome = outcomes[digest] { episodes[place].metadata.outcome = outcome }
    }
    return episodes
  }

  /// Fetches episodes as they were recorded, a few at a time.
  ///
  /// - Returns: The episodes in the order of their digests.
  public func getEpisodes(_ digests: [ContentDigest]) async throws -> [Episode] {
    try await concurrentMap(digests) { try await getEpisode($0) }
  }

  /// The episodes of a job that are stored already.
  public func receipts(ofJob job: String) async throws -> [EpisodeReceipt] {
    try await ask(ListEpisodesRequest(job: job)).body.receipts
  }

  // MARK: Checkpoints, values and labels

  /// Stores a checkpoint: a blob a file, then a manifest that names them, whose digest is the
  /// checkpoint's.
  ///
  /// - Parameter files: Contents by name, such as "model.safetensors".
  public func putCheckpoint(_ files: [String: [UInt8]]) async throws -> ContentDigest {
    let names = files.keys.sorted()
    let digests = try await concurrentMap(names) { name in
      try await putBlob(files[name] ?? [], kind: "checkpoint")
    }
    let manifest = CheckpointManifest(
      files: Dictionary(uniqueKeysWithValues: zip(names, digests)))
    return try await putBlob(try manifest.serialized(), kind: "checkpoint")
  }

  /// Fetches a checkpoint's files, by name.
  ///
  /// - Throws: As `getBlob`; `DecodingError` for a blob that is no checkpoint manifest.
  public func getCheckpoint(_ digest: ContentDigest) async throws -> [String: [UInt8]] {
    let manifest = try CheckpointManifest(parsing: try await getBlob(digest))
    let names = manifest.files.keys.sorted()
    let contents = try await concurrentMap(names) { name in
      try await getBlob(manifest.files[name] ?? digest)
    }
    return Dictionary(uniqueKeysWithValues: zip(names, contents))
  }

  /// Stores a shard's values.
  public func putValues(_ values: ValueSet) async throws -> ContentDigest {
    try await putBlob(try ValueSetFile.serialize(values), kind: "values")
  }

  /// Fetches a shard's values.
  public func getValues(_ digest: ContentDigest) async throws -> ValueSet {
    try ValueSetFile.parse(try await getBlob(digest))
  }

  /// Stores a label set.
  public func putLabels(_ labels: LabelSet) async throws -> ContentDigest {
    try await putBlob(try LabelSetFile.serialize(labels), kind: "labels")
  }

  /// Fetches a label set.
  public func getLabels(_ digest: ContentDigest) async throws -> LabelSet {
    try LabelSetFile.parse(try await getBlob(digest))
  }

  // MARK: Asking

  private func ask<R: Request>(_ request: R, frames: [Frame] = []) async throws
    -> Envelope<R.Reply>
  {
    try await backoff.retrying(on: clock) {
      try await client.send(request, frames: frames, timeout: requestTimeout)
    }
  }

  /// Maps in order, with at most `concurrency` calls at a time.
  private func concurrentMap<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ transform: @escaping @Sendable (Input) async throws -> Output
  ) async throws -> [Output] {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
      var outputs = [Output?](repeating: nil, count: inputs.count)
      for (index, input) in inputs.enumerated() {
        if index >= concurrency, let (done, output) = try await group.next() {
          outputs[done] = output
        }
        group.addTask { (index, try await transform(input)) }
      }
      while let (done, output) = try await group.next() { outputs[done] = output }
      return outputs.compactMap { $0 }
    }
  }
}

/// The blob that a checkpoint's digest names: its files' digests, as JSON with sorted keys.
public struct CheckpointManifest: Codable, Hashable, Sendable {
  /// Digests by file name.
  public var files: [String: ContentDigest]

  public init(files: [String: ContentDigest]) { self.files = files }

  /// - Throws: `DecodingError` for anything but a manifest.
  public init(parsing bytes: [UInt8]) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(bytes))
  }

  /// The same bytes for the same files, so that equal checkpoints have equal digests.
  public func serialized() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(self))
  }
}
