import Foundation

/// What the collectors saw.
struct FleetTimes: Codable, Sendable {
  /// Milliseconds from request to answer, by the phase in which it was asked and its type.
  var milliseconds: [FleetPhase: [String: [Double]]] = [:]
  /// Requests without an answer.
  var failures = 0
  var joined = 0

  mutating func add(_ other: FleetTimes) {
    milliseconds.merge(other.milliseconds) { $0.merging($1, uniquingKeysWith: +) }
    failures += other.failures
    joined += other.joined
  }
}

/// What `recap-bench fleet` gives.
struct FleetFigures: Encodable, CustomStringConvertible {
  /// How long requests of one phase took.
  struct Phase: Encodable {
    var requests: Int
    /// Of all requests of the phase.
    var p99Milliseconds: Double
    /// By request type: median, 99th percentile and longest, milliseconds.
    var latencies: [String: [Double]]

    private enum CodingKeys: String, CodingKey {
      case requests
      case p99Milliseconds = "p99_ms"
      case latencies = "latency_ms"
    }

    init(_ milliseconds: [String: [Double]]) {
      let all = Quantiles(milliseconds.values.flatMap { $0 })
      requests = all.count
      p99Milliseconds = all.count > 0 ? all(0.99) : 0
      latencies = milliseconds.mapValues { values in
        let quantiles = Quantiles(values)
        return [quantiles(0.5), quantiles(0.99), quantiles(1)]
      }
    }
  }

  var collectors: Int
  var joined: Int
  /// While they work.
  var requestsPerSecond: Double
  var episodes: Int
  var failures: Int
  var joining: Phase
  var working: Phase
  var leaving: Phase
  /// The coordinator's memory in the first and in the last tenth of the time in which they work, bytes.
  var memoryBefore: Int
  var memoryAfter: Int
  /// Of its core, while they work.
  var processorShare: Double

  private enum CodingKeys: String, CodingKey {
    case collectors, joined, episodes, failures, joining, working, leaving
    case requestsPerSecond = "requests_per_second"
    case memoryBefore = "memory_before_bytes"
    case memoryAfter = "memory_after_bytes"
    case processorShare = "core_share"
  }

  init(
    collectors: Int, seconds: Double, times: FleetTimes, memory: [Int], processorShare: Double
  ) {
    let tenth = max(1, memory.count / 10)
    self.collectors = collectors
    joined = times.joined
    failures = times.failures
    joining = Phase(times.milliseconds[.joining] ?? [:])
    working = Phase(times.milliseconds[.working] ?? [:])
    leaving = Phase(times.milliseconds[.leaving] ?? [:])
    requestsPerSecond = Double(working.requests) / seconds
    episodes = times.milliseconds.values.reduce(0) { $0 + ($1["archive.put-episode"]?.count ?? 0) }
    memoryBefore = memory.prefix(tenth).reduce(0, +) / tenth
    memoryAfter = memory.suffix(tenth).reduce(0, +) / tenth
    self.processorShare = processorShare
  }

  var description: String {
    let phases = [("while they join", joining), ("at work", working), ("as all leave", leaving)]
    let lines = phases.map { name, phase in
      let types = phase.latencies.sorted { $0.key < $1.key }.map { type, values in
        String(
          format: "\n  %@: %.1f ms, 99 %% within %.1f ms, longest %.0f ms", type, values[0],
          values[1], values[2])
      }
      return String(
        format: "%@: 99 %% of %d requests within %.1f ms", name, phase.requests,
        phase.p99Milliseconds) + types.joined()
    }
    return String(
      format: """
        %d of %d collectors joined; %.0f requests/s, %d episodes, %d requests without an answer
        %@
        the coordinator used %.0f %% of its core; memory %.0f MiB, in the end %.0f MiB
        """, joined, collectors, requestsPerSecond, episodes, failures,
      lines.joined(separator: "\n"), processorShare * 100, Double(memoryBefore) / 1_048_576,
      Double(memoryAfter) / 1_048_576)
  }
}
