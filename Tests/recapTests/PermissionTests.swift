import CoordinatorRole
import EpisodeStorage
import Episodes
import Messaging
import RecapAlgorithm
import Testing

@testable import ZeroMQTransport

/// What the holders of keys may do, over real protected connections to a real coordinator.
@Suite(.timeLimit(.minutes(2)))
struct PermissionTests {
  /// A run's coordinator that listens for keys beside the open transport.
  private struct Protected {
    let run: CoordinatedRun
    let archive: Archive
    let coordinator: Coordinator
    let server: KeyPair
    let endpoint: String
    /// Without a key: of the coordinator's own machine.
    let open: any RequestClient
    /// The key that policy learners share.
    let learners: KeyPair

    func client(_ pair: KeyPair) throws -> ZeroMQClient {
      try ZeroMQClient(
        endpoint: endpoint, keys: ClientKeys(pair: pair, server: server.publicKey))
    }

    /// Lets a robot in, and returns its key.
    func invite(_ name: String, tasks: [String] = []) async throws -> KeyPair {
      let pair = KeyPair()
      _ = try await open.send(
        InviteRequest(
          invitation: Invitation(
            worker: name, role: .collector, tasks: tasks, key: pair.publicKey),
          person: "anna"))
      return pair
    }
  }

  private static func with(_ body: (Protected) async throws -> Void) async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    let archive = try await run.archive(Disk())
    let (pair, learners) = (KeyPair(), KeyPair())
    let ring = KeyRing(roles: [learners.publicKey: .policyLearner])
    let server = try ZeroMQServer(
      endpoints: ["tcp://0.0.0.0:*"],
      keys: ServerKeys(pair: pair) { ring.admits($0).map { $0 ? .yes : .no } ?? .later })
    let coordinator = try await run.coordinator(archive, server: server, keys: ring)
    let running = Task { try await coordinator.run() }
    let port = server.boundEndpoints[0].split(separator: ":").last ?? ""
    do {
      try await body(
        Protected(
          run: run, archive: archive, coordinator: coordinator, server: pair,
          endpoint: "tcp://127.0.0.1:\(port)", open: run.transport.connect(), learners: learners))
    } catch {
      Issue.record(error)
    }
    running.cancel()
    _ = await running.result
    await server.close()
    try await archive.close()
  }

  private func refusal(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
    } catch RequestError.refused(_, let reason) {
      return reason
    } catch {
      return "\(error)"
    }
    return ""
  }

  private func question(_ worker: String) -> NextJobRequest {
    NextJobRequest(worker: worker, incarnation: "1", waitSeconds: 5)
  }

  @Test("a robot's key speaks for that robot, for its tasks, and for no learner or person")
  func robot() async throws {
    try await Self.with { it in
      let client = try it.client(try await it.invite("arm", tasks: ["espresso"]))
      let theirs = try await it.invite("other")
      try await it.run.join("arm", .collector, client)
      let order = try #require(await client.send(question("arm")).order)
      #expect(order.job.task == "espresso")

      let notForIt = "not permitted: the key of 'arm' "
      #expect(
        await refusal { try await it.run.join("other", .collector, client) }
          == notForIt + "does not speak for 'other'")
      #expect(
        await refusal { try await it.run.join("arm", .policyLearner, client) }
          == notForIt + "is not for the role policyLearner")
      #expect(
        await refusal {
          _ = try await client.send(
            PutBlobRequest(kind: "checkpoint"), frames: [Frame([1])], timeout: .seconds(10))
        } == notForIt + "is not for archive.put-blob")
      let person = "anna"
      let orders: [() async throws -> Void] = [
        { _ = try await client.send(StatusRequest()) },
        { _ = try await client.send(PauseRequest(worker: "arm", paused: true, person: person)) },
        { _ = try await client.send(RemoveRequest(worker: "other", person: person)) },
        {
          _ = try await client.send(
            InviteRequest(
              invitation: Invitation(worker: "x", role: .collector, key: theirs.publicKey),
              person: person))
        },
      ]
      for order in orders {
        #expect(await refusal(order).hasPrefix(notForIt + "is not for operator."))
      }
      let report = JobFinishedRequest(
        worker: "other", lease: order.lease, result: it.run.result(of: order))
      #expect(
        await refusal { _ = try await client.send(report) }
          == notForIt + "does not speak for 'other'")
      #expect(await it.coordinator.status().workers.map(\.name) == ["arm"])
      await client.close()
    }
  }

  @Test("an episode counts as the robot's whose key sent it, or not at all")
  func episodes() async throws {
    try await Self.with { it in
      let client = try it.client(try await it.invite("arm"))
      let embodiment = try #require(it.run.worker("arm", .collector).embodiment)
      for robot in ["other", "arm"] {
        var episode = Episode(
          metadata: EpisodeMetadata(
            id: "tshirt/demonstrations/0#\(robot)", job: "tshirt/demonstrations/0", index: 0,
            task: TaskDescription(name: "tshirt", instruction: "fold", maximumSteps: 9),
            embodiment: embodiment, robot: robot, source: .demonstration, seed: 1,
            outcome: .success, recordsImages: false, recordsEnvironmentState: false))
        try episode.append(
          Observation(proprioception: [0, 0, 0, 0]), action: [0, 0], intervention: true)
        let (id, file) = (episode.metadata.id, try EpisodeFile.serialize(episode))
        let reason = await refusal {
          _ = try await client.send(
            PutEpisodeRequest(id: id), frames: [Frame(file)], timeout: .seconds(10))
        }
        #expect(reason.contains("it comes from 'arm'") == (robot == "other"), "\(reason)")
      }
      #expect(try await it.archive.episodes().map(\.robot) == ["arm"])
      await client.close()
    }
  }

  @Test("the key of a role publishes what the role makes, and speaks for no robot")
  func role() async throws {
    try await Self.with { it in
      _ = try await it.invite("arm")
      let client = try it.client(it.learners)
      try await it.run.join("policy-learner", .policyLearner, client)
      let stored = try await client.send(
        PutBlobRequest(kind: "checkpoint"), frames: [Frame([1, 2])], timeout: .seconds(10))
      #expect(stored.body.digest == ContentDigest(hashing: [1, 2]))
      let its = "not permitted: the key of the role policyLearner "
      #expect(
        await refusal { try await it.run.join("arm", .policyLearner, client) }
          == its + "does not speak for 'arm'")
      #expect(
        await refusal { try await it.run.join("cell-1", .collector, client) }
          == its + "is not for the role collector")
      try await it.run.join("cell-1", .collector, it.open)
      #expect(
        await refusal {
          _ = try await client.send(LeaveRequest(worker: "cell-1", incarnation: "1"))
        } == its + "does not speak for 'cell-1'")
      #expect(
        await refusal {
          _ = try await client.send(
            PutEpisodeRequest(id: "x"), frames: [Frame([1])], timeout: .seconds(10))
        } == its + "is not for archive.put-episode")
      await client.close()
    }
  }

  @Test(
    "a removed robot is refused at once, its job goes to another, and a new key lets it back in")
  func removal() async throws {
    try await Self.with { it in
      let pair = try await it.invite("arm")
      let client = try it.client(pair)
      try await it.run.join("arm", .collector, client)
      let order = try #require(await client.send(question("arm")).order)
      try await it.run.join("cell-1", .collector, it.open)

      _ = try await it.open.send(RemoveRequest(worker: "arm", person: "anna"))
      // The connection is there, and its key counts for nothing.
      let gone = "this key is not let in any more"
      #expect(await refusal { _ = try await client.send(question("arm")) }.contains(gone))
      #expect(
        await refusal {
          _ = try await client.send(
            JobFinishedRequest(
              worker: "arm", lease: order.lease, result: it.run.result(of: order)))
        }.contains(gone))
      let another = try it.client(pair)
      #expect(
        await refusal { _ = try await another.send(DescribeRunRequest()) }
          .contains("does not accept this key"))
      // Nor is its name let in without a key.
      #expect(
        await refusal { try await it.run.join("arm", .collector, it.open) }
          .contains("'arm' was removed from the run"))
      #expect(try await it.open.send(question("cell-1")).order?.job == order.job)
      let incidents = try await it.archive.events().map(\.event)
      #expect(
        incidents.contains { $0 == #"{"workerRemoved":{"by":"anna","worker":"arm"}}"# },
        "\(incidents)")

      let anew = try it.client(try await it.invite("arm"))
      try await it.run.join("arm", .collector, anew, incarnation: "2")
      #expect(await refusal { _ = try await client.send(DescribeRunRequest()) }.contains(gone))
      for client in [client, another, anew] { await client.close() }

      // One that came without a key learns that there is nothing more for it.
      _ = try await it.open.send(RemoveRequest(worker: "cell-1", person: "anna"))
      #expect(try await it.open.send(question("cell-1")).finished)
    }
  }

  @Test("10,000 mutated frames against the control and data ports crash nothing")
  func mutatedFrames() async throws {
    let run = try CoordinatedRun()
    defer { run.remove() }
    let archive = try await run.archive(Disk())
    let server = try ZeroMQServer(endpoints: ["tcp://127.0.0.1:*"])
    let coordinator = try await run.coordinator(archive, server: server)
    let running = Task { try await coordinator.run() }
    let endpoint = server.boundEndpoints[0]
    let client = try ZeroMQClient(endpoint: endpoint)
    try await run.join("cell-1", .collector, client)
    let order = try #require(await client.send(question("cell-1")).order)

    var random = Mutation(state: 11)
    let corpus = try Self.corpus(run, order)
    let foreign = try Foreign(endpoint)
    for _ in 0..<10_000 {
      var message = corpus[Int(random.next() % UInt64(corpus.count))]
      random.mutate(&message)
      await foreign.send(message)
    }
    // Everything that was answered had an answer's form; whoever asks properly is answered still.
    #expect(await foreign.hears(answers: 5_000, within: .seconds(60)))
    #expect(try await client.send(DescribeRunRequest()).run == run.configuration.name)
    #expect(try await archive.episodes().isEmpty)
    await client.close()
    running.cancel()
    _ = await running.result
    await server.close()
    try await archive.close()
    // What was stored can be read back.
    let next = try await run.coordinator(Archive.open(at: run.directory))
    #expect(await next.status().workers.isEmpty)
  }

  /// One message of each type that workers and people send.
  private static func corpus(_ run: CoordinatedRun, _ order: JobOrder) throws -> [[[UInt8]]] {
    func message<R: Request>(_ request: R, _ frames: [Frame] = []) throws -> [[UInt8]] {
      try WireCodec.encode(
        id: "a", type: R.type, kind: .request, body: request, frames: frames
      ).map(\.bytes)
    }
    let stranger = "cell-9"
    return [
      try message(DescribeRunRequest()), try message(StatusRequest()),
      try message(JoinRequest(worker: run.worker(stranger, .valueLearner))),
      try message(NextJobRequest(worker: stranger, incarnation: "1", waitSeconds: 0)),
      try message(
        HeartbeatRequest(
          worker: stranger, incarnation: "1", lease: order.lease,
          progress: JobProgress(done: 1, total: 2, unit: "episodes", metrics: ["loss": .nan]))),
      try message(
        JobFinishedRequest(worker: stranger, lease: order.lease, result: run.result(of: order))),
      try message(JobFailedRequest(worker: stranger, lease: order.lease, reason: "why")),
      try message(JobReturnedRequest(worker: stranger, lease: order.lease)),
      try message(LeaveRequest(worker: stranger, incarnation: "1")),
      try message(PutBlobRequest(kind: "checkpoint"), [Frame([UInt8](repeating: 3, count: 99))]),
      try message(GetBlobRequest(digest: ContentDigest(hashing: [3]))),
      try message(PutEpisodeRequest(id: "x#0"), [Frame([UInt8](repeating: 3, count: 99))]),
      try message(ListEpisodesRequest(job: order.job.id)),
      try message(PauseRequest(worker: stranger, paused: true, person: "anna")),
    ]
  }
}

