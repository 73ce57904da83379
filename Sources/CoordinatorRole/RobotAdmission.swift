import Configuration
import Episodes
import Foundation
import Messaging

/// Which robots may take part in a run: a value that is told who joins.
///
/// A robot must sense what the configuration says of it, since the networks are made for that, and finding out only when
/// they are trained would cost all demonstrations. One network serves one embodiment, so the run's episodes or else the first robot decide what the others must be. Once all configured robots
/// have come, every task of the run must be offered by one of them.
struct RobotAdmission {
  /// The run's tasks.
  let tasks: [String]
  /// The robots of the configuration.
  let robots: [RobotSettings]
  private(set) var embodiment: Embodiment?
  private var offers: [String: Set<String>] = [:]
  /// How many robots offer each task.
  private var offerCounts: [String: Int] = [:]

  /// - Parameter embodiment: That of the episodes that the run has already, of imported ones for example; nil where it
  ///   has none.
  init(tasks: [String], robots: [RobotSettings], embodiment: Embodiment? = nil) {
    self.tasks = tasks
    self.robots = robots
    self.embodiment = embodiment
  }

  /// Takes in a worker; roles other than the collector may always join.
  ///
  /// - Parameters:
  ///   - time: What its machine takes for the time; nil where it does not say.
  ///   - now: The time here.
  /// - Throws: `RobotRefused` naming what was expected and what came.
  mutating func admit(
    _ worker: WorkerDescription, time: Date? = nil, now: Date = Date()
  ) throws(RobotRefused) {
    guard worker.role == .collector else { return }
    let offered = worker.tasks.map(\.name)
    func refusal(_ reason: String) -> RobotRefused {
      RobotRefused(robot: worker.name, reason: reason)
    }
    guard let robot = worker.embodiment else {
      throw refusal("a collector must say what its robot is")
    }
    if Set(tasks).isDisjoint(with: offered) {
      throw refusal(
        "it offers \(offered.joined(separator: ", ")); this run practises "
          + tasks.joined(separator: ", "))
    }
    var check = PreflightCheck(of: robot)
    // All robots of a run report the same: what holds for the first holds for one that the configuration does not name.
    if let settings = robots.first(where: { $0.name == worker.name }) ?? robots.first {
      check.compare(with: settings.observation, key: "robots.\(settings.name).observation")
    }
    if let embodiment { check.compare(with: embodiment) }
    check.compare(time: time, now: now)
    guard check.differences.isEmpty else {
      throw refusal(check.differences.joined(separator: "; "))
    }
    embodiment = robot
    note(Set(offered), of: worker.name)
  }

  private mutating func note(_ offered: Set<String>, of robot: String) {
    for task in offers.updateValue(offered, forKey: robot) ?? [] {
      offerCounts[task, default: 0] -= 1
      if offerCounts[task] == 0 { offerCounts[task] = nil }
    }
    for task in offered { offerCounts[task, default: 0] += 1 }
  }

  /// The tasks that nobody can practise, once every expected robot has come; empty until then.
  var unofferedTasks: [String] {
    guard robots.allSatisfy({ offers[$0.name] != nil }) else { return [] }
    return tasks.filter { offerCounts[$0] == nil }
  }

  /// The tasks that the robots here offer, sorted.
  var offeredTasks: [String] { offerCounts.keys.sorted() }
}

/// A robot that cannot take part in the run.
struct RobotRefused: Error, Equatable, CustomStringConvertible {
  var robot: String
  var reason: String
  var description: String { "robot '\(robot)' cannot take part: \(reason)" }
}
