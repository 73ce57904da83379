import Foundation
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
}
