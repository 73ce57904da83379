import Configuration
import Monitoring
import Plots

/// One picture of an experiment's report.
public struct DrawnChart: Sendable {
  /// For file names: "1-throughput-espresso".
  public var name: String
  public var chart: Chart
  /// Pixels.
  public var width: Int
  /// Pixels.
  public var height: Int

  public var svg: String { chart.svg(width: width, height: height) }
}

extension Experiment.Figure {
  /// What is drawn, in words.
  public var heading: String {
    if let title { return title }
    return switch over {
    case .arms: "\(metric.heading) by arm" + (iteration.map { " after iteration \($0)" } ?? "")
    case .iterations: "\(metric.heading) by iteration"
    }
  }

  /// The figure's charts, one for each task that there are numbers of.
  ///
  /// - Parameter number: The figure's place in the report, from 1.
  public func charts(of report: ExperimentReport, number: Int) -> [DrawnChart] {
    report.tasks.filter { task == nil || task == $0 }.compactMap { task in
      let chart =
        switch over {
        case .arms: bars(of: report, task)
        case .iterations: lines(of: report, task)
        }
      guard let chart else { return nil }
      // Bars need room for the arms' names, and a line for each arm needs some to be told apart.
      let width = over == .arms ? min(900, max(360, 160 + 90 * report.arms.count)) : 460
      return DrawnChart(
        name: "\(number)-\(metric.rawValue)-\(task)", chart: chart, width: width, height: 360)
    }
  }

  private func bars(of report: ExperimentReport, _ task: String) -> Chart? {
    var bars: [Bar] = []
    var points: [Point] = []
    for (place, arm) in report.arms.enumerated() {
      guard let shown = shownIteration(arm.task(task)) else {
        bars.append(Bar(value: .nan))
        continue
      }
      let (value, error) = metric.value(of: shown)
      bars.append(Bar(value: value, error: error))
      points += shown.seeds.map { Point(x: Double(place), y: metric.value(of: $0.iteration)) }
    }
    guard bars.contains(where: { $0.value.isFinite }) else { return nil }
    var marks = [Marks.bars(name: "mean", values: bars)]
    // A single seed's point is its bar's end.
    if report.seeds.count > 1 { marks.append(.points(name: "each seed", points: points)) }
    return Chart(
      title: task, subtitle: subtitle(report),
      x: Axis(label: "", categories: report.arms.map(\.title)), y: metric.axis, marks: marks)
  }

  private func lines(of report: ExperimentReport, _ task: String) -> Chart? {
    var marks: [Marks] = []
    for arm in report.arms {
      let points = (arm.task(task)?.iterations ?? []).map { iteration in
        let (value, error) = metric.value(of: iteration)
        return Point(x: Double(iteration.k), y: value, error: error)
      }
      if !points.isEmpty { marks.append(.line(name: arm.title, points: points)) }
    }
    if marks.isEmpty { return nil }
    return Chart(
      title: task, subtitle: subtitle(report), x: Axis(label: "iteration k"), y: metric.axis,
      marks: marks)
  }

  private func subtitle(_ report: ExperimentReport) -> String {
    let seeds = report.seeds.count
    return seeds > 1
      ? "mean and one standard error over \(seeds) seeds"
      : "seed \(report.seeds.first ?? 1), one standard error over episodes"
  }

  private func shownIteration(
    _ task: ExperimentReport.TaskReport?
  ) -> ExperimentReport.IterationReport? {
    guard let iteration else { return task?.iterations.last }
    return task?.iterations.first { $0.k == iteration }
  }
}

extension Experiment.Metric {
  var heading: String {
    switch self {
    case .throughput: "Throughput"
    case .success: "Success rate"
    case .failure: "Failure rate"
    }
  }

  var axis: Axis {
    switch self {
    case .throughput: Axis(label: "successes per robot-hour")
    case .success: Axis(label: "success rate, %", range: 0...100)
    case .failure: Axis(label: "failure rate, %")
    }
  }

  /// The mean over seeds with its standard error, in the axis' unit.
  func value(of iteration: ExperimentReport.IterationReport) -> (Double, error: Double) {
    switch self {
    case .throughput: (iteration.throughputPerHour, iteration.throughputStandardError)
    case .success:
      (100 * iteration.successRate, 100 * iteration.successRateStandardError)
    case .failure:
      (100 * (1 - iteration.successRate), 100 * iteration.successRateStandardError)
    }
  }

  func value(of iteration: RunReport.IterationReport) -> Double {
    switch self {
    case .throughput: iteration.throughputPerHour
    case .success: 100 * iteration.successRate
    case .failure: 100 * (1 - iteration.successRate)
    }
  }
}
