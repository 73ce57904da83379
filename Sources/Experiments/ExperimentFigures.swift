import Configuration
import Monitoring
import Plots

/// One picture of an experiment's report.
public struct DrawnChart: Sendable {
  /// For file names: "1-throughput-espresso".
  public var name: String
  /// As it stands under its figure's heading.
  public var chart: Chart
  /// The figure's heading and the experiment's.
  var headings: [String]
  /// Pixels.
  public var width: Int
  /// Pixels.
  public var height: Int

  public var svg: String { chart.svg(width: width, height: height) }

  /// The picture that says by itself what it shows, for a file.
  public var svgAlone: String {
    var alone = chart
    alone.title = "\(headings[0]): \(chart.title)"
    alone.subtitle = (headings.dropFirst() + [chart.subtitle].compactMap(\.self)).joined(
      separator: " · ")
    // The plot keeps its size.
    return alone.svg(width: width, height: height + 36)
  }
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
        name: "\(number)-\(metric.rawValue)-\(task)", chart: chart,
        headings: [heading, report.title], width: width, height: 360)
    }
  }

  private func bars(of report: ExperimentReport, _ task: String) -> Chart? {
    let shown = report.arms.map { shownIteration($0.task(task)) }
    let present = shown.compactMap(\.self)
    guard present.contains(where: { metric.value(of: $0).0.isFinite }) else { return nil }
    let bars = shown.map { iteration in
      guard let iteration else { return Bar(value: .nan) }
      let (value, error) = metric.value(of: iteration)
      return Bar(value: value, error: error)
    }
    let ks = Set(present.map(\.k))
    let mostSeeds = present.map(\.seeds.count).max() ?? 0
    let names = zip(report.arms, shown).map { arm, iteration in
      let notes = iteration.map {
        // An arm may say it in its title.
        (ks.count > 1 && !arm.title.contains("k = \($0.k)") ? ["k = \($0.k)"] : [])
          + ($0.seeds.count < mostSeeds ? [Self.words(seeds: $0.seeds.count)] : [])
      }
      return Self.label(arm.title, notes ?? [])
    }
    var marks = [Marks.bars(name: "mean", values: bars)]
    // A single seed's point is its bar's end.
    if mostSeeds > 1 {
      marks.append(.points(name: "each seed", points: seedPoints(of: report, shown)))
    }
    var subtitle = subtitle(of: present)
    if let k = ks.first, ks.count == 1 { subtitle = "k = \(k); \(subtitle)" }
    return Chart(
      title: task, subtitle: subtitle, x: Axis(label: "", categories: names), y: metric.axis,
      marks: marks)
  }

  /// Each arm's seeds side by side, a seed at the same place in all of them.
  private func seedPoints(
    of report: ExperimentReport, _ shown: [ExperimentReport.IterationReport?]
  ) -> [Point] {
    let seeds = Set(shown.compactMap(\.self).flatMap { $0.seeds.map(\.seed) }).sorted()
    let step = min(0.06, 0.22 / Double(max(seeds.count - 1, 1)))
    return zip(report.arms, shown).enumerated().flatMap { place, pair in
      let (arm, iteration) = pair
      return (iteration?.seeds ?? []).map { seed in
        Point(
          x: Double(place) + step * Double(seeds.firstIndex(of: seed.seed) ?? 0),
          y: metric.value(of: seed.iteration), name: "\(arm.title), seed \(seed.seed)")
      }
    }
  }

  private func lines(of report: ExperimentReport, _ task: String) -> Chart? {
    let shown = report.arms.map { $0.task(task)?.iterations ?? [] }
    let all = shown.flatMap(\.self)
    let mostSeeds = all.map(\.seeds.count).max() ?? 0
    var marks: [Marks] = []
    for (arm, iterations) in zip(report.arms, shown) where !iterations.isEmpty {
      let points = iterations.map { iteration in
        let (value, error) = metric.value(of: iteration)
        return Point(
          x: Double(iteration.k), y: value, error: error, name: "\(arm.title), k = \(iteration.k)")
      }
      let seeds = iterations.map(\.seeds.count).max() ?? 0
      let notes = seeds < mostSeeds ? [Self.words(seeds: seeds)] : []
      marks.append(.line(name: Self.label(arm.title, notes), points: points))
    }
    guard let first = all.map(\.k).min(), let last = all.map(\.k).max() else { return nil }
    // Between single points there is no line, and nothing comes before k = 0.
    let range = first == last ? Double(first) - 0.5...Double(first) + 0.5 : nil
    return Chart(
      title: task, subtitle: subtitle(of: all), x: Axis(label: "iteration k", range: range),
      y: metric.axis, marks: marks)
  }

  private func subtitle(of shown: [ExperimentReport.IterationReport]) -> String {
    let counts = shown.map(\.seeds.count)
    let spread = ExperimentReport.spread(counts)
    let seeds = Set(shown.flatMap { $0.seeds.map(\.seed) })
    if let seed = seeds.first, seeds.count == 1 { return "seed \(seed), \(spread)" }
    return (counts.max() ?? 0) > 1 ? "mean and \(spread)" : "one seed each, \(spread)"
  }

  private static func words(seeds: Int) -> String { seeds == 1 ? "1 seed" : "\(seeds) seeds" }

  private static func label(_ title: String, _ notes: [String]) -> String {
    notes.isEmpty ? title : "\(title) (\(notes.joined(separator: ", ")))"
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
    case .throughput: Axis(label: "successes per robot-hour", start: 0)
    case .success: Axis(label: "success rate, %", range: 0...100)
    case .failure: Axis(label: "failure rate, %", range: 0...100)
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
