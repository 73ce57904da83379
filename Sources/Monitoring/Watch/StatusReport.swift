import RecapAlgorithm

/// A run on one screen: what `recap status` prints, and encodes for programs.
public struct StatusReport: Codable, Hashable, Sendable {
  public var run: RunView
  public var robots: [RobotView]
  public var trainings: [TrainingView]
  public var results: RunReport

  public init(
    run: RunView, robots: [RobotView], trainings: [TrainingView], results: RunReport
  ) {
    self.run = run
    self.robots = robots
    self.trainings = trainings
    self.results = results
  }

  public init(_ snapshot: WatchSnapshot) {
    self.init(
      run: RunView(snapshot), robots: RobotView.all(snapshot),
      trainings: TrainingView.all(snapshot), results: snapshot.report)
  }

  /// As JSON, keys sorted, times as in "2026-01-31T12:00:00Z".
  public func json() throws -> String { try jsonText(self) }

  /// For a terminal.
  ///
  /// - Parameters:
  ///   - width: Longer lines are cut.
  ///   - height: Lists are shortened so that all of it fits into about so many lines; nil for all.
  public func text(width: Int = 100, height: Int? = nil) -> String {
    var lines = heading
    lines += run.alerts.prefix(5).map { "! \($0.text)" }
    if run.alerts.count > 5 { lines.append("! and \(run.alerts.count - 5) more") }
    if !workRows.isEmpty { lines += [""] + table(of: workRows) }
    lines += [""] + results.table().split(separator: "\n").map(String.init)
    if !robots.isEmpty {
      let room = height.map { max(3, $0 - lines.count - 3) } ?? robots.count
      lines += [""] + table(of: robotRows(room))
      if robots.count > room { lines.append("… and \(robots.count - room) more robots") }
    }
    return lines.map { $0.truncated(to: width) + "\n" }.joined()
  }

  private var heading: [String] {
    let share = run.jobs == 0 ? 1 : Double(run.jobsDone) / Double(run.jobs)
    let filled = Int((share * 30).rounded(.down))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    var parts = [
      "\(run.jobsDone) of \(run.jobs) jobs", "\(run.episodes) episodes",
      RunTimeline.words(run.elapsedSeconds),
    ]
    if let left = run.remainingSeconds { parts.append("about \(RunTimeline.words(left)) left") }
    var title = "\(run.name): \(run.state.rawValue)"
    if run.state == .running, !run.isLive {
      title += " (without heartbeats: read from its directory)"
    }
    return [title, "\(bar)  \(parts.joined(separator: " · "))"]
  }

  /// What is being worked on.
  private var workRows: [[String]] {
    let running = run.stages.filter { $0.state == .running }
    if running.isEmpty { return [] }
    return [["at work", "done", "left", "on"]]
      + running.map { stage in
        let done =
          stage.episodes.map { "\(stage.episodesDone ?? 0)/\($0)" }
          ?? "\(decimal(stage.progress * 100, digits: 0)) %"
        return [
          stage.stage, done, stage.remainingSeconds.map { RunTimeline.words($0) } ?? "–",
          stage.workers.prefix(4).joined(separator: ", ")
            + (stage.workers.count > 4 ? ", …" : ""),
        ]
      }
  }

  /// Those that need somebody first.
  private func robotRows(_ count: Int) -> [[String]] {
    let order = RobotView.State.allCases
    let sorted = robots.enumerated().sorted {
      let (a, b) = (order.firstIndex(of: $0.element.state), order.firstIndex(of: $1.element.state))
      return a == b ? $0.offset < $1.offset : (a ?? 0) < (b ?? 0)
    }.map(\.element)
    let heading = [
      "robot", "state", "task", "episodes", "success", "intervened", "late", "spool", "heard",
    ]
    return [heading]
      + sorted.prefix(count).map { robot in
        [
          robot.name, robot.stateWords,
          robot.task ?? "–", "\(robot.episodes)", Self.percent(robot.successRate),
          Self.percent(robot.interventionShare),
          robot.vitals.map { "\($0.lateChunks)" } ?? "–",
          robot.vitals.map { "\($0.spooledEpisodes)" } ?? "–",
          robot.silentSeconds.map { RunTimeline.words($0) } ?? "–",
        ]
      }
  }

  private func table(of rows: [[String]]) -> [String] {
    let left: Set<Int> = rows.first?.first == "robot" ? [0, 1, 2] : [0, 3]
    return aligned(rows, left: left).split(separator: "\n").map(String.init)
  }

  private static func percent(_ share: Double?) -> String {
    share.map { decimal($0 * 100, digits: 1) + " %" } ?? "–"
  }
}
