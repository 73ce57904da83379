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

  /// Lets them join, one after the other, work, and leave all at once.
  ///
  /// - Parameters:
  ///   - joining: Seconds from now until the whole fleet has joined, of which these may be a part.
  ///   - working: Seconds from then until they leave.
  func run(joining: Double, working: Double) async throws -> FleetTimes {
    let begin = ContinuousClock.now
    let times = FleetClock(
      working: begin + .seconds(joining), leaving: begin + .seconds(joining + working))
    let contexts = (0..<(names.count / Self.collectorsPerContext + 1)).map { _ in ZeroMQContext() }
    let shape = try BenchEpisode(steps: steps, cameras: 0, task: "fleet")
    await withTaskGroup(of: Void.self) { group in
      for (index, name) in names.enumerated() {
        let context = contexts[index / Self.collectorsPerContext]
        group.addTask {
          let delay = Double(index) / FleetCommand.joinsPerSecond
          guard (try? await Task.sleep(for: .seconds(delay))) != nil else { return }
          do {
            try await work(name, context, shape, times)
          } catch {
            times.fail()
          }
        }
      }
      try? await Task.sleep(until: times.leaving)
      group.cancelAll()
    }
    return times.times
  }

  private func work(
    _ name: String, _ context: ZeroMQContext, _ shape: BenchEpisode, _ times: FleetClock
  ) async throws {
    func client() throws -> TimedClient {
      TimedClient(
        client: try ZeroMQClient(endpoint: endpoint, context: context), times: times)
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

/// What a fleet does, one after the other.
enum FleetPhase: String, Codable, CaseIterable {
  /// Collectors join, so many a second.
  case joining
  /// All are there.
  case working
  /// All leave at once.
  case leaving
}

/// Notes how long answers took to requests of each phase.
private final class FleetClock: Sendable {
  let working: ContinuousClock.Instant
  let leaving: ContinuousClock.Instant
  private let noted = Locked(FleetTimes())

  init(working: ContinuousClock.Instant, leaving: ContinuousClock.Instant) {
    self.working = working
    self.leaving = leaving
  }

  var times: FleetTimes { noted.withLock { $0 } }

  /// - Parameter start: When the question was asked: its phase is that moment's.
  func note(_ type: String, from start: ContinuousClock.Instant) {
    let milliseconds = (.now - start) / .milliseconds(1)
    let phase: FleetPhase = start < working ? .joining : start < leaving ? .working : .leaving
    noted.withLock { times in
      if type == JoinRequest.type { times.joined += 1 }
      times.milliseconds[phase, default: [:]][type, default: []].append(milliseconds)
    }
  }

  func fail() { noted.withLock { $0.failures += 1 } }
}

/// Notes how long answers take.
private struct TimedClient: RequestClient {
  let client: ZeroMQClient
  let times: FleetClock

  func send<R: Request>(
    _ request: R, frames: [Frame], timeout: Duration
  ) async throws -> Envelope<R.Reply> {
    let start = ContinuousClock.now
    do {
      let reply = try await client.send(request, frames: frames, timeout: timeout)
      times.note(R.type, from: start)
      return reply
    } catch {
      if !Task.isCancelled { times.fail() }
      throw error
    }
  }

  func close() async { await client.close() }
}
