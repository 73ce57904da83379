import ArgumentParser
import Configuration
import Episodes
import Foundation
import HTTPService
import Policies
import PolicyServing
import Tensors

/// How fast robots are answered over openpi's protocol.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Times replies over openpi's protocol.",
    discussion: """
      Serves one policy with random weights twice: as 'recap serve' does, and one request at a \
      time, as openpi's server does. Clients ask as fast as they are answered, the two servers \
      in turns. Then one client alone: how much longer its replies take than the model itself.

        recap-bench serve
        recap-bench serve --model Configs/models/tiny.yaml --clients 8 --rounds 9 --json
        recap-bench serve --reference --against ws://127.0.0.1:8000   # make bench-serve
      """)

  @Option(help: ArgumentHelp("A file of models; without one, a run's defaults.", valueName: "file"))
  var model: String?

  @Flag(help: "The model vla-tiny of recap-bench model, which other programs have too.")
  var reference = false

  @Option(
    help: ArgumentHelp(
      "Another server of this protocol, asked in the same turns.", valueName: "url"))
  var against: String?

  @Option(help: "Clients that ask at a time.")
  var clients = 8

  @Option(help: "Calls of the model at a time.")
  var threads = 2

  @Option(help: "Guidance of the replies.")
  var beta: Float = 1

  @Option(help: "Seconds for each measurement.")
  var seconds = 2.0

  @Option(help: "Turns of all measurements.")
  var rounds = 5

  @Flag(help: "One JSON object.")
  var json = false

  func validate() throws {
    guard (1...256).contains(clients), (1...64).contains(threads), rounds > 0, seconds > 0,
      (0...10).contains(beta)
    else {
      throw ValidationError(
        "clients (1 to 256), threads (1 to 64), rounds, seconds and beta (0 to 10) are out of range"
      )
    }
    guard !reference || (model == nil && beta == 1) else {
      throw ValidationError("--reference goes without --model, and without guidance")
    }
  }

  func run() async throws {
    let robot = try reference ? .reference() : ServedRobot(modelFile: model)
    let alone = try robot.alone()
    let batches = try await robot.served(
      ServingOptions(name: "batched", guidance: beta, lanes: threads))
    let singles = try await robot.served(
      ServingOptions(name: "single", guidance: beta, batchLimit: 1, patience: .zero))
    let name = reference ? ReferenceModel.vlaTiny.name : model ?? "defaults"
    let result = try await withServer(batches) { batched in
      try await withServer(singles) { single in
        var result = ServingMeasurement(
          model: name, clients: clients, threads: threads, rival: against)
        for _ in 0..<rounds {
          result.batched.append(try await rate(batched, robot.message))
          result.single.append(try await rate(single, robot.message))
          if let against { result.rivals.append(try await rate(against, robot.message)) }
          let model = Timing(seconds: seconds / 2) {
            _ = try? alone.answers(to: [robot.request(beta)])
          }
          result.modelAlone.append(model.median * 1000)
          result.replyAlone.append(try await latency(batched, robot.message) * 1000)
        }
        return result
      }
    }
    try result.print(asJSON: json)
  }

  /// Runs a server around `body`.
  ///
  /// - Parameter body: Is given the server's URL.
  private func withServer<Result: Sendable>(
    _ policy: ServedPolicy, _ body: (String) async throws -> Result
  ) async throws -> Result {
    let server = try await PolicyServer.bind(
      host: "127.0.0.1", port: 0, settings: .init(server: "recap-bench"))
    let arrival = PolicyArrival()
    await arrival.settle(.success(policy))
    let running = Task { try await server.run(arrival) }
    do {
      let result = try await body("ws://127.0.0.1:\(server.port)/")
      running.cancel()
      _ = await running.result
      return result
    } catch {
      running.cancel()
      _ = await running.result
      throw error
    }
  }

  /// Replies a second to all clients together.
  private func rate(_ url: String, _ message: [UInt8]) async throws -> Double {
    let (clock, time, clients) = (ContinuousClock(), Duration.seconds(seconds), clients)
    return try await withThrowingTaskGroup(of: (Int, Duration).self) { group in
      for _ in 0..<clients {
        group.addTask {
          try await Self.conversation(url) { socket in
            for _ in 0..<3 { try await Self.ask(socket, message) }
            let start = clock.now
            var replies = 0
            while clock.now - start < time {
              try await Self.ask(socket, message)
              replies += 1
            }
            return (replies, clock.now - start)
          }
        }
      }
      return try await group.reduce(0) { $0 + Double($1.0) / ($1.1 / .seconds(1)) }
    }
  }

  /// Median seconds of a reply to one client alone.
  private func latency(_ url: String, _ message: [UInt8]) async throws -> Double {
    let (clock, time) = (ContinuousClock(), Duration.seconds(seconds / 2))
    return try await Self.conversation(url) { socket in
      for _ in 0..<3 { try await Self.ask(socket, message) }
      let start = clock.now
      var times: [Double] = []
      while times.count < 3 || clock.now - start < time {
        let asked = clock.now
        try await Self.ask(socket, message)
        times.append((clock.now - asked) / .seconds(1))
      }
      return times.sorted()[times.count / 2]
    }
  }

  private static func conversation<Result>(
    _ url: String, _ body: (WebSocket) async throws -> Result
  ) async throws -> Result {
    let socket = try await WebSocketClient.connect(url)
    _ = try await socket.receive()
    let result = try await body(socket)
    await socket.close()
    return result
  }

  private static func ask(_ socket: WebSocket, _ message: [UInt8]) async throws {
    try await socket.send(.binary(message))
    guard case .binary? = try await socket.receive() else {
      throw ValidationError("the server refused an observation")
    }
  }
}

