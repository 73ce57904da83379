import Foundation
import Messaging
import Testing
import ZeroMQTransport

/// The ways of talking that must not differ in anything but speed.
enum TransportKind: String, CaseIterable, CustomTestStringConvertible, Sendable {
  case inProcess
  case inproc
  case ipc
  case tcp

  var testDescription: String { rawValue }
  static let sockets: [TransportKind] = [.ipc, .tcp]

  /// An endpoint that no other test uses.
  func makeEndpoint() -> String {
    let unique = String(UInt32.random(in: 0 ... .max), radix: 36)
    switch self {
    case .inProcess, .inproc: return "inproc://test-\(unique)"
    case .ipc: return "ipc://\(NSTemporaryDirectory())recap-\(unique).sock"
    case .tcp: return "tcp://127.0.0.1:*"
    }
  }

  /// Runs `body` with a client of a server that answers with `router`, then ends both.
  func withConnection(
    _ router: RequestRouter, limit: Int = 256, _ body: (any RequestClient) async throws -> Void
  ) async throws {
    let server: any RequestServer
    let client: any RequestClient
    if self == .inProcess {
      let transport = InProcessTransport(maximumInFlight: limit)
      server = transport.server
      client = transport.connect()
    } else {
      let sockets = try ZeroMQServer(
        endpoints: [makeEndpoint()], limits: ZeroMQServer.Limits(requests: limit))
      server = sockets
      client = try ZeroMQClient(endpoint: sockets.boundEndpoints[0])
    }
    let serving = Task { try await server.serve(router) }
    let result = await Result(catching: { try await body(client) })
    await client.close()
    serving.cancel()
    _ = await serving.result
    await (server as? ZeroMQServer)?.close()
    try result.get()
  }
}

extension Result where Failure == any Error {
  init(catching body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
