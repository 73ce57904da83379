import Episodes
import Executors
import Foundation
import Logging
import Messaging
import RecapAlgorithm
import RoleRuntime
import ZeroMQTransport

/// Collectors whose robots only sleep: workers like any other to the coordinator.
struct FleetOfCollectors: Sendable {
  let endpoint: String
  let names: [String]
  let episodeSeconds: Double
  /// Control steps of an episode.
  let steps: Int

  /// A context holds some 1,000 sockets; a client has three, with its monitor's.
  private static let collectorsPerContext = 150

  /// Lets them join, one after the other, and work until the time is over. Requests count once all have joined: those of
  /// the last `seconds` less the time that joining takes.
  func run(for seconds: Double) async throws -> FleetTimes {
    let times = Locked(FleetTimes())
    let contexts = (0..<(names.count / Self.collectorsPerContext + 1)).map { _ in ZeroMQContext() }
    let shape = try BenchEpisode(steps: steps, cameras: 0, task: "fleet")
    let counting = ContinuousClock.now + .seconds(Double(names.count) / FleetCommand.joinsPerSecond)
    await withTaskGroup(of: Void.self) { group in
      for (index, name) in names.enumerated() {
        let context = contexts[index / Self.collectorsPerContext]
        group.addTask {
          let delay = Double(index) / FleetCommand.joinsPerSecond
          guard (try? await Task.sleep(for: .seconds(delay))) != nil else { return }
          do {
            try await work(name, context, shape, countingFrom: counting, times)
          } catch {
            times.withLock { $0.failures += 1 }
          }
        }
      }
      try? await Task.sleep(for: .seconds(seconds))
      group.cancelAll()
    }
    return times.withLock { $0 }
  }

  private func work(
    _ name: String, _ context: ZeroMQContext, _ shape: BenchEpisode,
    countingFrom: ContinuousClock.Instant, _ times: Locked<FleetTimes>
  ) async throws {
    func client() throws -> TimedClient {
      TimedClient(
        client: try ZeroMQClient(endpoint: endpoint, context: context), countingFrom: countingFrom,
        times: times)
    }
    var log = Logger(label: "fleet")
    log.logLevel = .critical
    let worker = Worker(
      WorkerDescription(
        name: name, incarnation: UUID().uuidString, role: .collector,
        embodiment: shape.embodiment, tasks: [shape.task]),
      control: try client(), archive: ArchiveClient(client: try client()), log: log)
    try await worker.run(
      SleepingRobot(name: name, shape: shape, seconds: episodeSeconds, isFirst: Locked(true)))
  }
}

/// Takes its time, and has the same episode to show each time.
private struct SleepingRobot: JobHandler {
  let name: String
  let shape: BenchEpisode
  let seconds: Double
  let isFirst: Locked<Bool>

  func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
    guard case .collect(let work) = order.job.work else {
      throw RequestError.malformed("\(order.job.id) is not work for a collector")
    }
    var receipts = try await context.archive.receipts(ofJob: order.job.id)
    for index in work.firstEpisode..<work.firstEpisode + work.episodeCount {
      let isFirst = self.isFirst.withLock { isFirst in
        defer { isFirst = false }
        return isFirst
      }
      // Spread out, as robots that were not all switched on at once are.
      try await Task.sleep(for: .seconds(isFirst ? .random(in: 0...seconds) : seconds))
      let file = try shape.file(index, job: order.job.id)
      receipts.append(try await context.archive.putEpisode(file.bytes, id: file.id))
    }
    return .episodes(receipts)
  }
}

/// Notes how long answers take.
private struct TimedClient: RequestClient {
  let client: ZeroMQClient
  let countingFrom: ContinuousClock.Instant
  let times: Locked<FleetTimes>

  func send<R: Request>(
    _ request: R, frames: [Frame], timeout: Duration
  ) async throws -> Envelope<R.Reply> {
    let start = ContinuousClock.now
    do {
      let reply = try await client.send(request, frames: frames, timeout: timeout)
      let milliseconds = (.now - start) / .milliseconds(1)
      times.withLock { times in
        if R.type == JoinRequest.type { times.joined += 1 }
        if start >= countingFrom, R.type != JoinRequest.type {
          times.milliseconds[R.type, default: []].append(milliseconds)
        }
      }
      return reply
    } catch {
      if !Task.isCancelled { times.withLock { $0.failures += 1 } }
      throw error
    }
  }

  func close() async { await client.close() }
}
