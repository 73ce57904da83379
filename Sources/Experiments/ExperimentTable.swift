import Monitoring
import RecapAlgorithm

extension ExperimentReport {
  /// The report as aligned tables for people, with what was shared and what is missing below.
  ///
  /// ```
  /// arm    task      k  seeds       success   throughput/h  throughput/h of seeds 1, 2, 3
  /// beta0  espresso  0      3  74.3 ± 4.5 %   149.7 ± 7.4   160  153  135
  /// ```
  public func table() -> String {
    var text = heading + "\n\n"
    let measured = measuredSeeds
    let hasSeeds = measured.count > 1
    let width =
      arms.flatMap { $0.tasks.flatMap { $0.iterations.flatMap { $0.throughputs(of: measured) } } }
      .map(\.count).max() ?? 0
    var rows = [
      ["arm", "task", "k", "seeds", "success", "throughput/h"]
        + (hasSeeds
          ? ["throughput/h of seeds \(measured.map(String.init).joined(separator: ", "))"] : [])
    ]
    for arm in arms {
      var isFirst = true
      for task in arm.tasks {
        for (index, iteration) in task.iterations.enumerated() {
          rows.append(
            [isFirst ? arm.name : "", index == 0 ? task.task : "", "\(iteration.k)"]
              + ["\(iteration.seeds.count)", iteration.success, iteration.throughput]
              + (hasSeeds
                ? [spaced(iteration.throughputs(of: measured), width: width)] : []))
          isFirst = false
        }
      }
      if arm.tasks.isEmpty {
        rows.append([arm.name, "–", "", "0", "", ""] + (hasSeeds ? [""] : []))
      }
    }
    text += aligned(rows, left: hasSeeds ? [0, 1, 6] : [0, 1])
    text += tasks.map(stageText).filter { !$0.isEmpty }.map { "\n" + $0 }.joined()
    let notes = sharingNotes + missingRunNotes
    if !notes.isEmpty { text += "\n" + notes.map { $0 + "\n" }.joined() }
    return text
  }

  /// How often a task's scored stages were done; empty for a task that has none.
  private func stageText(of task: String) -> String {
    stageTable(task, naming: \.name).text(heading: ["\(task): done", "k"])
  }

  /// A row for each arm's iterations of a task with scored stages: the arm, k and the rates.
  ///
  /// - Parameter name: What arms are called.
  func stageTable(_ task: String, naming name: KeyPath<ArmReport, String>) -> StageTable {
    StageTable(
      arms.flatMap { arm in
        (arm.task(task)?.iterations ?? []).compactMap { iteration in
          iteration.stages.map {
            (
              cells: [arm[keyPath: name], "\(iteration.k)"], rates: $0, episodes: iteration.episodes
            )
          }
        }
      })
  }

  /// The experiment's title and what '±' is.
  private var heading: String {
    let spread = Self.spread(arms.map(\.seeds.count).filter { $0 > 0 })
    return "\(experiment): \(title) (± \(spread))"
  }

  /// How much was shared, in a line for each arm.
  private var sharingNotes: [String] {
    arms.filter { $0.adopted.jobs > 0 }.map { arm in
      "\(arm.name): \(arm.adopted.jobs) of \(arm.work.jobs) jobs were shared with other runs "
        + "(\(arm.adopted))"
    }
  }

  /// Which runs are missing, in a line each.
  var missingRunNotes: [String] {
    var notes: [String] = []
    for arm in arms {
      for (seeds, one, many) in [
        (
          arm.unfinishedSeeds, "is not finished and not counted", "are not finished and not counted"
        ),
        (missingSeeds(of: arm), "has not been run", "have not been run"),
      ] where !seeds.isEmpty {
        let list = seeds.map(String.init).joined(separator: ", ")
        notes.append(
          seeds.count == 1
            ? "\(arm.name): seed \(list) \(one)" : "\(arm.name): seeds \(list) \(many)")
      }
      notes += arm.unreadableRuns.map {
        "\(arm.name): seed \($0.seed) is not counted: \($0.reason)"
      }
    }
    return notes
  }

  private func missingSeeds(of arm: ArmReport) -> [Int] {
    let known = Set(arm.seeds + arm.unfinishedSeeds + arm.unreadableRuns.map(\.seed))
    return seeds.filter { !known.contains($0) }
  }

  private func spaced(_ cells: [String], width: Int) -> String {
    cells.map { String(repeating: " ", count: width - $0.count) + $0 }.joined(separator: "  ")
  }
}

extension ExperimentReport.IterationReport {
  /// "88.5 ± 2.3 %"
  var success: String {
    measured(successRate * 100, successRateStandardError * 100) + " %"
  }

  /// "211.6 ± 5.3"
  var throughput: String { measured(throughputPerHour, throughputStandardError) }

  /// "205", "213", "217"; "–" for a seed that is missing.
  fileprivate func throughputs(of wanted: [Int]) -> [String] {
    wanted.map { seed in
      seeds.first { $0.seed == seed }.map {
        decimal($0.iteration.throughputPerHour, digits: 0)
      } ?? "–"
    }
  }
}