/// What came of all turns.
private struct ServingMeasurement: Encodable {
  let model: String
  let clients: Int
  let threads: Int
  /// The URL of another server; nil where none took part.
  let rival: String?
  /// Replies a second by turn.
  var batched: [Double] = []
  var single: [Double] = []
  var rivals: [Double] = []
  /// Milliseconds by turn: of the model alone, and of a reply to one client alone.
  var modelAlone: [Double] = []
  var replyAlone: [Double] = []

  private enum CodingKeys: String, CodingKey {
    case model, clients, threads
    case rival = "against"
    case rivals = "against_per_second"
    case batched = "batched_per_second"
    case single = "one_at_a_time_per_second"
    case modelAlone = "model_ms"
    case replyAlone = "reply_ms"
  }

  func print(asJSON: Bool) throws {
    if asJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      return Swift.print(String(decoding: try encoder.encode(self), as: UTF8.self))
    }
    func row(_ name: String, _ values: [Double], _ unit: String) {
      let (least, most) = (values.min() ?? 0, values.max() ?? 0)
      Swift.print(
        "\(name): \(Self.digits(Self.median(values))) \(unit)"
          + " (\(Self.digits(least)) to \(Self.digits(most)) in \(values.count) turns)")
    }
    row("\(clients) clients, batched, \(threads) threads", batched, "replies/s")
    row("\(clients) clients, one at a time", single, "replies/s")
    row("ratio", zip(batched, single).map { $0 / $1 }, "times")
    if let rival {
      row("\(clients) clients, \(rival)", rivals, "replies/s")
      row("ratio to that", zip(batched, rivals).map { $0 / $1 }, "times")
    }
    row("the model alone", modelAlone, "ms")
    row("a reply to one client", replyAlone, "ms")
    row("added by serving", zip(replyAlone, modelAlone).map { $0 - $1 }, "ms")
  }

  private static func median(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.sorted()[values.count / 2]
  }

  private static func digits(_ value: Double) -> String { String(format: "%.3g", value) }
}
