import Configuration
import EpisodeStorage
import Episodes
import Foundation
import Logging
import Messaging
import RecapAlgorithm
import Robots
import RoleRuntime
import Synchronization
import Testing

@testable import CoordinatorRole

/// The coordinator over a real archive, without sockets and workers.
@Suite(.timeLimit(.minutes(1)))
struct CoordinatorTests {
  @Test("when the archive fails in the middle of a batch, every submitter is answered")
  func fullDiskInABatch() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    let disk = Disk()
    let archive = try await run.archive(disk)
    let coordinator = try await run.coordinator(archive)

    // Nothing is stored before the coordinator runs, so these four are one batch.
    func submit(
      _ event: PlanEvent, until isSeen: (Plan) -> Bool
    ) async -> Task<[PlanCommand], any Error> {
      let answer = Task { try await coordinator.submit(event) }
      while !isSeen(await coordinator.plan) { await Task.yield() }
      return answer
    }
    let joined = await submit(
      .workerJoined(worker: "cell-1", incarnation: "1", role: .collector, tasks: ["espresso"]),
      until: { !$0.isPristine })
    let wanted = await submit(
      .jobWanted(worker: "cell-1", incarnation: "1"), until: { !$0.liveLeases.isEmpty })
    let lease = try #require(await coordinator.plan.liveLeases.first)
    let order = try #require(await coordinator.plan.order(for: lease.job, lease: lease.lease))
    let finished = await submit(
      .jobFinished(worker: "cell-1", lease: order.lease, result: run.result(of: order)),
      until: { $0.result(of: order.job.id) != nil })
    let late = await submit(
      .jobWanted(worker: "cell-1", incarnation: "1"),
      until: { $0.liveLeases.contains { $0.lease != order.lease } })

