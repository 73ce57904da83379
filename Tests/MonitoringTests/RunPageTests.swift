import EpisodeStorage
import RecapAlgorithm
import Testing

@testable import Monitoring

struct RunPageTests {
  @Test("the page has the results, escapes what comes from data, and refers to nothing outside")
  func page() throws {
    var run = LoggedRun()
    try run.join("left", .collector)
    run.tally.add([LoggedRun.episode(1), LoggedRun.episode(2, steps: 100, .failure)])
    var status = StatusReport(run.snapshot())
    status.run.name = "<b>&"
    let curve = Curve([(1, 2.0), (2, 1.0)], count: 9)
    let html = RunPage(
      status, curves: ["fold/0/policy": ["flow loss": curve, "learning rate": curve]], version: "1"
    ).html
    #expect(html.contains("<h1>&lt;b&gt;&amp;</h1>"))
    #expect(!html.contains("<b>"))
    #expect(html.contains("<td>50.0 ± 35.4 %</td>"))
    // Success, throughput, and the one training with a loss.
    #expect(html.components(separatedBy: "<figure>").count == 4)
    #expect(!html.contains("src=") && !html.contains("href="))
  }
}
