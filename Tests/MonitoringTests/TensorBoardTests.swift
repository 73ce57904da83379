import Foundation
import Messaging
import Testing

@testable import Monitoring

struct TensorBoardTests {
  @Test("checksums are CRC-32C, and masked as the format says")
  func checksums() {
    #expect(EventRecord.checksum(Array("123456789".utf8)) == 0xe306_9283)
    #expect(EventRecord.checksum([]) == 0)
    #expect(EventRecord.masked(0) == 0xa282_ead8)
    #expect(EventRecord.varint(300) == [0xac, 0x02])
    #expect(EventRecord.varint(127) == [127])
  }

  @Test("a record is framed: length, its checksum, the event, its checksum")
  func framing() {
    let record = EventRecord.scalars([("loss", 0.5)], step: 3, time: 0)
    let length = Int(record[0])
    #expect(record.count == 12 + length + 4)
    // wall_time, step 3, summary { value { tag "loss", simple_value 0.5 } }
    let expected: [UInt8] =
      [9, 0, 0, 0, 0, 0, 0, 0, 0, 16, 3, 42, 13, 10, 11, 10, 4] + Array("loss".utf8)
      + [21, 0, 0, 0, 63]
    #expect(Array(record[12..<12 + length]) == expected)
  }

  @Test("each training has a folder of its own, and what was said before is not written again")
  func files() async throws {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "tensorboard-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let log = TensorBoardLog(directory: directory)
    for step in [1, 1, 2] {
      log.report(
        .jobProgress(
          id: "fold/1/policy",
          progress: JobProgress(done: step, total: 9, unit: "steps", metrics: ["loss": 1])))
    }
    log.report(
      .jobProgress(
        id: "fold/1/autonomous/0",
        progress: JobProgress(done: 1, total: 9, unit: "episodes", metrics: ["success rate": 1])))
    log.finish()
    await log.run()
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(directory)/fold/1") == ["policy"])
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/fold/1/policy")
    let name = try #require(names.first)
    #expect(names.count == 1 && name.hasPrefix("events.out.tfevents."))
    let bytes = try #require(
      FileManager.default.contents(atPath: "\(directory)/fold/1/policy/\(name)"))
    let one = EventRecord.scalars([("loss", 1)], step: 1, time: 0).count
    #expect(bytes.count == EventRecord.fileVersion(time: 0).count + 2 * one)
  }
}
