import Configuration
import Monitoring
import Plots

/// An experiment's report as one HTML page that needs nothing from elsewhere: tables, figures, and
/// all that it takes to do it again.
public struct ExperimentPage {
  private let record: ExperimentRecord
  private let report: ExperimentReport
  private let directory: String
  private let version: String

  /// - Parameters:
  ///   - directory: The experiment's, for the command that makes it anew.
  ///   - version: Of recap, which makes the page.
  public init(
    record: ExperimentRecord, report: ExperimentReport, directory: String, version: String
  ) {
    self.record = record
    self.report = report
    self.directory = directory
    self.version = version
  }

  private var experiment: Experiment { record.experiment }

  /// The figures with their charts, in the file's order; those without numbers are left out.
  public var figures: [(heading: String, charts: [DrawnChart])] {
    experiment.figures.enumerated().map { index, figure in
      (heading: figure.heading, charts: figure.charts(of: report, number: index + 1))
    }.filter { !$0.charts.isEmpty }
  }

  /// The whole page.
  public var html: String {
    let sections = [
      header, figureSections, results, bySeed, armSettings, sharing, reproduction,
    ]
    return HTML.page(title: experiment.heading, style: Self.style, sections: sections)
  }

  // MARK: - Sections

  private var header: String {
    let paragraphs = (experiment.description ?? "").split(separator: "\n\n").map {
      "<p>\(HTML.text(String($0)))</p>"
    }
    let measured = report.measuredSeeds
    let seeds = measured.map(String.init).joined(separator: ", ")
    let spread = ExperimentReport.spread(report.arms.map(\.seeds.count).filter { $0 > 0 })
    return """
      <h1>\(HTML.text(experiment.heading))</h1>
      \(paragraphs.joined(separator: "\n"))
      <p class="muted">\(report.arms.count) arms, seeds \(seeds.isEmpty ? "–" : seeds). All rates come from \
      evaluation episodes: fresh seeds, nobody helps, never trained on. \
      \(measured.count > 1 ? "Mean ± " : "± ")\(spread).\(when)</p>
      \(report.missingRunNotes.map { "<p class=\"warning\">\(HTML.text($0))</p>" }.joined())
      """
  }

  /// When the runs were made.
  private var when: String {
    guard let began = report.began, let ended = report.ended else { return "" }
    return " Run from \(began) to \(ended)."
  }

  private var figureSections: String {
    figures.map { heading, charts in
      let pictures = charts.map { "<figure>\($0.svg)</figure>" }.joined(separator: "\n")
      return """
        <section>
        <h2>\(HTML.text(heading))</h2>
        <div class="charts">
        \(pictures)
        </div>
        </section>
        """
    }.joined(separator: "\n")
  }

  private var results: String {
    var table = HTML.Table(
      [
        "arm", "task", "k", "seeds", "episodes", "success", "throughput/h", "positive",
        "intervened",
      ],
      texts: [0, 1])
    for arm in report.arms {
      for task in arm.tasks {
        for iteration in task.iterations {
          table.add([
            arm.title, task.task, "\(iteration.k)", "\(iteration.seeds.count)",
            "\(iteration.episodes)", iteration.success, iteration.throughput,
            iteration.positiveShare.map(Self.percent) ?? "–",
            Self.percent(iteration.interventionShare),
          ])
        }
      }
    }
    return "<section>\n<h2>Results</h2>\n\(table.html)\n\(Self.legend)\n\(stages)\n</section>"
  }

  /// The columns' words, for whoever does not know the method.
  private static let legend = """
    <dl class="muted">
    <dt>k</dt><dd>the iteration: 0 is the policy before any practice, k the one after practising k times</dd>
    <dt>success</dt><dd>the share of evaluation episodes that succeeded</dd>
    <dt>throughput/h</dt><dd>successes in an hour of one robot's time, the time of failures included</dd>
    <dt>positive</dt><dd>the share of actions, in the data that the policy was trained on, that are labelled \
    better than usual; 100 % where all are taken for good</dd>
    <dt>intervened</dt><dd>the share of practice steps that a person chose</dd>
    </dl>
    """

  /// A table for each task with scored stages: how far attempts come.
  private var stages: String {
    report.tasks.compactMap { task in
      let stages = report.stageTable(task, naming: \.title)
      if stages.names.isEmpty { return nil }
      var table = HTML.Table(["arm", "k"] + stages.names, texts: [0])
      for row in stages.rows { table.add(row) }
      return "<h3>Stages of \(HTML.text(task)) that were done</h3>\n\(table.html)"
    }.joined(separator: "\n")
  }

