import Episodes
import Messaging

/// Which robots may take part in a run: a value that is told who joins.
///
/// One network serves one embodiment, so the first robot decides what the others must be. Once all configured robots
/// have come, every task of the run must be offered by one of them.
struct RobotAdmission {
  /// The run's tasks.
  let tasks: [String]
  /// The robots that the configuration names.
  let expected: Set<String>
  private(set) var embodiment: Embodiment?
  private var offers: [String: Set<String>] = [:]

  init(tasks: [String], expected: Set<String>) {
    self.tasks = tasks
    self.expected = expected
  }

  /// Takes in a worker; roles other than the collector may always join.
  ///
  /// - Throws: `RobotRefused` naming what was expected and what came.
  mutating func admit(_ worker: WorkerDescription) throws(RobotRefused) {
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
    if let embodiment, embodiment != robot {
      throw refusal("expected the run's embodiment \(embodiment), got \(robot)")
    }
    embodiment = robot
    offers[worker.name] = Set(offered)
  }

  /// The tasks that nobody can practise, once every expected robot has come; empty until then.
  var unofferedTasks: [String] {
    guard expected.isSubset(of: offers.keys) else { return [] }
    let offered = offers.values.reduce(into: Set()) { $0.formUnion($1) }
    return tasks.filter { !offered.contains($0) }
  }
}

/// A robot that cannot take part in the run.
struct RobotRefused: Error, Equatable, CustomStringConvertible {
  var robot: String
  var reason: String
  var description: String { "robot '\(robot)' cannot take part: \(reason)" }
}