    disk.fillUp(afterCommits: 1)
    await #expect(throws: Disk.Full.self) { try await coordinator.run() }
    #expect(try await joined.value.isEmpty)
    #expect(try await wanted.value.count == 1)
    await #expect(throws: CancellationError.self) { try await finished.value }
    await #expect(throws: CancellationError.self) { try await late.value }
    await #expect(throws: CancellationError.self) {
      try await coordinator.submit(.coordinatorRestarted)
    }
    try await archive.close()
  }

  @Test("a full disk ends the run though workers wait, and the next coordinator goes on")
  func fullDiskWhileWorkersWait() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    let disk = Disk()
    var archive = try await run.archive(disk)
    var coordinator = try await run.coordinator(archive)
    let running = Task { [coordinator] in try await coordinator.run() }
    let client = run.transport.connect()

    try await run.join("policy-learner", .policyLearner, client)
    let question = Task {
      try await client.send(
        NextJobRequest(worker: "policy-learner", incarnation: "1", waitSeconds: 30))
    }
    while !(await coordinator.plan.isWaiting("policy-learner", incarnation: "1")) {
      await Task.yield()
    }
    try await run.join("cell-1", .collector, client)
    let order = try #require(
      await client.send(NextJobRequest(worker: "cell-1", incarnation: "1", waitSeconds: 30)).order)
    let report = JobFinishedRequest(
      worker: "cell-1", lease: order.lease, result: run.result(of: order))
    try await run.storeBlobs(of: order, in: archive)
    disk.fillUp(afterCommits: 1)
    let unheard = Task { try await client.send(report, timeout: .seconds(1)) }
    await #expect(throws: Disk.Full.self) { try await running.value }
    // A worker that hears nothing asks again, as it does when a coordinator is killed.
    await #expect(throws: RequestError.timeout(type: "control.job-finished", seconds: 1)) {
      try await unheard.value
    }
    question.cancel()
    try await archive.close()

    archive = try await Archive.open(at: run.directory)
    coordinator = try await run.coordinator(archive)
    #expect(await coordinator.plan.result(of: order.job.id) != nil)
    let resumed = Task { [coordinator] in try await coordinator.run() }
    #expect(try await client.send(report).accepted)
    resumed.cancel()
    _ = await resumed.result
    try await archive.close()
  }

  @Test("a person's word on an episode is stored with who said it, and counts after a restart")
  func judging() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    let archive = try await run.archive(Disk())
    let coordinator = try await run.coordinator(archive)
    let running = Task { try await coordinator.run() }
    let id = "espresso/demonstrations/0#0"
    let receipt = try await archive.putEpisode(id: id, file: try run.episode(id))
    await #expect(throws: NoSuchEpisode.self) {
      try await coordinator.judge("none", Opinion(outcome: .failure), by: "anna")
    }
    #expect(try await coordinator.judge(id, Opinion(outcome: .failure), by: "anna") == .failure)
    #expect(try await coordinator.judge(id, Opinion(outcome: .success), by: "ben") == .success)
    #expect(try await coordinator.judge(id, Opinion(outcome: .failure), by: "cleo") == .failure)
    #expect(try await archive.episode(id: id)?.outcome == .failure)
    await #expect(throws: OpinionError.self) {
      try await coordinator.judge(id, Opinion(criteria: ["pour": true]), by: "anna")
    }
    running.cancel()
    _ = await running.result
    let plan = try await Plan(of: run.configuration, in: archive)
    #expect(
      plan.ratings(of: receipt.digest) == ["anna": .failure, "ben": .success, "cleo": .failure])
    try await archive.close()
  }

  @Test("a result whose blobs are not in the archive is a failed job, not the end of the run")
  func resultOutOfThinAir() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    try await run.serving { client, archive in
      try await run.join("cell-1", .collector, client)
      let question = NextJobRequest(worker: "cell-1", incarnation: "1", waitSeconds: 30)
      let order = try #require(await client.send(question).order)
      let report = JobFinishedRequest(
        worker: "cell-1", lease: order.lease, result: run.result(of: order))
      #expect(try await !client.send(report).accepted)

      let again = try #require(await client.send(question).order)
      #expect(again.job == order.job && again.lease != order.lease)
      try await run.storeBlobs(of: again, in: archive)
      let repeated = JobFinishedRequest(
        worker: "cell-1", lease: again.lease, result: run.result(of: again))
      #expect(try await client.send(repeated).accepted)
    }
  }

  @Test("a job that fails again and again ends the run, which says what, how often and why")
  func hopelessJob() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    let archive = try await run.archive(Disk())
    let coordinator = try await run.coordinator(archive)
    let running = Task { try await coordinator.run() }
    let client = run.transport.connect()
    try await run.join("cell-1", .collector, client)
    let question = NextJobRequest(worker: "cell-1", incarnation: "1", waitSeconds: 30)
    var attempts = 0
    while let order = try await client.send(question).order {
      attempts += 1
      _ = try await client.send(
        JobFailedRequest(worker: "cell-1", lease: order.lease, reason: "jam \(attempts)"))
    }
    _ = try await client.send(LeaveRequest(worker: "cell-1", incarnation: "1"))
    #expect(attempts == run.configuration.runtime.maximumAttempts)
    let failure = await #expect(throws: RunFailed.self) { try await running.value }
    #expect(
      failure?.description.hasPrefix(
        "the run failed: job tshirt/demonstrations/0 failed 5 times: (1) jam 1") == true)
    #expect(failure?.description.hasSuffix("(5) jam 5 (worker 'cell-1')") == true)
    try await archive.close()
  }

  @Test("of two workers with one name the newer stays, and the older is told")
  func twoOfOneName() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    try await run.serving { client, archive in
      func question(_ incarnation: String) -> NextJobRequest {
        NextJobRequest(worker: "cell-1", incarnation: incarnation, waitSeconds: 30)
      }
      try await run.join("cell-1", .collector, client)
      let lost = try #require(await client.send(question("1")).order)
      try await run.join("cell-1", .collector, client, incarnation: "2")
      let order = try #require(await client.send(question("2")).order)
      #expect(order.job == lost.job && order.lease != lost.lease)

      // What makes the older one drop its job and stop: an invalid lease, and refusals.
      let reply = try await client.send(
        HeartbeatRequest(worker: "cell-1", incarnation: "1", lease: lost.lease, progress: nil))
      #expect(!reply.leaseValid && reply.known)
      func refused(_ type: String) -> RequestError {
        .refused(type: type, reason: NameTaken(name: "cell-1").description)
      }
      await #expect(throws: refused("control.next-job")) { try await client.send(question("1")) }
      await #expect(throws: refused("control.join")) {
        try await run.join("cell-1", .collector, client)
      }
      #expect(try await client.send(question("2")).order?.lease == order.lease)
    }
  }

  @Test(
    "episodes and collectors of another run are refused, those of this one and of older workers not"
  )
  func anotherRun() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    try await run.serving { client, archive in
      let described = try await client.send(DescribeRunRequest())
      let own = try await archive.run().id
      #expect(described.runID == own)

      let name = run.configuration.name
      try await run.join("cell-1", .collector, client, runID: own)
      try await run.join("cell-2", .collector, client)
      let refusedJoin = await #expect(throws: RequestError.self) {
        try await run.join("cell-2", .collector, client, runID: "0123456789ab")
      }
      let advice = "belongs to the run with id 0123456789ab, but this is run \(name) with id \(own)"
      #expect(refusedJoin?.description.contains("worker 'cell-2' \(advice)") == true)
      let refusedEpisode = await #expect(throws: RequestError.self) {
        try await client.send(
          PutEpisodeRequest(id: "t/demonstrations/0#22", runID: "0123456789ab"),
          frames: [Frame([1])],
          timeout: .seconds(10))
      }
      #expect(refusedEpisode?.description.contains("'t/demonstrations/0#22' \(advice)") == true)
      #expect(try await archive.episodes().isEmpty)
    }
  }

  @Test("a worker that asks a hundred times adds one event, and the events rebuild the plan")
  func idleWorker() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    let archive = try await run.archive(Disk())
    let coordinator = try await run.coordinator(archive)
    let running = Task { try await coordinator.run() }
    let client = run.transport.connect()
    try await run.join("value-learner", .valueLearner, client)
    try await withThrowingTaskGroup(of: NextJobRequest.Reply.self) { group in
      // Each question but the last is answered when the next one comes.
      for _ in 0..<100 {
        group.addTask {
          try await client.send(
            NextJobRequest(worker: "value-learner", incarnation: "1", waitSeconds: 0))
        }
      }
      for try await reply in group { #expect(reply.order == nil && !reply.finished) }
    }
    let plan = await coordinator.plan
    running.cancel()
    _ = await running.result
    let events = try await archive.events()
    #expect(events.count == 2)
    try await archive.close()

    let rebuilt = try await run.coordinator(Archive.open(at: run.directory))
    #expect(await rebuilt.plan == plan)
  }
}

