import Configuration
import Experiments
import Foundation
import Plots
import Testing

@Suite struct ExperimentPageTests {
  private static let figures = [
    Experiment.Figure(title: nil, metric: .throughput, over: .arms),
    Experiment.Figure(title: "Over time", metric: .failure, over: .iterations),
    Experiment.Figure(title: nil, metric: .success, over: .arms, iteration: 5),
  ]

  private func page(_ report: ExperimentReport = report()) -> ExperimentPage {
    let record = ExperimentRecord(
      experiment: experiment(figures: Self.figures), file: "Configs/small.yaml",
      text: "experiment: small # <&>", baseText: "name: base", version: "1.2", configurations: [:])
    return ExperimentPage(
      record: record, report: report, directory: "runs/my experiment", version: "1.3")
  }

  @Test func figuresShowMeansAndErrors() throws {
    let figures = page().figures
    // Nobody has an iteration 5.
    #expect(figures.map(\.heading) == ["Throughput by arm", "Over time"])
    let bars = try #require(figures[0].charts.first)
    #expect(bars.name == "1-throughput-espresso")
    #expect(bars.chart.x.categories == ["a", "β = 2"])
    guard case .bars(_, let values) = bars.chart.marks[0],
      case .points(_, let points) = bars.chart.marks[1]
    else { return #expect(Bool(false), "\(bars.chart.marks)") }
    #expect(values.map(\.value) == [110, 200])
    #expect(abs((values[0].error ?? 0) - 10) < 1e-9)
    #expect(points.map(\.x) == [0, 0, 0, 1])
    #expect(points.map(\.y) == [100, 100, 130, 200])

    guard case .line(let name, let line, _) = figures[1].charts[0].chart.marks[0] else {
      return #expect(Bool(false))
    }
    #expect(name == "a" && line.map(\.y) == [50])
  }

  @Test func thePageHoldsEverythingAndNeedsNothing() throws {
    let html = page().html
    for part in [
      "<h1>A &lt; B?</h1>", "<p>First.</p>", "<p>Second.</p>", "<svg", "110.0 ± 10.0",
      "method.guidance=2", "schedule.iterations=1", "recap 1.2; this page: recap 1.3",
      "recap experiment Configs/small.yaml --seeds 3 --dir 'runs/my experiment'",
      "recap run base.yaml --set schedule.iterations=1 --set method.guidance=2 --seed 1",
      "experiment: small # &lt;&amp;&gt;", "name: base", "20 episodes, 1 training",
      "b: seed 2 is not finished and not counted", "Every seed",
    ] {
      #expect(html.contains(part), "the page lacks '\(part)'")
    }
    // Names of XML's vocabularies are no addresses to load anything from.
    for word in ["src=", "href=", "url(", "@import", "<script", "<link"] {
      #expect(!html.contains(word), "the page asks for something with '\(word)'")
    }
  }

  @Test func aPageWithoutResultsIsAPage() {
    let html = page(ExperimentReport(experiment(), runs: [])).html
    #expect(html.contains("<h1>") && !html.contains("<svg"))
  }
}
