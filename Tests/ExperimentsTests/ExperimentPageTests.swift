import Configuration
import Experiments
import Foundation
import Monitoring
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
    #expect(bars.chart.x.categories == ["a", "β = 2 (1 seed)"])
    #expect(
      bars.chart.subtitle
        == "k = 0; mean and one standard error over 1 to 3 seeds; of one, over its episodes")
    guard case .bars(_, let values) = bars.chart.marks[0],
      case .points(_, let points) = bars.chart.marks[1]
    else { return #expect(Bool(false), "\(bars.chart.marks)") }
    #expect(values.map(\.value) == [110, 200])
    #expect(abs((values[0].error ?? 0) - 10) < 1e-9)
    // A seed stands at the same place beside each arm.
    #expect(points.map(\.x) == [0, 0.06, 0.12, 1])
    #expect(points.map(\.name) == ["a, seed 1", "a, seed 2", "a, seed 3", "β = 2, seed 1"])
    #expect(points.map(\.y) == [100, 100, 130, 200])

    guard case .line(let name, let line, _) = figures[1].charts[0].chart.marks[0] else {
      return #expect(Bool(false))
    }
    #expect(name == "a" && line.map(\.y) == [50])
    // A rate has its whole axis, and nothing comes before k = 0.
    #expect(figures[1].charts[0].chart.y.range == 0...100)
    #expect(figures[1].charts[0].chart.x.range == -0.5...0.5)
    #expect(bars.chart.y.start == 0)
  }

  @Test func aFileSaysByItselfWhatItShows() throws {
    let chart = try #require(page().figures[0].charts.first)
    #expect(chart.svgAlone.contains(">Throughput by arm: espresso<"))
    #expect(chart.svgAlone.contains("A &lt; B? · k = 0; mean"))
    #expect(!chart.svg.contains("Throughput by arm"))
  }

  @Test func barsOfDifferentIterationsAreToldApartAndMissingOnesAreNot0() throws {
    let report = ExperimentReport(
      experiment(),
      runs: [
        run(
          "a", seed: 1,
          [iteration(0, success: 1, throughput: 5), iteration(1, success: 1, throughput: 10)]),
        run("b", seed: 1, [iteration(0, success: 1, throughput: 20)]),
      ])
    let last = try #require(Self.figures[0].charts(of: report, number: 1).first)
    #expect(last.chart.x.categories == ["a (k = 1)", "β = 2 (k = 0)"])
    #expect(last.chart.subtitle == "seed 1, one standard error over episodes")
    let first = try #require(
      Experiment.Figure(metric: .success, over: .arms, iteration: 1).charts(of: report, number: 1)
        .first)
    #expect(first.chart.x.categories == ["a", "β = 2"])
    #expect(first.chart.subtitle?.hasPrefix("k = 1; ") == true)
    #expect(first.svg.contains(">no data<"))
  }

  @Test func thePageHoldsEverythingAndNeedsNothing() throws {
    let html = page().html
    for part in [
      "<h1>A &lt; B?</h1>", "<p>First.</p>", "<p>Second.</p>", "<svg", "110.0 ± 10.0",
      "method.guidance=2", "schedule.iterations=1", "recap 1.2; this page: recap 1.3",
      "recap experiment Configs/small.yaml --seeds 3 --dir 'runs/my experiment'",
      "recap run base.yaml --set schedule.iterations=1 --set method.guidance=2 --seed 1",
      "experiment: small # &lt;&amp;&gt;", "name: base", "20 episodes, 1 training",
      "b: seed 2 is not finished and not counted", "Every seed", "<dt>intervened</dt>",
    ] {
      #expect(html.contains(part), "the page lacks '\(part)'")
    }
    // Names of XML's vocabularies are no addresses to load anything from.
    for word in ["src=", "href=", "url(", "@import", "<script", "<link"] {
      #expect(!html.contains(word), "the page asks for something with '\(word)'")
    }
  }

  @Test func everyStretchOfSeedsHasItsCommand() {
    var record = ExperimentRecord(
      experiment: experiment(), file: "small.yaml", text: "", baseText: "", version: "1",
      configurations: [:], seeds: [1, 2], reuse: ["runs/old"])
    var earlier = record
    (earlier.version, earlier.seeds, earlier.reuse) = ("0", [5, 6, 1], ["runs/older"])
    record.goOn(from: earlier)
    #expect(record.version == "0" && record.seeds == [1, 2, 5, 6])
    #expect(record.reuse == ["runs/older", "runs/old"])
    let html = ExperimentPage(
      record: record,
      report: ExperimentReport(experiment(), runs: [], requested: record.seeds), directory: "d",
      version: "1"
    ).html
    let reuse = "--dir d --reuse runs/older --reuse runs/old"
    #expect(html.contains("recap experiment small.yaml --seeds 2 \(reuse)\n"))
    #expect(html.contains("recap experiment small.yaml --seeds 2 --first-seed 5 \(reuse)"))
  }

  @Test func stagesAreOfArmsAsElsewhere() {
    let stages = [StageRate(name: "fold", rate: 0.5, rateStandardError: 0.1)]
    let report = ExperimentReport(
      experiment(),
      runs: [run("b", seed: 1, [iteration(0, success: 1, throughput: 2, stages: stages)])])
    let html = page(report).html
    let table = html.components(separatedBy: "Stages of espresso").last?.prefix(400)
    #expect(table?.contains("<td>β = 2</td>") == true)
  }

  @Test func aPageWithoutResultsIsAPage() {
    let html = page(ExperimentReport(experiment(), runs: [])).html
    #expect(html.contains("<h1>") && !html.contains("<svg"))
  }
}
