import Messaging
import RecapAlgorithm
import Testing

@testable import Monitoring

struct PrometheusTests {
  @Test("the page has the format's shape: help, type, samples of one family together, each once")
  func format() throws {
    var run = LoggedRun()
    try run.join("left \"arm\"\\\n", .collector)
    run.tally.add([LoggedRun.episode(1), LoggedRun.episode(2, steps: 100, .failure)])
    let text = PrometheusText.text(
      run.snapshot(
        [WorkerStatus(name: "left \"arm\"\\\n", role: .collector, silentSeconds: 2.5)],
        freeDiskShare: 0.5))
    var family = ""
    var seen: Set<Substring> = []
    var families: Set<String> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        family = String(line.split(separator: " ")[2])
        #expect(families.insert(family).inserted, "\(family) twice")
      } else if !line.hasPrefix("#") {
        #expect(line.hasPrefix(family))
        let name = line[..<(line.lastIndex(of: " ") ?? line.endIndex)]
        #expect(seen.insert(name).inserted, "\(name) twice")
        #expect(Double(line[name.endIndex...].dropFirst()) != nil, "\(line)")
      }
    }
    #expect(text.contains(#"recap_robot_silent_seconds{robot="left \"arm\"\\\n"} 2.5"#))
    #expect(
      text.contains(#"recap_episodes_total{task="fold",source="evaluation",outcome="success"} 1"#))
    #expect(text.contains("recap_success_ratio{task=\"fold\"} 0.5\n"))
    #expect(text.contains(#"recap_alerts{alert="diskNearlyFull",severity="error"} 0"#))
  }

  @Test("a robot shows what it does, with which policy, and whether it is held back")
  func robots() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    run.tally.add([LoggedRun.episode(1, .autonomous, corrected: 20), LoggedRun.episode(2)])
    func left(_ silent: Double) throws -> RobotView {
      try #require(
        RobotView.all(
          run.snapshot([
            WorkerStatus(
              name: "left", role: .collector, silentSeconds: silent, job: "fold/demonstrations/0")
          ])
        ).first)
    }
    #expect(try left(1).state == .demonstrating)
    #expect(try left(1).successRate == 1 && left(1).interventionShare == 0.2)
    #expect(try left(30).state == .silent)
    try run.add(.workerPaused(worker: "left", by: "anna"))
    #expect(try left(1).state == .demonstrating, "it finishes what it has")
    #expect(try left(1).isPaused)
    try run.finish("left", "fold/demonstrations/0")
    #expect(try left(1).state == .paused)
    #expect(run.timeline.incidents.contains { $0.text == "left paused by anna" })
    try run.add(.workerResumed(worker: "left", by: "anna"))
    #expect(try left(1).job == "fold/demonstrations/1", "it waits for work and gets it at once")
  }

  @Test("late chunks and the spool are on every page that lists robots")
  func vitals() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    let vitals = RobotVitals(
      spooledEpisodes: 4, chunks: 120, lateChunks: 3, holds: 1, limitedActions: 17,
      roundTripSeconds: 0.25, unansweredHeartbeats: 2)
    let snapshot = run.snapshot([
      WorkerStatus(name: "left", role: .collector, silentSeconds: 1, vitals: vitals)
    ])
    let text = PrometheusText.text(snapshot)
    for (name, value) in [
      ("spooled_episodes", "4"), ("chunks_total", "120"), ("late_chunks_total", "3"),
      ("holds_total", "1"), ("limited_actions_total", "17"), ("round_trip_seconds", "0.25"),
      ("unanswered_heartbeats_total", "2"),
    ] {
      #expect(text.contains("recap_robot_\(name){robot=\"left\"} \(value)\n"))
    }
    #expect(!PrometheusText.text(run.snapshot()).contains("late_chunks"), "nobody said")
    #expect(RobotView.all(snapshot).first?.vitals == vitals)
    let rows = StatusReport(snapshot).text().split(separator: "\n").filter {
      $0.hasPrefix("robot ") || $0.hasPrefix("left ")
    }.map { $0.split(separator: " ").suffix(4).map(String.init) }
    #expect(rows == [["intervened", "late", "spool", "heard"], ["3", "4", "1", "s"]])
  }

  @Test("status fits the screen that it is asked for")
  func status() throws {
    var run = LoggedRun()
    for robot in 0..<30 { try run.join("robot-\(robot)", .collector) }
    let report = StatusReport(run.snapshot())
    let text = report.text(width: 60, height: 20)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 21)
    #expect(lines.allSatisfy { $0.count <= 60 })
    #expect(lines[0].hasPrefix("test: running"))
    #expect(text.contains("more robots"))
    #expect(report.text().split(separator: "\n").count > 30)
  }
}
