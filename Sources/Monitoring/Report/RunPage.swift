import Foundation
import Plots
import RecapAlgorithm

/// A run's results as one HTML page that needs nothing from elsewhere, for a person to send on: tables, how each task
/// improved, and the learners' curves.
public struct RunPage: Sendable {
  private let status: StatusReport
  private let curves: [String: [String: Curve]]
  private let version: String

  /// - Parameters:
  ///   - curves: By training and metric; the losses are drawn.
  ///   - version: Of recap, which makes the page.
  public init(_ status: StatusReport, curves: [String: [String: Curve]], version: String) {
    self.status = status
    self.curves = curves
    self.version = version
  }

  /// The whole page.
  public var html: String {
    HTML.page(
      title: status.run.name, style: Self.style,
      sections: [heading] + status.results.tasks.map(section) + [learners, footer])
  }

  private var heading: String {
    let run = status.run
    let alerts = run.alerts.map { "<p class=\"warning\">\(HTML.text($0.text))</p>" }.joined()
    let waiting =
      status.results.tasks.isEmpty ? "<p>No evaluation episode has been recorded yet.</p>" : ""
    let unjudged =
      status.results.unjudgedNote.map { "<p class=\"warning\">\(HTML.text($0))</p>" } ?? ""
    return """
      <h1>\(HTML.text(run.name))</h1>
      <p class="muted">\(run.state.rawValue) · \(run.jobsDone) of \(run.jobs) jobs · \(run.episodes) episodes · \
      \(RunTimeline.words(run.elapsedSeconds)) of work. All rates come from evaluation episodes: fresh \
      seeds, nobody helps, never trained on. ± is one standard error.</p>
      \(alerts)\(waiting)\(unjudged)
      """
  }

  private func section(_ task: RunReport.TaskReport) -> String {
    let stages = StageTable(task.iterations.map { ([], $0.stages ?? [], $0.episodes) })
    let rows = zip(task.iterations, stages.rows).map { iteration, done in
      let cells =
        [
          "\(iteration.k)", "\(iteration.episodes)",
          measured(iteration.successRate * 100, iteration.successRateStandardError * 100) + " %",
          measured(iteration.throughputPerHour, iteration.throughputStandardError),
          iteration.positiveShare.map { decimal($0 * 100, digits: 1) + " %" } ?? "–",
          decimal(iteration.interventionShare * 100, digits: 1) + " %",
        ] + done
      return "<tr>\(cells.map { "<td>\($0)</td>" }.joined())</tr>"
    }
    let titles =
      ["k", "episodes", "success", "throughput/h", "positive", "intervened"]
      + stages.names.map { HTML.text($0) }
    return """
      <section>
      <h2>\(HTML.text(task.task))</h2>
      <div class="charts">
      <figure>\(success(task).svg(width: 500, height: 300))</figure>
      <figure>\(throughput(task).svg(width: 500, height: 300))</figure>
      </div>
      <table>
      <thead><tr>\(titles.map { "<th>\($0)</th>" }.joined())</tr></thead>
      <tbody>\(rows.joined(separator: "\n"))</tbody>
      </table>
      </section>
      """
  }

  private func success(_ task: RunReport.TaskReport) -> Chart {
    chart(task, title: "Success", label: "share of episodes, %", range: 0...100) {
      ($0.successRate * 100, $0.successRateStandardError * 100)
    }
  }

  private func throughput(_ task: RunReport.TaskReport) -> Chart {
    chart(task, title: "Throughput", label: "successes per robot-hour", range: nil) {
      ($0.throughputPerHour, $0.throughputStandardError)
    }
  }

  private func chart(
    _ task: RunReport.TaskReport, title: String, label: String, range: ClosedRange<Double>?,
    _ value: (RunReport.IterationReport) -> (Double, Double)
  ) -> Chart {
    let bars = task.iterations.map { iteration in
      let (height, error) = value(iteration)
      return Bar(value: height, error: error)
    }
    return Chart(
      title: title,
      x: Axis(label: "iteration", categories: task.iterations.map { "k = \($0.k)" }),
      y: Axis(label: label, range: range), marks: [.bars(name: "", values: bars)])
  }

  private var learners: String {
    let figures = status.trainings.compactMap { training -> String? in
      let losses = (curves[training.job] ?? [:]).filter {
        $0.key.hasSuffix("loss") && !$0.value.steps.isEmpty
      }
      if losses.isEmpty { return nil }
      let marks = losses.sorted { $0.key < $1.key }.map { name, curve in
        Marks.line(
          name: name, points: zip(curve.steps, curve.values).map { Point(x: Double($0), y: $1) })
      }
      let chart = Chart(
        title: training.job, x: Axis(label: "gradient step"), y: Axis(label: "loss"), marks: marks)
      return "<figure>\(chart.svg(width: 500, height: 300))</figure>"
    }
    if figures.isEmpty { return "" }
    return """
      <section>
      <h2>Learners</h2>
      <div class="charts">
      \(figures.joined(separator: "\n"))
      </div>
      </section>
      """
  }

  private var footer: String {
    let run = status.run
    let date = run.created.formatted(.iso8601)
    return
      "<p class=\"muted\">Run \(run.id), begun \(date) with recap \(HTML.text(run.version)); "
      + "this page: recap \(HTML.text(version)).</p>"
  }

  private static let style = """
    :root { color-scheme: light dark; }
    body { margin: 0; background: #ffffff; color: #222222; font: 15px/1.5 system-ui, sans-serif; }
    main { max-width: 1060px; margin: 0 auto; padding: 24px 20px 60px; }
    h1 { font-size: 26px; margin: 0 0 8px; } h2 { font-size: 19px; margin: 32px 0 10px; }
    .muted { color: #595959; } .warning { color: #8a5a00; }
    .charts { display: flex; flex-wrap: wrap; gap: 12px; }
    figure { margin: 0; } figure svg { max-width: 100%; height: auto; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    th, td { text-align: right; padding: 4px 0 4px 24px; border-bottom: 1px solid #dddddd; }
    th, td { white-space: nowrap; }
    th:first-child, td:first-child { padding-left: 0; }
    @media (prefers-color-scheme: dark) { body { background: #16181c; color: #e8e8e8; }
    .muted { color: #a8a8a8; } .warning { color: #f5b83d; } th, td { border-color: #3a3a3a; } }
    """
}
