import Episodes
import Foundation
import RecapAlgorithm
import Tensors
import Testing

@testable import Messaging

/// Headers and bodies that are written and read without `Codable` are those that `Codable` writes and reads.
@Suite struct WireHeaderTests {
  private static let texts = [
    "", "cell-1", "a/b", "\"quoted\" \\ and\u{8}\t\n\u{C}\r\u{0}\u{1F}\u{7F}", "Grüße, 机器人 🤖",
    "espresso/1/autonomous/7@1",
  ]

  private func asCodable(_ body: some Encodable) throws -> String {
    String(decoding: try WireCodec.makeEncoder().encode(body), as: UTF8.self)
  }

  private func heartbeats() -> [HeartbeatRequest] {
    Self.texts.flatMap { text in
      [
        HeartbeatRequest(worker: text, incarnation: "1", lease: nil, progress: nil),
        HeartbeatRequest(worker: "w", incarnation: text, lease: text, progress: nil),
        HeartbeatRequest(
          worker: "w", incarnation: "1", lease: text, progress: nil,
          vitals: RobotVitals(spooledEpisodes: 2, roundTripSeconds: 0.25)),
        HeartbeatRequest(
          worker: text, incarnation: text, lease: "l",
          progress: JobProgress(done: 1, total: 2, unit: "steps", metrics: ["loss": .nan])),
      ]
    }
  }

  @Test func directBodiesAreWrittenAsCodableWritesThem() throws {
    func check(_ body: some Encodable & DirectBody) throws {
      var json = JSONWriter(capacity: 0)
      let isWritten = body.write(to: &json)
      let expected = try asCodable(body)
      #expect(String(decoding: json.bytes, as: UTF8.self) == (isWritten ? expected : ""))
    }
    for heartbeat in heartbeats() { try check(heartbeat) }
    for reply in replies { try check(reply) }
    try check(Acknowledgement())
  }

  private var replies: [HeartbeatRequest.Reply] {
    (0..<8).map {
      HeartbeatRequest.Reply(leaseValid: $0 & 1 > 0, known: $0 & 2 > 0, paused: $0 & 4 > 0)
    }
  }

  @Test func repliesToHeartbeatsSurvive() throws {
    for reply in replies {
      let message = try WireCodec.decode(
        WireCodec.encode(
          id: "1", type: HeartbeatRequest.type, kind: .reply, body: reply, frames: []))
      let received = try message.body(as: HeartbeatRequest.Reply.self)
      #expect(try asCodable(received) == asCodable(reply))
    }
  }

  @Test func heartbeatsSurvive() throws {
    for heartbeat in heartbeats() {
      let message = try WireCodec.decode(
        WireCodec.encode(
          id: heartbeat.worker, type: HeartbeatRequest.type, kind: .request, body: heartbeat,
          frames: []))
      let received = try message.body(as: HeartbeatRequest.self)
      #expect(message.id == heartbeat.worker)
      #expect(received.worker == heartbeat.worker && received.lease == heartbeat.lease)
      #expect(received.incarnation == heartbeat.incarnation)
      #expect((received.progress == nil) == (heartbeat.progress == nil))
    }
  }

  /// All that `JSONEncoder` would write of a header.
  private struct Whole: Encodable {
    var body: HeartbeatRequest
    var frames: [FrameDescription]
    var id: String
    var kind: String
    var type: String
  }

  @Test func headersAreWrittenAsCodableWritesThem() throws {
    let frames = try [
      Frame([1, 2]).described(
        as: FrameDescription(name: "ä \"\n", type: .uint8, shape: [1, 2, 1])),
      Frame(name: "none", shape: [0, 39], floats: []), Frame([7]),
    ]
    for heartbeat in heartbeats() {
      let encoded = try WireCodec.encode(
        id: heartbeat.worker, type: heartbeat.incarnation, kind: .reply, body: heartbeat,
        frames: frames)
      let expected = try asCodable(
        Whole(
          body: heartbeat, frames: frames.map(\.description), id: heartbeat.worker, kind: "reply",
          type: heartbeat.incarnation))
      #expect(String(decoding: encoded[1].bytes, as: UTF8.self) == expected)
    }
  }

