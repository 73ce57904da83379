import ArgumentParser
import Foundation
import Messaging
import Tensors
import ZeroMQTransport

/// How fast two roles talk.
struct TransportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transport",
    abstract: "Times messages between two processes, over the transport that roles use.",
    discussion: """
      The asking process starts the answering one, and sends it over tcp on the loopback address

        frames    requests with a 4 MiB tensor frame, which the receiver reads
        messages  heartbeats with a body of 100 bytes, each acknowledged, many on their way
        trips     the same one after the other: the time of a round trip

      Benchmarks/transport.py compares the figures with C on libzmq in the same run.

        recap-bench transport
        recap-bench transport --work messages --seconds 2 --json
      """)

  enum Work: String, ExpressibleByArgument, CaseIterable, Encodable { case frames, messages, trips }

  @Option(help: "What to time; default: all three.")
  var work: Work?

  @Option(help: "Seconds for each.")
  var seconds = 2.0

  @Option(help: "Messages on their way at a time; default: 8 frames, 256 messages.")
  var window: Int?

  @Option(help: "Bytes of a tensor frame, a multiple of 4.")
  var bytes = 4 << 20

  @Flag(help: "One JSON object a line.")
  var json = false

  @Flag(help: .hidden)
  var answer = false

  func validate() throws {
    guard seconds > 0, (window ?? 1) > 0, bytes > 0, bytes.isMultiple(of: 4) else {
      throw ValidationError(
        "seconds and window must be above 0, bytes a multiple of 4; got \(seconds), "
          + "\(window.map(String.init) ?? "none"), \(bytes)")
    }
  }

  func run() async throws {
    if answer { return try await Answering.run() }
    let peer = try AnsweringProcess()
    defer { peer.stop() }
    let client = try ZeroMQClient(endpoint: peer.endpoint)
    for work in work.map({ [$0] }) ?? Work.allCases {
      let figures = try await measure(work, client)
      if json { try printJSON(figures) } else { print(figures) }
    }
    await client.close()
  }

  private func measure(_ work: Work, _ client: ZeroMQClient) async throws -> TransportFigures {
    let window = window ?? [.frames: 8, .messages: 256, .trips: 1][work]!
    let send: @Sendable () async throws -> Void
    switch work {
    case .frames:
      // Several tensors, so that none is in a cache when it is sent.
      let frames = (0..<16).map {
        Frame(
          name: "observation", shape: [bytes / 4],
          floats: [Float](repeating: Float($0), count: bytes / 4))
      }
      send = {
        _ = try await client.send(
          TensorRequest(), frames: [frames[.random(in: 0..<frames.count)]], timeout: .seconds(60))
      }
    case .messages, .trips:
      let request = HeartbeatRequest.ofHundredBytes
      send = { _ = try await client.send(request, timeout: .seconds(60)) }
    }
    for _ in 0..<3 { try await send() }
    let begin = ContinuousClock.now
    let end = begin + .seconds(seconds)
    let times = try await withThrowingTaskGroup(of: [Double].self) { group in
      for _ in 0..<window {
        group.addTask {
          var times: [Double] = []
          while true {
            let start = ContinuousClock.now
            if start > end { return times }
            try await send()
            times.append((.now - start) / .seconds(1))
          }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    return TransportFigures(
      work: work, window: window, bytes: work == .frames ? bytes : 100, times: times,
      seconds: (.now - begin) / .seconds(1))
  }
}

/// What one measurement gave.
struct TransportFigures: Encodable, CustomStringConvertible {
  var work: TransportCommand.Work
  var window: Int
  var bytes: Int
  var messagesPerSecond: Double
  var gigabytesPerSecond: Double
  /// From asking to the answer.
  var medianMicroseconds: Double
  var p99Microseconds: Double

  private enum CodingKeys: String, CodingKey {
    case work, window, bytes
    case messagesPerSecond = "messages_per_second"
    case gigabytesPerSecond = "gigabytes_per_second"
    case medianMicroseconds = "median_us"
    case p99Microseconds = "p99_us"
  }

  init(
    work: TransportCommand.Work, window: Int, bytes: Int, times: [Double], seconds: Double
  ) {
    let quantiles = Quantiles(times)
    self.work = work
    self.window = window
    self.bytes = bytes
    messagesPerSecond = Double(times.count) / seconds
    gigabytesPerSecond = Double(times.count * bytes) / seconds / 1e9
    medianMicroseconds = quantiles(0.5) * 1e6
    p99Microseconds = quantiles(0.99) * 1e6
  }

  var description: String {
    String(
      format: "%@: %.0f messages/s, %.3f GB/s, an answer after %.0f µs (p99 %.0f), window %d",
      work.rawValue, messagesPerSecond, gigabytesPerSecond, medianMicroseconds, p99Microseconds,
      window)
  }
}

/// A tensor that the other side reads.
private struct TensorRequest: Request {
  static let type = "bench.tensor"
  typealias Reply = Acknowledgement
}

extension HeartbeatRequest {
  /// A heartbeat whose body is 100 bytes of JSON.
  fileprivate static let ofHundredBytes = HeartbeatRequest(
    worker: "cell-1042", incarnation: "5C9A2D1E-0B7F-4F3A-9C1D24",
    lease: "espresso/1/autonomous/7@1", progress: nil)
}

/// The answering role, in a process of its own.
private enum Answering {
  static func run() async throws {
    var router = RequestRouter()
    router.answer(HeartbeatRequest.self) { _ in
      HeartbeatRequest.Reply(leaseValid: true, known: true, paused: false)
    }
    router.on(TensorRequest.self) { request in
      // A word of every cache line, as the programs in other languages do.
      let sum = request.frames[0].withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: 64).reduce(UInt8(0)) { $0 &+ bytes[$1] }
      }
      guard sum != 1 || request.frames[0].count > 0 else { throw CancellationError() }
      return Envelope(Acknowledgement())
    }
    let server = try ZeroMQServer(endpoints: ["tcp://127.0.0.1:*"])
    print(server.boundEndpoints[0])
    fflush(nil)
    // The asking process holds the other end: this one ends with it.
    Thread.detachNewThread {
      while readLine() != nil {}
      exit(0)
    }
    try await server.serve(router)
  }
}

/// A child process that runs `Answering`.
private final class AnsweringProcess {
  let endpoint: String
  private let process = Process()
  private let lifeline = Pipe()

  init() throws {
    let output = Pipe()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["transport", "--answer"]
    process.standardInput = lifeline
    process.standardOutput = output
    try process.run()
    var line = Data()
    while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8) {
      if byte.isEmpty { throw ValidationError("the answering process ended before it listened") }
      line += byte
    }
    endpoint = String(decoding: line, as: UTF8.self)
  }

  func stop() {
    try? lifeline.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
