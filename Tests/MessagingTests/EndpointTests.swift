import Messaging
import Testing

/// What is an endpoint, and what is none.
@Suite struct EndpointTests {
  @Test(
    "ports are 1 to 65535, and * where somebody listens",
    arguments: [
      ("tcp://127.0.0.1:7700", 7700, true), ("tcp://127.0.0.1:65535", 65535, true),
      ("tcp://[::1]:1", 1, true), ("tcp://*:*", nil, false), ("tcp://0.0.0.0:0", nil, false),
      ("tcp://lab-3:7700", 7700, false), ("tcp://127.0.0.1.example.org:80", 80, false),
      ("ipc:///run/recap.sock", nil, true),
    ] as [(String, UInt16?, Bool)])
  func listening(text: String, port: UInt16?, isLocal: Bool) throws {
    let endpoint = try Endpoint(text, for: .listening)
    #expect(endpoint.port == port && endpoint.isLocal == isLocal && endpoint.text == text)
    if endpoint.transport == .tcp, port == nil {
      #expect(throws: EndpointError.self) { try Endpoint(text, for: .connecting) }
    } else {
      #expect(try Endpoint(text, for: .connecting).address == endpoint.address)
    }
  }

  @Test(
    "what is none is refused with what was expected",
    arguments: [
      ("127.0.0.1:7700", "expected tcp://ADDRESS:PORT, ipc://PATH"),
      ("udp://127.0.0.1:7700", "unknown transport 'udp'"), ("ipc://", "nothing follows 'ipc://'"),
      ("tcp://127.0.0.1", "expected tcp://ADDRESS:PORT"),
      ("tcp://:7700", "expected tcp://ADDRESS:PORT"),
      // libzmq would listen at 34463.
      ("tcp://127.0.0.1:99999", "the port is '99999'; expected 1 to 65535, or * for any free one"),
      ("tcp://127.0.0.1:http", "the port is 'http'"), ("tcp://127.0.0.1:", "the port is ''"),
      ("tcp://127.0.0.1:-1", "the port is '-1'"), ("tcp://127.0.0.1:+1", "the port is '+1'"),
      ("ipc:///" + String(repeating: "long/", count: 30), "at most 107"),
    ])
  func refusals(text: String, expected: String) {
    let error = #expect(throws: EndpointError.self) { try Endpoint(text, for: .listening) }
    #expect(error?.description.hasPrefix("'\(text)': ") == true)
    #expect(error?.reason.contains(expected) == true, "\(error?.reason ?? "")")
  }
}
