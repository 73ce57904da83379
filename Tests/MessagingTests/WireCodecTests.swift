import Episodes
import Messaging
import RecapAlgorithm
import Testing

@Suite struct WireCodecTests {
  private func frames(
    _ header: String, version: String = "recap/1", raw: [[UInt8]] = []
  ) -> [Frame] {
    [Frame(Array(version.utf8)), Frame(Array(header.utf8))] + raw.map { Frame($0) }
  }

  /// The reason given for a message that cannot be read.
  private func reason(_ frames: [Frame]) throws -> WireError {
    try #require(throws: WireError.self) { try WireCodec.decode(frames) }
  }

  @Test func theFramesAreAsDocumented() throws {
    let encoded = try WireCodec.encode(
      id: "7", type: "test.echo", kind: .request, body: EchoRequest(text: "a/b", number: nil),
      frames: [Frame(name: "action", shape: [1, 2], floats: [1, -2]), Frame([7, 8, 9])])
    #expect(encoded.count == 4)
    #expect(encoded[0].bytes == Array("recap/1".utf8))
    #expect(
      String(decoding: encoded[1].bytes, as: UTF8.self) == #"{"body":{"text":"a/b"},"#
        + #""frames":[{"dtype":"F32","name":"action","shape":[1,2]},{"dtype":"U8","shape":[3]}],"#
        + #""id":"7","kind":"request","type":"test.echo"}"#)
    #expect(encoded[2].bytes == [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    #expect(encoded[3].bytes == [7, 8, 9])
  }

  @Test func everyElementTypeSurvives() throws {
    let encoded = try WireCodec.encode(
      id: "1", type: "t", kind: .reply, body: Acknowledgement(),
      frames: [
        Frame(name: "f", shape: [2, 2], floats: [0, .pi, -.infinity, -0.5]),
        Frame(name: "b", shape: [3], bytes: [0, 128, 255]),
        Frame(name: "i", shape: [], int32s: [-5]),
        Frame(name: "t", shape: [1, 3], bools: [true, false, true]),
        Frame(name: "none", shape: [0, 39], floats: []),
      ])
    let message = try WireCodec.decode(encoded.map { Frame($0.bytes) })
    let envelope = Envelope(Acknowledgement(), frames: message.frames)
    #expect(try envelope.frame("f").floats(shape: [2, 2]) == [0, .pi, -.infinity, -0.5])
    #expect(try envelope.frame("b").bytes(shape: [3]) == [0, 128, 255])
    #expect(try envelope.frame("i").int32s(shape: []) == [-5])
    #expect(try envelope.frame("t").bools() == [true, false, true])
    #expect(try envelope.frame("none").floats(shape: [0, 39]) == [])
    #expect(message.kind == .reply)
  }

