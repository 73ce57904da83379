import EpisodeStorage
import Episodes
import Messaging
import RecapAlgorithm

/// What the coordinator answers to: one line a request type.
extension Coordinator {
  nonisolated func makeRouter() -> RequestRouter {
    var router = RequestRouter()
    let description = DescribeRunRequest.Reply(
      run: ownRun.name, runID: ownRun.id, configuration: configurationJSON)
    router.on(DescribeRunRequest.self) { _ in Envelope(description) }
    router.on(JoinRequest.self) { Envelope(try await self.join($0.body.worker)) }
    router.on(NextJobRequest.self) { Envelope(try await self.nextJob($0.body)) }
    router.on(HeartbeatRequest.self) { Envelope(try await self.heartbeat($0.body)) }
    router.on(JobFinishedRequest.self) { Envelope(try await self.jobFinished($0.body)) }
    router.on(JobFailedRequest.self) { Envelope(try await self.jobFailed($0.body)) }
    router.on(LeaveRequest.self) {
      try await self.leave($0.body)
      return Envelope(Acknowledgement())
    }
    let (archive, run) = (archive, ownRun)
    router.on(PutBlobRequest.self) { request in
      let digest = try await archive.putBlob(try request.onlyFrame().bytes, kind: request.body.kind)
      return Envelope(PutBlobRequest.Reply(digest: digest))
    }
    router.on(GetBlobRequest.self) { request in
      let bytes = try await archive.blob(request.body.digest)
      return Envelope(GetBlobRequest.Reply(size: bytes.count), frames: [Frame(bytes)])
    }
    router.on(PutEpisodeRequest.self) { request in
      try run.check(request.body.runID, of: "episode '\(request.body.id)'")
      let receipt = try await archive.putEpisode(
        id: request.body.id, file: try request.onlyFrame().bytes)
      return Envelope(PutEpisodeRequest.Reply(receipt: receipt))
    }
    router.on(ListEpisodesRequest.self) { request in
      Envelope(
        ListEpisodesRequest.Reply(receipts: try await archive.receipts(job: request.body.job)))
    }
    return router
  }

  func jobFinished(_ request: JobFinishedRequest) async throws -> JobFinishedRequest.Reply {
    // Stored as an event, such a result would end this run and every attempt to resume it.
    if let missing = try await archive.firstMissing(of: request.result.blobs) {
      _ = try await jobFailed(
        JobFailedRequest(
          worker: request.worker, lease: request.lease,
          reason: "its result names blob \(missing.short), which is not in the archive"))
      return JobFinishedRequest.Reply(accepted: false)
    }
    let commands = try await submit(
      .jobFinished(worker: request.worker, lease: request.lease, result: request.result))
    let accepted = commands.contains { if case .accepted = $0 { true } else { false } }
    return JobFinishedRequest.Reply(accepted: accepted)
  }

  func jobFailed(_ request: JobFailedRequest) async throws -> Acknowledgement {
    log.warning(
      "job failed", metadata: ["worker": "\(request.worker)", "reason": "\(request.reason)"])
    try await submit(
      .jobFailed(worker: request.worker, lease: request.lease, reason: request.reason))
    return Acknowledgement()
  }
}

/// Refuses what belongs to another run. Names repeat from run to run: jobs, episodes and workers of two runs are told
/// apart by the runs' ids alone.
struct OwnRun: Sendable {
  var id: String
  var name: String

  /// - Parameter other: The run that `thing` says it belongs to; nil where it does not say.
  /// - Throws: `OtherRun`.
  func check(_ other: String?, of thing: String) throws(OtherRun) {
    if let other, other != id { throw OtherRun(thing: thing, other: other, own: self) }
  }
}

/// Something that belongs to another run than the coordinator's.
struct OtherRun: Error, CustomStringConvertible {
  var thing: String
  var other: String
  var own: OwnRun

  var description: String {
    "\(thing) belongs to the run with id \(other), but this is run \(own.name) with id \(own.id)"
  }
}

extension JobResult {
  /// The blobs that it promises.
  fileprivate var blobs: [ContentDigest] {
    switch self {
    case .episodes(let receipts): receipts.map(\.digest)
    case .checkpoint(let digest, _), .labels(let digest, _): [digest]
    }
  }
}
