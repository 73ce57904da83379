import Configuration
import Episodes
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

  /// - Parameter embodiment: That of the episodes that the run has already, of imported ones for example; nil where it
  ///   has none.
  init(tasks: [String], robots: [RobotSettings], embodiment: Embodiment? = nil) {
    self.tasks = tasks
    self.robots = robots
    self.embodiment = embodiment
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
    if let lack = lack(of: robot, name: worker.name) { throw refusal(lack) }
    if let embodiment, embodiment != robot {
      throw refusal("expected the run's embodiment \(embodiment), got \(robot)")
    }
    embodiment = robot
    offers[worker.name] = Set(offered)
  }

  /// What the configuration says that this robot senses and it does not; nil where nothing is missing.
  private func lack(of embodiment: Embodiment, name: String) -> String? {
    // All robots of a run report the same: what holds for the first holds for one that the configuration does not name.
    guard let settings = robots.first(where: { $0.name == name }) ?? robots.first else {
      return nil
    }
    let key = "robots.\(settings.name).observation"
    if settings.observation.environmentState, embodiment.environmentStateWidth == 0 {
      return
        "\(key).environmentState is true, but the embodiment '\(embodiment.name)' reports no environment "
        + "state; set it to false, or have the robot report one"
    }
    if let side = settings.observation.cameras.pixels, embodiment.cameras.isEmpty {
      return
        "\(key).cameras is \(side), but the embodiment '\(embodiment.name)' reports no cameras; set it to "
        + "off, or have the robot report some"
    }
    return nil
  }

  /// The tasks that nobody can practise, once every expected robot has come; empty until then.
  var unofferedTasks: [String] {
    guard robots.allSatisfy({ offers[$0.name] != nil }) else { return [] }
    let offered = Set(offeredTasks)
    return tasks.filter { !offered.contains($0) }
  }

  /// The tasks that the robots here offer, sorted.
  var offeredTasks: [String] {
    offers.values.reduce(into: Set()) { $0.formUnion($1) }.sorted()
  }
}

/// A robot that cannot take part in the run.
struct RobotRefused: Error, Equatable, CustomStringConvertible {
  var robot: String
  var reason: String
  var description: String { "robot '\(robot)' cannot take part: \(reason)" }
}