  private var bySeed: String {
    guard report.measuredSeeds.count > 1 else { return "" }
    var table = HTML.Table(
      ["arm", "task", "k", "seed", "episodes", "success", "throughput/h"], texts: [0, 1])
    for arm in report.arms {
      for task in arm.tasks {
        for iteration in task.iterations {
          for seed in iteration.seeds {
            let one = seed.iteration
            table.add([
              arm.title, task.task, "\(iteration.k)", "\(seed.seed)", "\(one.episodes)",
              Self.percent(one.successRate, one.successRateStandardError),
              decimal(one.throughputPerHour, digits: 1) + " ± "
                + decimal(one.throughputStandardError, digits: 1),
            ])
          }
        }
      }
    }
    return """
      <section>
      <details><summary><h2>Every seed</h2></summary>
      <p class="muted">± one standard error over episodes.</p>
      \(table.html)
      </details>
      </section>
      """
  }

  private var armSettings: String {
    var table = HTML.Table(["arm", "name", "what it sets"], texts: [0, 1, 2])
    for arm in experiment.arms {
      table.add([
        arm.label, arm.name, arm.settings.isEmpty ? "–" : arm.settings.joined(separator: "\n"),
      ])
    }
    let shared =
      experiment.settings.isEmpty
      ? ""
      : "<p>Every arm also sets:</p>\n\(HTML.code(experiment.settings.joined(separator: "\n")))"
    return """
      <section>
      <h2>Arms</h2>
      \(table.html)
      \(shared)
      </section>
      """
  }

  private var sharing: String {
    let sharers = report.arms.filter { $0.adopted.jobs > 0 }
    if sharers.isEmpty { return "" }
    var table = HTML.Table(["arm", "shared jobs", "of", "what was shared"], texts: [0, 3])
    for arm in sharers {
      table.add([
        arm.title, "\(arm.adopted.jobs)", "\(arm.work.jobs)", arm.adopted.description,
      ])
    }
    return """
      <section>
      <h2>Shared work</h2>
      <p>A job that is the same in two arms of a seed, in its work, its seed, its inputs and the settings \
      that its role reads, is done once.\(reused)</p>
      \(table.html)
      </section>
      """
  }

  private var reused: String {
    if record.reuse.isEmpty { return "" }
    let places = record.reuse.map(HTML.text).joined(separator: ", ")
    return " Jobs were also taken over from \(places) (<code>--reuse</code>)."
  }

  private var reproduction: String {
    let first = report.seeds.first ?? 1
    let runs = experiment.arms.map { arm in
      let settings = (experiment.settings + arm.settings).map { " --set \(Shell.word($0))" }
      return "recap run \(Shell.word(experiment.base))\(settings.joined()) --seed \(first)"
    }
    var versions = "recap \(record.version)"
    if version != record.version { versions += "; this page: recap \(version)" }
    return """
      <section>
      <h2>To do it again</h2>
      <p>\(HTML.text(versions)). The same command goes on with what is there.</p>
      \(HTML.code(commands.joined(separator: "\n")))
      <details><summary>An arm alone, as a run of its own</summary>
      \(HTML.code(runs.joined(separator: "\n")))
      </details>
      <details><summary>\(HTML.text(record.file))</summary>
      \(HTML.code(record.text))
      </details>
      <details><summary>\(HTML.text(experiment.base))</summary>
      \(HTML.code(record.baseText))
      </details>
      </section>
      """
  }

  /// The commands that make the experiment, one for each stretch of its seeds.
  private var commands: [String] {
    var stretches: [ClosedRange<Int>] = []
    for seed in report.seeds {
      if let last = stretches.last, last.upperBound + 1 == seed {
        stretches[stretches.count - 1] = last.lowerBound...seed
      } else {
        stretches.append(seed...seed)
      }
    }
    return (stretches.isEmpty ? [1...1] : stretches).map {
      ExperimentRecord.command(
        file: record.file, seeds: $0, directory: directory, reuse: record.reuse)
    }
  }

  private static func percent(_ share: Double) -> String { decimal(share * 100, digits: 1) + " %" }

  private static func percent(_ share: Double, _ error: Double) -> String {
    "\(decimal(share * 100, digits: 1)) ± \(decimal(error * 100, digits: 1)) %"
  }
}