/// Sends what it likes over a real connection, and counts the answers.
private actor Foreign {
  private let socket: ZeroMQSocket
  private var answers = 0

  init(_ endpoint: String) throws {
    socket = try ZeroMQSocket(.client, in: .shared)
    try socket.connect(endpoint)
  }

  func send(_ message: [[UInt8]]) async {
    let frames = message.map { Frame($0) }
    while socket.send(frames) != .sent {
      read()
      await Task.yield()
    }
    read()
  }

  /// Whether there were so many answers before the time was over.
  func hears(answers wanted: Int, within time: Duration) async -> Bool {
    let deadline = ContinuousClock.now + time
    while answers < wanted, .now < deadline {
      read()
      await Task.yield()
    }
    return answers >= wanted
  }

  private func read() {
    while let answer = socket.receive() {
      if (try? WireCodec.decode(answer.frames)) != nil { answers += 1 }
    }
  }
}

/// Mutates messages, the same way in every test.
private struct Mutation {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 11
  }

  private mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }

  /// Flips bits, cuts, repeats and inserts within frames; drops, repeats and exchanges frames.
  mutating func mutate(_ message: inout [[UInt8]]) {
    for _ in 0...below(3) {
      guard !message.isEmpty else { return message = [[]] }
      let frame = below(message.count)
      guard !message[frame].isEmpty else {
        message[frame] = [UInt8(truncatingIfNeeded: next())]
        continue
      }
      let place = below(message[frame].count)
      switch below(9) {
      case 0, 1: message[frame][place] ^= 1 << UInt8(below(8))
      case 2: message[frame][place] = UInt8(truncatingIfNeeded: next())
      case 3: message[frame].removeSubrange(place...)
      case 4: message[frame].insert(contentsOf: message[frame][place...].prefix(40), at: place)
      case 5:
        message[frame].replaceSubrange(
          place..<place, with: Array(["-1", "9e999", "null", "[[[[", "\"", "{}"][below(6)].utf8))
      case 6: message.remove(at: frame)
      case 7: message.insert(message[frame], at: below(message.count))
      default: message.swapAt(frame, below(message.count))
      }
    }
  }
}
