import Messaging
import RecapAlgorithm

/// Who is here and when each was last heard: a value without a clock, told the time. Which job a worker holds is the
/// plan's to know.
///
/// Times are durations since the coordinator started. Silence is judged here and not in the plan, so that the plan's
/// event log holds decisions and no heartbeats.
struct Attendance {
  /// A worker silent for longer than this is taken for lost.
  let patience: Duration
  private(set) var workers: [String: Presence] = [:]
  /// Incarnations whose name a later one has taken: they may not take it back.
  private var replaced: Set<String> = []

  struct Presence {
    var description: WorkerDescription
    var lastHeard: Duration
    /// How far its machine's clock was ahead of the coordinator's when it joined, in seconds; nil where it did not say.
    var clockSkew: Double?
    /// How its robot fares, as it said last.
    var vitals: RobotVitals?
  }

  init(patience: Duration) { self.patience = patience }

  /// A worker said hello. Returns the incarnation that it replaces, if another one was here under its name.
  mutating func join(
    _ description: WorkerDescription, at now: Duration, clockSkew: Double? = nil
  ) -> String? {
    let previous = workers[description.name]?.description.incarnation
    workers[description.name] = Presence(
      description: description, lastHeard: now, clockSkew: clockSkew)
    guard let previous, previous != description.incarnation else { return nil }
    replaced.insert(previous)
    return previous
  }

  /// Whether a newer worker has joined under this one's name.
  func isReplaced(incarnation: String) -> Bool { replaced.contains(incarnation) }

  /// A worker was heard. False when it is not known here and should join again.
  mutating func hear(
    _ name: String, incarnation: String, at now: Duration, vitals: RobotVitals? = nil
  ) -> Bool {
    guard workers[name]?.description.incarnation == incarnation else { return false }
    workers[name]?.lastHeard = now
    if let vitals { workers[name]?.vitals = vitals }
    return true
  }

  /// A worker left. False when another incarnation holds the name.
  mutating func leave(_ name: String, incarnation: String) -> Bool {
    guard workers[name]?.description.incarnation == incarnation else { return false }
    workers[name] = nil
    return true
  }

  /// Removes and returns those that were silent for too long.
  mutating func removeSilent(at now: Duration) -> [WorkerDescription] {
    let silent = workers.values.filter { now - $0.lastHeard > patience }.map(\.description)
    for worker in silent { workers[worker.name] = nil }
    return silent.sorted { $0.name < $1.name }
  }
}

/// A worker whose name a newer one has taken.
struct NameTaken: Error, CustomStringConvertible {
  var name: String
  var description: String {
    "another worker has joined as '\(name)' and took its place; names are unique within a run"
  }
}

/// A worker that has not said hello.
struct UnknownWorker: Error, CustomStringConvertible {
  var name: String
  var description: String { "worker '\(name)' is not known here: join first" }
}