/// A directory for a run of the smallest configuration, and what its coordinator needs.
struct CoordinatedRun {
  let folder: URL
  let configuration: RunConfiguration
  let transport = InProcessTransport()
  var directory: String { folder.appending(path: "run").path }

  init() throws {
    folder = try RecapProcess.temporaryFolder()
    configuration = try RunConfiguration.load(
      file: RecapProcess.root.appending(path: "Configs/smoke.yaml").path,
      workcellTasks: WorkcellTasks.names)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func archive(_ disk: Disk) async throws -> Archive {
    try await Archive.create(
      at: directory,
      run: RunDescription(
        name: configuration.name, configuration: configuration.resolvedJSON, version: "test"),
      hook: { if $0 == .commitRows { try disk.commit() } })
  }

  /// - Parameter server: Where it is asked besides `transport`.
  func coordinator(
    _ archive: Archive, server: (any RequestServer)? = nil, keys: KeyRing = KeyRing()
  ) async throws -> Coordinator {
    try await Coordinator(
      archive: archive, configuration: configuration,
      server: server.map { JointServer([transport.server, $0]) } ?? transport.server, keys: keys,
      log: Logger(label: "test"), notify: { _ in })
  }

  /// Runs a coordinator around `body` and stops it afterwards.
  func serving(_ body: (any RequestClient, Archive) async throws -> Void) async throws {
    let archive = try await archive(Disk())
    let coordinator = try await coordinator(archive)
    let running = Task { try await coordinator.run() }
    try await body(transport.connect(), archive)
    running.cancel()
    _ = await running.result
    try await archive.close()
  }

  /// An episode of one step that succeeded, as a file.
  func episode(_ id: String) throws -> [UInt8] {
    let embodiment = Embodiment(
      name: "arm", proprioceptionWidth: 1, environmentStateWidth: 0, cameras: [], actionWidth: 1,
      controlRate: 10)
    var episode = Episode(
      metadata: EpisodeMetadata(
        id: id, job: "espresso/demonstrations/0", index: 0,
        task: TaskDescription(name: "espresso", instruction: "espresso", maximumSteps: 9),
        embodiment: embodiment, robot: "arm", source: .demonstration, seed: 1, outcome: .success,
        recordsImages: false, recordsEnvironmentState: false))
    try episode.append(Observation(proprioception: [0]), action: [0], intervention: true)
    return try EpisodeFile.serialize(episode)
  }

  func join(
    _ name: String, _ role: WorkerRole, _ client: any RequestClient, incarnation: String = "1",
    runID: String? = nil
  ) async throws {
    _ = try await client.send(JoinRequest(worker: worker(name, role, incarnation, runID: runID)))
  }

  func worker(
    _ name: String, _ role: WorkerRole, _ incarnation: String = "1", runID: String? = nil
  ) -> WorkerDescription {
    let isRobot = role == .collector
    let embodiment = Embodiment(
      name: "arm", proprioceptionWidth: 4, environmentStateWidth: 3, cameras: [], actionWidth: 2,
      controlRate: 10)
    let tasks = configuration.tasks.map {
      TaskDescription(name: $0.name, instruction: $0.name, maximumSteps: 9)
    }
    return WorkerDescription(
      name: name, incarnation: incarnation, role: role, embodiment: isRobot ? embodiment : nil,
      tasks: isRobot ? tasks : [], runID: runID)
  }

  /// Receipts of the episodes that a collect job asks for.
  func result(of order: JobOrder) -> JobResult {
    guard case .collect(let work) = order.job.work else { return .episodes([]) }
    return .episodes(
      (work.firstEpisode..<work.firstEpisode + work.episodeCount).map {
        EpisodeReceipt(
          id: "\(order.job.id)#\($0)", index: $0, digest: ContentDigest(hashing: [UInt8($0)]),
          steps: 5, interventionSteps: 0, outcome: .success)
      })
  }

  /// Stores what the receipts of `result(of:)` name.
  func storeBlobs(of order: JobOrder, in archive: Archive) async throws {
    guard case .episodes(let receipts) = result(of: order) else { return }
    for receipt in receipts { try await archive.putBlob([UInt8(receipt.index)], kind: "episode") }
  }
}

/// A disk that becomes full after some more commits.
final class Disk: Sendable {
  struct Full: Error {}
  private let room = Mutex(Int.max)

  func fillUp(afterCommits count: Int) { room.withLock { $0 = count } }

  func commit() throws {
    try room.withLock {
      guard $0 > 0 else { throw Full() }
      $0 -= 1
    }
  }
}
