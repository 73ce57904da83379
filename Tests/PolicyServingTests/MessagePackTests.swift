import Tensors
import Testing

@testable import PolicyServing

/// Bytes from hexadecimal digits.
func bytes(_ hex: String) -> [UInt8] {
  stride(from: 0, to: hex.count, by: 2).map { start in
    let first = hex.index(hex.startIndex, offsetBy: start)
    return UInt8(hex[first..<hex.index(first, offsetBy: 2)], radix: 16)!
  }
}

struct MessagePackTests {
  /// Made with openpi_client.msgpack_numpy 0.1.2.
  static let observation = bytes(
    "82a5737461746584c40b5f5f6e6461727261795f5fc3c40464617461c4080000803f000000c0c4056474797065a33c6634"
      + "c40573686170659102a670726f6d7074a4666f6c64")
  static let reply = bytes(
    "82a7616374696f6e7384c40b5f5f6e6461727261795f5fc3c40464617461c410000000000000000000000000000000"
      + "00c4056474797065a33c6638c4057368617065920102ad7365727665725f74696d696e6781a8696e6665725f6d73cb"
      + "3ff8000000000000")

  @Test("what openpi_client writes is read, and written again byte for byte")
  func vectors() throws {
    let observation = try MessagePackValue(parsing: Self.observation)
    #expect(
      observation
        == .record([
          "state": .numpy(NumPyArray([1, -2], shape: [2])), "prompt": .string("fold"),
        ]))
    #expect(observation.message == Self.observation)
    let reply = try MessagePackValue(parsing: Self.reply)
    #expect(reply.message == Self.reply)
    guard case .map(let entries) = reply, case .numpy(let actions) = entries[0].value else {
      return #expect(Bool(false), "\(reply)")
    }
    #expect(actions.kind == "float64 [1, 2]")
    #expect(actions.floats == [0, 0])
    let number = try MessagePackValue(
      parsing: bytes("81a17883c40d5f5f6e7067656e657269635f5fc3c40464617461cb3fe0000000000000")
        + bytes("c4056474797065a33c6634"))
    #expect(number == .record(["x": .double(0.5)]))
  }

  @Test(
    "every width of every kind is read",
    arguments: [
      ("7f", .integer(127)), ("e0", .integer(-32)), ("ccff", .integer(255)),
      ("cdffff", .integer(65535)), ("ceffffffff", .integer(4_294_967_295)),
      ("cf7fffffffffffffff", .integer(.max)), ("cfffffffffffffffff", .unsigned(.max)),
      ("d080", .integer(-128)), ("d18000", .integer(-32768)),
      ("d280000000", .integer(-2_147_483_648)), ("d38000000000000000", .integer(.min)),
      ("ca3fc00000", .double(1.5)), ("c0", .null), ("c2", .bool(false)), ("c3", .bool(true)),
      ("d90161", .string("a")), ("da000161", .string("a")), ("db0000000161", .string("a")),
      ("c401ff", .binary([255])), ("c50001ff", .binary([255])), ("c600000001ff", .binary([255])),
      ("dc000101", .array([.integer(1)])), ("dd0000000101", .array([.integer(1)])),
      ("de0001a16101", .record(["a": .integer(1)])),
      ("df00000001a16101", .record(["a": .integer(1)])),
      ("d4057f", .foreign(5)), ("c70105ff", .foreign(5)),
    ] as [(String, MessagePackValue)])
  func widths(hex: String, value: MessagePackValue) throws {
    #expect(try MessagePackValue(parsing: bytes(hex)) == value)
  }

  @Test(
    "what is no message is refused and says where",
    arguments: [
      ("", 0, "ends early"), ("c1", 0, "0xc1 begins no value"), ("cd00", 2, "ends early"),
      ("0001", 1, "1 bytes behind"), ("a1ff", 1, "no UTF-8"), ("a561", 1, "5 bytes are announced"),
      ("dd7fffffff", 5, "2147483647 values are announced"),
      ("dfffffffff", 5, "8589934590 values are announced"),
      ("c6ffffffff00", 5, "4294967295 bytes are announced"),
      (String(repeating: "91", count: 40), 17, "more than 16 maps and lists"),
      (
        "84c40b5f5f6e6461727261795f5fc3c40464617461c400c4056474797065a33c6f34c405736861706590", 1,
        "'<o4'"
      ),
      (
        "84c40b5f5f6e6461727261795f5fc3c40464617461c400c4056474797065a33c6634c40573686170659101", 1,
        "0 bytes"
      ),
      (
        "84c40b5f5f6e6461727261795f5fc3c40464617461c400c4056474797065a33c6634c405736861706591ff", 1,
        "an integer"
      ),
      (
        "84c40b5f5f6e6461727261795f5fc3c40464617461c400c4056474797065a33c6634c405736861706594"
          + "cf4000000000000000cf4000000000000000cf400000000000000004", 1, "came with 0 bytes"
      ),
    ])
  func refusals(hex: String, offset: Int, reason: String) {
    let error = #expect(throws: MessagePackError.self) { try MessagePackValue(parsing: bytes(hex)) }
    #expect(error?.offset == offset, "\(error as Any)")
    #expect(error?.reason.contains(reason) == true, "\(error as Any)")
  }

  @Test("a message of many small values ends at the limit, before memory is taken for more")
  func manyValues() {
    let nulls = [0xdd, 0, 1, 0, 1] + [UInt8](repeating: 0xc0, count: 65_537)
    let error = #expect(throws: MessagePackError.self) { try MessagePackValue(parsing: nulls) }
    #expect(error?.reason == "more than 65536 values")
  }

  @Test("arrays of every type of numbers become float32")
  func elementTypes() throws {
    for (type, hex, floats) in [
      ("|b1", "0100", [1, 0]), ("|i1", "ff02", [-1, 2]), ("|u1", "ff02", [255, 2]),
      ("<i2", "feff", [-2]), (">i2", "fffe", [-2]), ("<u2", "0001", [256]),
      ("<i4", "ffffffff", [-1]), ("<u4", "00000080", [2_147_483_648]),
      ("<i8", "fdffffffffffffff", [-3]), ("<u8", "0000000000000080", [9.223372e18]),
      ("<f4", "0000c03f", [1.5]), (">f4", "3fc00000", [1.5]), ("<f8", "000000000000f83f", [1.5]),
    ] as [(String, String, [Float])] {
      let array = NumPyArray(
        type: try #require(NumPyArray.ElementType(type)), shape: [floats.count],
        bytes: bytes(hex)[...])
      #expect(array?.floats == floats, "\(type)")
    }
    for wrong in ["", "f", "<f", "<f2", "<f16", "|O8", "<c8", "<U4", "f4", "<f4x", "|V1"] {
      #expect(NumPyArray.ElementType(wrong) == nil, "\(wrong)")
    }
  }

  @Test("damaged messages are values or errors, and what is read is written and read the same")
  func damage() throws {
    var random = RandomSource(seed: 20, stream: "damage")
    var (read, refused) = (0, 0)
    for _ in 0..<20_000 {
      let bytes = Damage.damaged(
        random.chance(0.5) ? Self.observation : Self.reply, &random)
      do {
        let value = try MessagePackValue(parsing: bytes)
        let again = try MessagePackValue(parsing: value.message)
        // NaN is no equal of itself, so the second writing is what is compared.
        #expect(again.message == value.message)
        read += 1
      } catch {
        refused += 1
      }
    }
    #expect(read > 500 && refused > 500, "\(read) read, \(refused) refused")
  }
}

/// Ways in which a message is spoilt.
enum Damage {
  static func damaged(_ message: [UInt8], _ random: inout RandomSource) -> [UInt8] {
    var bytes = message
    for _ in 0...random.integer(below: 4) {
      guard !bytes.isEmpty else { return bytes }
      let place = random.integer(below: bytes.count)
      switch random.integer(below: 6) {
      case 0: bytes[place] = UInt8(random.integer(below: 256))
      case 1: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
      case 2: bytes.removeSubrange(place...)
      case 3: bytes.insert(UInt8(random.integer(below: 256)), at: place)
      case 4: bytes += bytes[place...]
      default: bytes.remove(at: place)
      }
    }
    return bytes
  }
}
