import Episodes
import Foundation
import RecapAlgorithm

extension Archive {
  /// Takes over what a job of another run has made: episodes, a checkpoint's files, values or a label set,
  /// with their rows and the job's training metrics, all durable on return.
  ///
  /// Blobs are checked against their digests and shared with the other run on the disk where its
  /// file system can do that, since they never change. Taking the same result over again changes
  /// nothing.
  ///
  /// - Parameters:
  ///   - job: The job's id, which is the same in both runs.
  ///   - other: The other run's archive.
  /// - Returns: False where this archive holds another episode under the id of one of the result's,
  ///   because the job was begun here: nothing was taken over then.
  /// - Throws: `ArchiveError.missingBlob` or `.corruptBlob` for what the other archive has lost.
  public func adopt(_ result: JobResult, ofJob job: String, from other: ArchiveReader) async throws
    -> Bool
  {
    switch result {
    case .episodes(let receipts):
      let stored = try await self.receipts(job: job)
      let digests = Dictionary(uniqueKeysWithValues: receipts.map { ($0.id, $0.digest) })
      guard stored.allSatisfy({ digests[$0.id] == $0.digest }) else { return false }
      for receipt in receipts {
        try await putEpisode(id: receipt.id, file: try await shared(receipt.digest, with: other))
      }
    case .checkpoint(let digest, _):
      let manifest = try await shared(digest, with: other)
      let files = try JSONDecoder().decode(CheckpointManifest.self, from: Data(manifest)).files
      for file in Set(files.values).sorted() {
        try await putBlob(try await shared(file, with: other), kind: "checkpoint")
      }
      // Last, as a learner stores it: a manifest's files are there when it is.
      try await putBlob(manifest, kind: "checkpoint")
    case .values(let digest):
      try await putBlob(try await shared(digest, with: other), kind: "values")
    case .labels(let digest, _):
      try await putBlob(try await shared(digest, with: other), kind: "labels")
    }
    try await recordMetrics(try await other.metrics(job: job))
    return true
  }

  /// A blob of another archive, whose file is this archive's too from now on; its row is not.
  private func shared(
    _ digest: ContentDigest, with other: ArchiveReader
  ) async throws -> [UInt8] {
    let bytes = try await other.blob(digest)
    let blobs = blobs
    try await queues.run { blobs.share(digest, with: other.blobs) }
    return bytes
  }
}
