import Foundation
import Messaging
import RecapAlgorithm

/// A snapshot as Prometheus scrapes it: text format 0.0.4.
public enum PrometheusText {
  /// The whole page.
  public static func text(_ snapshot: WatchSnapshot) -> String {
    var page = Page()
    addRun(snapshot, to: &page)
    addTasks(snapshot, to: &page)
    addRobots(snapshot, to: &page)
    addLearners(snapshot, to: &page)
    page.family("recap_alerts", "gauge", "Alerts that are open, by kind and severity.")
    let alerts = Alert.all(snapshot)
    for kind in Alert.Kind.allCases {
      for severity in Alert.Severity.allCases {
        page.sample(
          "recap_alerts", [("alert", kind.rawValue), ("severity", severity.rawValue)],
          Double(alerts.count { $0.kind == kind && $0.severity == severity }))
      }
    }
    return page.text
  }

  private static func addRun(_ snapshot: WatchSnapshot, to page: inout Page) {
    let plan = snapshot.timeline.plan
    page.family("recap_run_info", "gauge", "Which run this is; always 1.")
    page.sample(
      "recap_run_info",
      [("name", snapshot.run.name), ("run", snapshot.run.id), ("version", snapshot.run.version)], 1)
    page.family("recap_run_state", "gauge", "1 for the state that the run is in.")
    for state in [RunState.running, .stopped, .finished, .failed] {
      page.sample(
        "recap_run_state", [("state", state.rawValue)], snapshot.state == state ? 1 : 0)
    }
    page.family("recap_jobs", "gauge", "Jobs of the plan, by how far they are.")
    let running = plan.liveLeases.count
    page.sample("recap_jobs", [("state", "done")], Double(plan.jobsDone))
    page.sample("recap_jobs", [("state", "running")], Double(running))
    page.sample(
      "recap_jobs", [("state", "waiting")], Double(plan.jobs.count - plan.jobsDone - running))
    page.family("recap_job_retries_total", "counter", "Jobs that were given out again.")
    page.sample(
      "recap_job_retries_total", [],
      Double(snapshot.timeline.times.values.reduce(0) { $0 + $1.retries }))
    if let seconds = snapshot.remainingSeconds {
      page.family("recap_run_remaining_seconds", "gauge", "Estimated time to the run's end.")
      page.sample("recap_run_remaining_seconds", [], seconds)
    }
    if let share = snapshot.freeDiskShare {
      page.family("recap_disk_free_ratio", "gauge", "Free share of the run's file system.")
      page.sample("recap_disk_free_ratio", [], share)
    }
  }