  @Test func aFrameOfAnotherKindIsNamed() throws {
    let frame = Frame(name: "state", shape: [2], floats: [1, 2])
    let wrongType = #expect(throws: RequestError.self) { try frame.int32s() }
    #expect(
      wrongType?.description
        == "malformed message: expected a frame state: I32[2], got state: F32[2]")
    let wrongShape = #expect(throws: RequestError.self) { try frame.floats(shape: [3]) }
    #expect(wrongShape?.description.contains("F32[3], got state: F32[2]") == true)
    let missing = #expect(throws: RequestError.self) {
      try Envelope(Acknowledgement(), frames: [frame]).frame("action")
    }
    #expect(missing?.description.contains("'action' is missing") == true)
    #expect(missing?.description.contains("state: F32[2]") == true)
  }

  @Test func numbersThatJSONLacksSurvive() throws {
    let progress = JobProgress(
      done: 1, total: 2, unit: "steps",
      metrics: ["a": .infinity, "b": -.infinity, "c": 0.1])
    let message = try WireCodec.decode(
      WireCodec.encode(id: "1", type: "t", kind: .request, body: progress, frames: []))
    #expect(try message.body(as: JobProgress.self) == progress)
  }

  @Test func everyMessageOfTheSystemSurvives() throws {
    let digest = try #require(ContentDigest(rawValue: String(repeating: "0a", count: 32)))
    let training = TrainingSettings(steps: 10, batchSize: 4, learningRate: 1e-3)
    let works: [Job.Work] = [
      .collect(
        CollectWork(
          source: .corrected, policy: "a", guidance: 1.5, firstEpisode: 0, episodeCount: 5,
          stage: "s")),
      .trainValue(TrainValueWork(dataset: ["a"], initial: nil, training: training)),
      .label(LabelWork(dataset: ["a"], value: "v", lookahead: 50, positiveShare: ["t": 0.4])),
      .estimateValues(
        EstimateValuesWork(dataset: ["a"], episodeCount: 2, value: "v", stage: "t/1/labels")),
      .label(
        LabelWork(
          dataset: ["a"], value: "v", shards: ["s"], lookahead: 50, positiveShare: ["t": 0.4])),
      .trainPolicy(
        TrainPolicyWork(
          dataset: ["a"], labels: nil, initial: "p", training: training, indicatorDropout: 0.3)),
    ]
    for work in works {
      let order = JobOrder(
        job: Job(id: "t/1/x", task: "t", iteration: 1, seed: .max, work: work), lease: "l",
        dataset: [digest], policy: digest)
      let reply = NextJobRequest.Reply(order: order, finished: false)
      let message = try WireCodec.decode(
        WireCodec.encode(
          id: "1", type: NextJobRequest.type, kind: .reply, body: reply, frames: []))
      #expect(try message.reply(to: NextJobRequest.self).body.order == order)
    }
    let receipt = EpisodeReceipt(
      id: "e", index: 1, digest: digest, steps: 3, interventionSteps: 0, outcome: .success)
    let results: [JobResult] = [
      .episodes([receipt]), .checkpoint(digest, metrics: ["loss": 0.5]), .values(digest),
      .labels(digest, LabelSetMetadata(job: "j", value: digest, lookahead: nil, tasks: [:])),
    ]
    for result in results {
      let request = JobFinishedRequest(worker: "w", lease: "l", result: result)
      let message = try WireCodec.decode(
        WireCodec.encode(
          id: "1", type: JobFinishedRequest.type, kind: .request, body: request, frames: []))
      #expect(try message.body(as: JobFinishedRequest.self).result == result)
    }
  }

  @Test func enumerationsAreWrittenAsDocumented() throws {
    let digest = String(repeating: "0a", count: 32)
    let result = JobResult.checkpoint(
      try #require(ContentDigest(rawValue: digest)), metrics: ["loss": 0.5])
    let encoded = try WireCodec.encode(
      id: "1", type: JobFinishedRequest.type, kind: .request,
      body: JobFinishedRequest(worker: "w", lease: "l", result: result), frames: [])
    #expect(
      String(decoding: encoded[1].bytes, as: UTF8.self).hasPrefix(
        #"{"body":{"lease":"l","result":{"checkpoint":{"_0":"\#(digest)","#
          + #""metrics":{"loss":0.5}}},"#))
    let work = Job.Work.label(
      LabelWork(dataset: ["d"], value: "v", lookahead: nil, positiveShare: ["t": 0.5]))
    let order = try WireCodec.encode(
      id: "1", type: "t", kind: .reply, body: work, frames: [])
    #expect(
      String(decoding: order[1].bytes, as: UTF8.self).hasPrefix(
        #"{"body":{"label":{"_0":{"dataset":["d"],"positiveShare":{"t":0.5},"value":"v"}}},"#))
  }

  // MARK: Malformed messages

  private let header = #"{"id":"7","type":"test.echo","kind":"request","body":{"text":"a"}"#

  @Test func tooFewFrames() throws {
    #expect(try reason([]).reason.contains("got 0 frames"))
    #expect(try reason([Frame([1])]).reason.contains("got 1 frames"))
  }

  @Test func anotherVersionIsNamedAndItsSenderAnswered() throws {
    let error = try reason(frames(header + "}", version: "recap/2"))
    #expect(error.reason.contains("'recap/2'"))
    #expect(error.reason.contains("'recap/1'"))
    #expect(error.id == "7")
    #expect(try reason(frames("not JSON", version: "HTTP/1.1")).id == "")
  }

  @Test(arguments: [
    ("", "not valid"),
    ("[]", "not valid"),
    (#"{"type":"t","kind":"request"}"#, "'id' is missing"),
    (#"{"id":7,"type":"t","kind":"request"}"#, "id: expected String"),
    (#"{"id":"7","type":"t","kind":"question"}"#, "kind: "),
    (
      #"{"id":"7","type":"t","kind":"request","frames":[{"dtype":"F16","shape":[1]}]}"#,
      "frames[0].dtype"
    ),
    (#"{"id":"7","type":"t","kind":"request","frames":[{"dtype":"U8"}]}"#, "'shape' is missing"),
  ])
  func aBadHeader(_ header: String, _ expected: String) throws {
    let error = try reason(frames(header))
    #expect(error.reason.contains(expected), "\(error.reason)")
  }

  @Test func framesMustFitTheirDescriptions() throws {
    let described = header + #","frames":[{"name":"x","dtype":"F32","shape":[2,3]}]}"#
    #expect(
      try reason(frames(described)).reason.contains("describes 1 raw frames, the message has 0"))
    let short = try reason(frames(described, raw: [[1, 2, 3]]))
    #expect(short.reason.contains("raw frame 0"))
    #expect(short.reason.contains("x: F32[2, 3] takes 24 bytes, the frame has 3"))
    #expect(short.id == "7")
    #expect(try reason(frames(header + "}", raw: [[1]])).reason.contains("describes 0"))
  }

  @Test(arguments: ["[-1,-4]", "[9223372036854775807,2]", "[4611686018427387904]"])
  func impossibleShapesAreRefused(_ shape: String) throws {
    let described = header + #","frames":[{"dtype":"F64","shape":\#(shape)}]}"#
    #expect(try reason(frames(described, raw: [[1, 2, 3, 4]])).reason.contains("too many bytes"))
  }

  @Test func aBodyWithoutItsFieldsIsNamed() throws {
    let message = try WireCodec.decode(
      frames(#"{"id":"7","type":"test.echo","kind":"request","body":{"text":3}}"#))
    let error = #expect(throws: RequestError.self) { try message.body(as: EchoRequest.self) }
    #expect(error?.description.contains("test.echo: body.text: expected String") == true)
  }
}
