import Testing

@testable import Tensors

@Suite struct `A safetensors file` {
  static func sample() -> SafetensorsFile {
    var file = SafetensorsFile()
    file.metadata = ["b": "quote \" backslash \\ newline \n tab \t é ✓", "a": "{\"x\":1}"]
    file.add(
      "weights", shape: [2, 3], floats: [1, -2.5, .pi, .infinity, -0.0, .leastNonzeroMagnitude])
    file.add("pixels", shape: [3], bytes: [0, 127, 255])
    file.add("flags", shape: [2, 1], bools: [true, false])
    file.add("ids", shape: [2], int32s: [-1, .max])
    file.add("scalar", shape: [], floats: [7])
    file.add("empty", shape: [0, 4], floats: [])
    return file
  }

  @Test func `survives a round trip`() throws {
    let file = Self.sample()
    let read = try SafetensorsFile(parsing: file.serialized())
    #expect(read.names == ["empty", "flags", "ids", "pixels", "scalar", "weights"])
    #expect(read.metadata == file.metadata)
    #expect(
      try read.floats("weights", shape: [2, 3]) == [
        1, -2.5, .pi, .infinity, -0.0, .leastNonzeroMagnitude,
      ])
    #expect(try read.floats("weights")[4].sign == .minus)
    #expect(try read.bytes("pixels") == [0, 127, 255])
    #expect(try read.bools("flags") == [true, false])
    #expect(try read.int32s("ids") == [-1, .max])
    #expect(try read.floats("scalar", shape: []) == [7])
    #expect(try read.shape(of: "empty") == [0, 4])
    #expect(try read.elementType(of: "pixels") == .uint8)
    #expect(read == file)
  }

  @Test func `has the same bytes whatever the order of adding`() {
    var a = SafetensorsFile()
    a.add("x", shape: [1], floats: [1])
    a.add("y", shape: [1], bytes: [2])
    var b = SafetensorsFile()
    b.add("y", shape: [1], bytes: [2])
    b.add("x", shape: [1], floats: [1])
    #expect(a.serialized() == b.serialized())
  }

  /// By the format's specification, byte for byte.
  @Test func `is laid out as the specification says`() {
    var file = SafetensorsFile()
    file.add("a", shape: [1], bytes: [9])
    file.add("b", shape: [1], floats: [1])
    let header =
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[4,5]},"#
      + #""b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    let expected =
      [UInt8(padded.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(padded.utf8)
      + [0, 0, 0x80, 0x3F, 9]
    #expect(file.serialized() == expected)
  }

  @Test func `names what is not there`() throws {
    let file = Self.sample()
    #expect(throws: SafetensorsError.missingTensor(name: "bias", available: file.names)) {
      try file.floats("bias")
    }
    #expect(
      throws: SafetensorsError.wrongElementType(
        name: "pixels", expected: .float32, actual: .uint8)
    ) { try file.floats("pixels") }
    #expect(
      throws: SafetensorsError.wrongShape(name: "weights", expected: [3, 2], actual: [2, 3])
    ) { try file.floats("weights", shape: [3, 2]) }
    #expect(throws: SafetensorsError.missingMetadata(key: "c")) { try file.metadata("c") }
  }

  @Test func `refuses every truncation`() {
    let bytes = Self.sample().serialized()
    for count in 0..<bytes.count {
      #expect(throws: SafetensorsError.self) {
        try SafetensorsFile(parsing: Array(bytes[..<count]))
      }
    }
  }

  @Test func `refuses bytes that no tensor claims`() {
    #expect(throws: SafetensorsError.self) {
      try SafetensorsFile(parsing: Self.sample().serialized() + [0])
    }
  }

  @Test func `refuses a header that is too large`() {
    let bytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0x80, 0x7B]
    #expect(
      throws: SafetensorsError.headerTooLarge(bytes: 1 << 63, maximum: 100_000_000)
    ) { try SafetensorsFile(parsing: bytes) }
  }

  /// - Returns: A file of this header and as many zero bytes.
  static func file(_ header: String, data: Int) -> [UInt8] {
    let text = Array(header.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
      + Array(repeating: 0, count: data)
  }

  @Test(arguments: [
    // Not JSON, not an object, not descriptions
    (#"{"a":"#, 0), (#"[1]"#, 0), (#"{"a":1}"#, 0), (#"{"a":{"dtype":"F32","shape":[1]}}"#, 4),
    (#"{"__metadata__":{"a":1}}"#, 0),
    // Unknown element type
    (#"{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}"#, 1),
    // Shapes that are negative, overflow or disagree with the offsets
    (#"{"a":{"dtype":"U8","shape":[-1,-4],"data_offsets":[0,4]}}"#, 4),
    (#"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
    // Offsets that go backwards, leave the file, overlap or leave gaps
    (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[2,1]}}"#, 4),
    (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, 1),
    (#"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}"#, 4),
    (
      #"{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}"#,
      4
    ),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
        + #""b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#, 3
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
        + #""b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#, 3
    ),
  ])
  func `refuses a broken header`(header: String, data: Int) {
    #expect(throws: SafetensorsError.self) {
      try SafetensorsFile(parsing: Self.file(header, data: data))
    }
  }

  @Test func `says which tensors overlap and where`() {
    let header =
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
      + #""b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#
    #expect(
      throws: SafetensorsError.brokenLayout(name: "b", expectedOffset: 2, actualOffset: 1)
    ) { try SafetensorsFile(parsing: Self.file(header, data: 3)) }
  }

  @Test func `refuses booleans that are neither 0 nor 1`() throws {
    let header = #"{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"#
    var bytes = Self.file(header, data: 2)
    bytes[bytes.count - 1] = 2
    let file = try SafetensorsFile(parsing: bytes)
    #expect(
      throws: SafetensorsError.malformedTensor(
        name: "a", reason: "expected booleans 0 or 1, got 2")
    ) { try file.bools("a") }
  }
}
