import Episodes
import HTTPService
import Policies
import Tensors

/// One client's conversation: metadata first, then an answer to each of its messages.
///
/// What is wrong with a message is answered as text, which `openpi-client` raises as an error, and the
/// conversation goes on.
struct ServingSession {
  let policy: ServedPolicy
  let client: BatchQueue.ClientID
  let server: String
  /// Gives each request's noise its seed.
  private var random: RandomSource
  private var previousTotal: Duration?
  private let clock = ContinuousClock()

  init(policy: ServedPolicy, client: BatchQueue.ClientID, server: String, seed: UInt64) {
    self.policy = policy
    self.client = client
    self.server = server
    random = RandomSource(seed: seed, stream: "client \(client)")
  }

  /// Answers until the client leaves.
  ///
  /// - Throws: When it leaves in the middle of something, and `CancellationError`.
  mutating func run(on socket: WebSocket) async throws {
    try await socket.send(.binary(policy.metadata(server: server).message))
    while let message = try await socket.receive() {
      let start = clock.now
      switch message {
      case .text:
        try await socket.send(.text("expected a binary message with MessagePack, came text"))
      case .binary(let bytes):
        try await socket.send(try await answer(bytes, start))
        previousTotal = clock.now - start
      }
    }
  }

  /// - Throws: `CancellationError` alone.
  private mutating func answer(
    _ bytes: [UInt8], _ start: ContinuousClock.Instant
  ) async throws -> WebSocketMessage {
    do {
      switch try policy.interpreter.request(bytes) {
      case .reset:
        return .binary(MessagePackValue.record(["status": .string("reset successful")]).message)
      case .infer(let observation, let task, let indicator):
        let request = PolicyRequest(
          observation: observation, task: task, indicator: indicator, guidance: policy.guidance,
          seed: random.next())
        let served = try await policy.service.answer(request, for: client)
        return .binary(reply(served, start).message)
      }
    } catch let error as CancellationError {
      throw error
    } catch {
      return .text("\(error)")
    }
  }

  /// Arrays have an entry for each step, since openpi's chunk broker cuts every array of a reply.
  private func reply(
    _ served: PolicyService.Served, _ start: ContinuousClock.Instant
  ) -> MessagePackValue {
    let chunk = served.answer.chunk
    var timing: [MessagePackValue.Entry] = [
      .init(key: .string("infer_ms"), value: .double((clock.now - start).milliseconds)),
      .init(key: .string("queue_ms"), value: .double(served.waiting.milliseconds)),
      .init(key: .string("batch"), value: .integer(Int64(served.batch))),
    ]
    if let previousTotal {
      timing.append(
        .init(key: .string("prev_total_ms"), value: .double(previousTotal.milliseconds)))
    }
    var entries: [MessagePackValue.Entry] = [
      .init(
        key: .string("actions"),
        value: .numpy(NumPyArray(chunk.values, shape: [chunk.count, chunk.width]))),
      .init(
        key: .string("policy_timing"),
        value: .record(["infer_ms": .double(served.computing.milliseconds)])),
      .init(key: .string("server_timing"), value: .map(timing)),
    ]
    if let subtask = served.answer.subtask {
      entries.append(.init(key: .string("subtask"), value: .string(subtask)))
    }
    return .map(entries)
  }
}

extension Duration {
  fileprivate var milliseconds: Double { self / .milliseconds(1) }
}