  private func frames(_ header: [UInt8]) -> [Frame] {
    [Frame(Array("recap/1".utf8)), Frame(header), Frame([1, 2, 3, 4])]
  }

  /// What both ways of reading have to agree about.
  private struct Reading: Equatable {
    var id, type, kind: String
    var frames: [FrameDescription]
    var worker, incarnation: String
    var lease: String?

    init(_ message: WireMessage) throws {
      (id, type, kind) = (message.id, message.type, message.kind.rawValue)
      frames = message.frames.map(\.description)
      let body = try message.body(as: HeartbeatRequest.self)
      (worker, incarnation, lease) = (body.worker, body.incarnation, body.lease)
    }
  }

  private func expectAgreement(_ header: [UInt8]) {
    let frames = frames(header)
    let text = String(decoding: header, as: UTF8.self)
    let read = try? Reading(try WireCodec.decode(frames))
    let slowly = try? Reading(try WireCodec.decodeUnusual(frames, header))
    #expect(read == slowly, "\(text)")
  }

  private static let usual =
    #"{"body":{"incarnation":"1","lease":null,"worker":"w"},"frames":[{"dtype":"U8","shape":[4]}],"#
    + #""id":"7","kind":"request","type":"control.heartbeat"}"#

  @Test(arguments: [
    usual,
    #" { "type" : "t" , "id":"7","kind":"reply","frames":[ { "shape" : [ 2 , 2 ],"dtype":"U8" } ],"#
      + #" "body" : { "worker":"a","x":{"y":["]}",{}]},"incarnation":"b" } } "#,
    #"{"id":"\u0041\n","type":"t","kind":"request","body":{"worker":"\"","incarnation":"\\"},"#
      + #""frames":[{"dtype":"F32","name":"\u00e4","shape":[1]}]}"#,
    #"{"id":"7","type":"t","kind":"request","later":[1,{"a":"}"}],"body":{"worker":"a","#
      + #""incarnation":"b","lease":"l","progress":null},"frames":[{"dtype":"U8","shape":[4.0]}]}"#,
    #"{"id":"7","id":"8","type":"t","kind":"request","body":{"worker":"a","worker":"b","#
      + #""incarnation":"b"},"frames":[{"dtype":"U8","shape":[4]}]}"#,
    #"{"id":"7","type":"t","kind":"request","body":{"worker":"a","incarnation":"b"},"frames":null}"#,
    #"{"id":"7","type":"t","kind":"request","body":{"worker":"a","incarnation":"b"},"#
      + #""frames":[{"dtype":"U8","shape":[04]}]}"#,
    usual + "x", "{\"body\":{", "{\"body\":{\"a\":\"\\", "", "{}", "[]",
  ])
  func unusualHeadersAreReadAsCodableReadsThem(_ text: String) {
    expectAgreement(Array(text.utf8))
  }

  @Test func damagedHeadersAreReadAsCodableReadsThem() {
    var random = RandomSource(seed: 1, stream: "damage")
    let usual = Array(Self.usual.utf8)
    let alphabet =
      Array("{}[]\",:\\ 0123456789.eE-+truefalsnl\u{1}\u{7F}ä".utf8) + [0x00, 0xFF, 0xC3]
    for _ in 0..<3000 {
      var header = usual
      for _ in 0..<(1 + random.integer(below: 2)) {
        let place = random.integer(below: header.count)
        let byte = alphabet[random.integer(below: alphabet.count)]
        switch random.integer(below: 3) {
        case 0: header[place] = byte
        case 1: header.insert(byte, at: place)
        default: header.remove(at: place)
        }
      }
      expectAgreement(header)
    }
  }
}
