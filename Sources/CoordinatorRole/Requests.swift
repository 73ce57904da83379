import EpisodeStorage
import Episodes
import Foundation
import Messaging
import RecapAlgorithm

/// What the coordinator answers to: one line a request type.
extension Coordinator {
  nonisolated func makeRouter() -> RequestRouter {
    var router = RequestRouter()
    func on<R: Request>(
      _: R.Type, _ permission: Permission<R>,
      _ handler: @escaping @Sendable (Envelope<R>, KeyHolder?) async throws -> Envelope<R.Reply>
    ) {
      router.on(R.self) { request, peer in
        // A peer without a key needs none.
        guard case .key(let key) = peer else { return try await handler(request, nil) }
        let holder = try await self.check(permission, for: request.body, with: key)
        return try await handler(request, holder)
      }
    }
    on(DescribeRunRequest.self, .everyWorker) { _, _ in Envelope(await self.description) }
    on(JoinRequest.self, .everyWorker { $0.worker.name }) { request, holder in
      let worker = try await self.admitted(request.body.worker, under: holder)
      let time = request.body.time.map { Date(timeIntervalSince1970: $0) }
      return Envelope(try await self.join(worker, time: time))
    }
    on(NextJobRequest.self, .everyWorker { $0.worker }) { request, _ in
      Envelope(try await self.nextJob(request.body))
    }
    on(HeartbeatRequest.self, .everyWorker { $0.worker }) { request, _ in
      Envelope(try await self.heartbeat(request.body))
    }
    on(JobFinishedRequest.self, .everyWorker { $0.worker }) { request, _ in
      Envelope(try await self.jobFinished(request.body))
    }
    on(JobFailedRequest.self, .everyWorker { $0.worker }) { request, _ in
      Envelope(try await self.jobFailed(request.body))
    }
    on(JobReturnedRequest.self, .everyWorker { $0.worker }) { request, _ in
      try await self.submit(
        .jobReturned(worker: request.body.worker, lease: request.body.lease))
      return Envelope(Acknowledgement())
    }
    on(LeaveRequest.self, .everyWorker { $0.worker }) { request, _ in
      try await self.leave(request.body)
      return Envelope(Acknowledgement())
    }
    let (archive, run) = (archive, ownRun)
    // A checkpoint or label set is what a learner's or labeller's job makes: no robot's key publishes one.
    on(PutBlobRequest.self, .only(.valueLearner, .advantageLabeller, .policyLearner)) {
      request, _ in
      let digest = try await archive.putBlob(try request.onlyFrame().bytes, kind: request.body.kind)
      return Envelope(PutBlobRequest.Reply(digest: digest))
    }
    on(GetBlobRequest.self, .everyWorker) { request, _ in
      let bytes = try await archive.blob(request.body.digest)
      return Envelope(GetBlobRequest.Reply(size: bytes.count), frames: [Frame(bytes)])
    }
    on(PutEpisodeRequest.self, .only(.collector)) { request, holder in
      try run.check(request.body.runID, of: "episode '\(request.body.id)'")
      var robot: String?
      if case .worker(let invitation) = holder { robot = invitation.worker }
      let receipt = try await archive.putEpisode(
        id: request.body.id, file: try request.onlyFrame().bytes, robot: robot)
      return Envelope(PutEpisodeRequest.Reply(receipt: receipt))
    }
    on(ListEpisodesRequest.self, .everyWorker) { request, _ in
      Envelope(
        ListEpisodesRequest.Reply(receipts: try await archive.receipts(job: request.body.job)))
    }
    on(StatusRequest.self, .personInCharge) { _, _ in Envelope(await self.status()) }
    on(PauseRequest.self, .personInCharge) { request, _ in
      let worker = request.body.worker
      try await self.carryOut(
        request.body.paused ? .pause(worker: worker) : .resume(worker: worker),
        by: request.body.person)
      return Envelope(Acknowledgement())
    }
    on(InviteRequest.self, .personInCharge) { request, _ in
      try await self.carryOut(.invite(request.body.invitation), by: request.body.person)
      return Envelope(Acknowledgement())
    }
    on(RemoveRequest.self, .personInCharge) { request, _ in
      try await self.carryOut(.remove(worker: request.body.worker), by: request.body.person)
      return Envelope(Acknowledgement())
    }
    on(JudgeRequest.self, .personInCharge) { request, _ in
      let verdict = try await self.judge(
        request.body.episode, request.body.opinion, by: request.body.rater)
      return Envelope(JudgeRequest.Reply(verdict: verdict))
    }
    return router
  }

  private var description: DescribeRunRequest.Reply {
    let policies = configuration.tasks.compactMap { task in
      plan.currentPolicy(of: task.name).map {
        DescribeRunRequest.PolicyVersion(
          task: task.name, iteration: $0.k, checkpoint: $0.checkpoint)
      }
    }
    return DescribeRunRequest.Reply(
      run: ownRun.name, runID: ownRun.id, configuration: configurationJSON, policies: policies)
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
    case .checkpoint(let digest, _), .values(let digest), .labels(let digest, _): [digest]
    }
  }
}