  private static func addTasks(_ snapshot: WatchSnapshot, to page: inout Page) {
    page.family("recap_episodes_total", "counter", "Stored episodes, by task, source and outcome.")
    var counts: [[String]: EpisodeTally.Sums] = [:]
    for (group, sums) in snapshot.tally.groups {
      counts[[group.task, group.source.rawValue], default: EpisodeTally.Sums()] += sums
    }
    for (key, count) in counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      for (outcome, number) in [
        ("success", count.successes), ("failure", count.judged - count.successes),
        ("unjudged", count.unjudged),
      ] {
        page.sample(
          "recap_episodes_total",
          [("task", key[0]), ("source", key[1]), ("outcome", outcome)], Double(number))
      }
    }
    let report = snapshot.report
    let newest = report.tasks.compactMap { task in task.iterations.last.map { (task.task, $0) } }
    page.family("recap_iteration", "gauge", "The newest iteration that has been evaluated.")
    for (task, last) in newest { page.sample("recap_iteration", [("task", task)], Double(last.k)) }
    page.family("recap_success_ratio", "gauge", "Success of the newest evaluated policy.")
    for (task, last) in newest {
      page.sample("recap_success_ratio", [("task", task)], last.successRate)
    }
    page.family("recap_throughput_per_hour", "gauge", "Successes per robot-hour of that policy.")
    for (task, last) in newest {
      page.sample("recap_throughput_per_hour", [("task", task)], last.throughputPerHour)
    }
  }

  private static func addRobots(_ snapshot: WatchSnapshot, to page: inout Page) {
    let robots = RobotView.all(snapshot)
    page.family("recap_robots", "gauge", "Robots, by what they do.")
    for state in RobotView.State.allCases {
      page.sample(
        "recap_robots", [("state", state.rawValue)], Double(robots.count { $0.state == state }))
    }
    page.family("recap_robot_silent_seconds", "gauge", "Time since a robot was last heard.")
    for robot in robots {
      if let seconds = robot.silentSeconds {
        page.sample("recap_robot_silent_seconds", [("robot", robot.name)], seconds)
      }
    }
    page.family("recap_robot_episodes_total", "counter", "Episodes that a robot has recorded.")
    for robot in robots {
      page.sample("recap_robot_episodes_total", [("robot", robot.name)], Double(robot.episodes))
    }
    page.family(
      "recap_robot_intervention_ratio", "gauge", "Share of practice steps that a person chose.")
    for robot in robots {
      if let share = robot.interventionShare {
        page.sample("recap_robot_intervention_ratio", [("robot", robot.name)], share)
      }
    }
    page.family("recap_robot_policy_lag", "gauge", "Iterations that its policy is behind.")
    for robot in robots {
      if let lag = robot.policyLag {
        page.sample("recap_robot_policy_lag", [("robot", robot.name)], Double(lag))
      }
    }
    for (name, type, help, number) in vitals {
      page.family(name, type, help)
      for robot in robots {
        if let number = robot.vitals.flatMap(number) {
          page.sample(name, [("robot", robot.name)], number)
        }
      }
    }
  }

  private static var vitals: [(String, String, String, (RobotVitals) -> Double?)] {
    [
      (
        "recap_robot_spooled_episodes", "gauge",
        "Episodes that wait for the archive's acknowledgement.", { Double($0.spooledEpisodes) }
      ),
      (
        "recap_robot_chunks_total", "counter", "Chunks of actions that a robot executed.",
        { Double($0.chunks) }
      ),
      (
        "recap_robot_late_chunks_total", "counter",
        "Times that a chunk ran out before the next was there.", { Double($0.lateChunks) }
      ),
      (
        "recap_robot_holds_total", "counter", "Times that the watchdog told a robot to hold.",
        { Double($0.holds) }
      ),
      (
        "recap_robot_limited_actions_total", "counter",
        "Actions of the policy that were beyond the limits.", { Double($0.limitedActions) }
      ),
      (
        "recap_robot_round_trip_seconds", "gauge",
        "How long the coordinator took to answer its last heartbeat.", { $0.roundTripSeconds }
      ),
      (
        "recap_robot_unanswered_heartbeats_total", "counter",
        "Heartbeats that nobody answered in time.", { Double($0.unansweredHeartbeats) }
      ),
    ]
  }

  private static func addLearners(_ snapshot: WatchSnapshot, to page: inout Page) {
    let trainings = TrainingView.all(snapshot).filter { $0.state == .running }
    page.family("recap_training_steps", "gauge", "Gradient steps of the trainings under way.")
    for training in trainings {
      page.sample("recap_training_steps", [("job", training.job)], Double(training.done))
    }
    page.family("recap_training_metric", "gauge", "The latest metrics of the trainings under way.")
    for training in trainings {
      for (name, value) in training.metrics.sorted(by: { $0.key < $1.key }) {
        page.sample(
          "recap_training_metric",
          [("job", training.job), ("metric", name.replacing(" ", with: "_"))], value)
      }
    }
    page.family("recap_training_samples_per_second", "gauge", "Speed of the trainings under way.")
    for training in trainings {
      if let speed = training.samplesPerSecond {
        page.sample("recap_training_samples_per_second", [("job", training.job)], speed)
      }
    }
    page.family("recap_learner_waiting_ratio", "gauge", "Share of its time without a job.")
    for learner in LearnerView.all(snapshot) {
      if let share = learner.waitingShare {
        page.sample("recap_learner_waiting_ratio", [("learner", learner.name)], share)
      }
    }
  }

  /// Writes the format's lines. A family without samples leaves no trace.
  private struct Page {
    var text = ""
    private var heading = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
      heading = "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
      text += heading
      heading = ""
      let pairs = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
      text += "\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(Self.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
      if value.isNaN { return "NaN" }
      if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
      return Int(exactly: value).map(String.init) ?? "\(value)"
    }

    private static func escaped(_ text: String) -> String {
      text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
  }
}
