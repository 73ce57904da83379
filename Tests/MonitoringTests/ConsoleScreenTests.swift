import Messaging
import Tensors
import Testing

@testable import Monitoring

@Suite struct ConsoleScreenTests {
  private static let terminal = ConsoleStyle(
    isTerminal: true, usesColour: false, width: 80, height: 10)
  private static let plain = ConsoleStyle(isTerminal: false, usesColour: false)

  private static func progress(
    _ id: String, _ done: Int, of total: Int, metrics: [String: Double] = [:]
  ) -> RunNotice {
    .jobProgress(
      id: id,
      progress: JobProgress(done: done, total: total, unit: "steps", metrics: metrics))
  }

  /// A screen and the terminal that shows it.
  private struct Shown {
    var screen: ConsoleScreen
    var terminal = VirtualTerminal()

    init(_ style: ConsoleStyle) { screen = ConsoleScreen(style: style) }

    mutating func handle(_ notice: RunNotice, at seconds: Double) {
      terminal.write(screen.handle(notice, at: .seconds(seconds)))
    }

    /// Without the line that the cursor waits on.
    var lines: [String] { Array(terminal.lines.dropLast()) }
  }

  @Test func aBarShowsShareRateAndMetrics() {
    var shown = Shown(Self.terminal)
    shown.handle(.jobStarted(id: "espresso/1/value", worker: "learner"), at: 0)
    #expect(shown.lines == ["  espresso/1/value  started 0:00 ago on learner"])
    shown.handle(Self.progress("espresso/1/value", 10, of: 100), at: 1)
    #expect(shown.lines[0].hasSuffix("10/100 steps, end unknown yet"))
    shown.handle(
      Self.progress(
        "espresso/1/value", 25, of: 100, metrics: ["norm": 2, "loss": 0.123456]), at: 4)
    // 15 steps took 3 s: 75 more take 15 s. A quarter of 12 columns is 3. The norm does not fit.
    #expect(
      shown.lines == [
        "  espresso/1/value  ━━━╌╌╌╌╌╌╌╌╌  25 %  25/100 steps, 0:15 left  loss 0.1235"
      ])
  }

  @Test func estimatesCountDownBetweenReports() {
    var shown = Shown(Self.terminal)
    shown.handle(.jobStarted(id: "job", worker: "w"), at: 0)
    shown.handle(Self.progress("job", 0, of: 100), at: 0)
    shown.handle(Self.progress("job", 50, of: 100), at: 50)
    #expect(shown.lines[0].contains("0:50 left"))
    shown.terminal.write(shown.screen.refresh(at: .seconds(70)))
    #expect(shown.lines[0].contains("0:30 left"))
    shown.terminal.write(shown.screen.refresh(at: .seconds(500)))
    #expect(shown.lines[0].contains("0:00 left"))
  }

  @Test func finishedLinesStayAboveTheRunningBars() {
    var shown = Shown(Self.terminal)
    shown.handle(.workerJoined("left-cell"), at: 0)
    shown.handle(.jobStarted(id: "a", worker: "w"), at: 1)
    shown.handle(.jobStarted(id: "b", worker: "v"), at: 2)
    shown.handle(Self.progress("a", 1, of: 2), at: 3)
    shown.handle(.jobFinished(id: "a", summary: "loss 0.1"), at: 76)
    shown.handle(.jobRetried(id: "b", reason: "worker v is gone"), at: 77)
    shown.handle(.jobStarted(id: "b", worker: "w"), at: 78)
    shown.handle(.workerLost("v"), at: 79)
    #expect(
      shown.lines == [
        "+ left-cell joined", "✓ a in 1:15: loss 0.1",
        "↻ b will be tried again: worker v is gone", "– v is gone",
        "  b  started 0:01 ago on w",
      ])
    shown.handle(.jobFinished(id: "b", summary: ""), at: 80)
    shown.handle(.runFinished, at: 3_601)
    #expect(shown.lines.suffix(2) == ["✓ b in 0:02", "✓ run finished in 1:00:01"])
  }

  @Test func progressAloneRedrawsAtMostTenTimesASecond() {
    var screen = ConsoleScreen(style: Self.terminal)
    _ = screen.handle(.jobStarted(id: "a", worker: "w"), at: .zero)
    #expect(screen.handle(Self.progress("a", 1, of: 9), at: .milliseconds(50)).isEmpty)
    #expect(!screen.handle(Self.progress("a", 2, of: 9), at: .milliseconds(100)).isEmpty)
    #expect(screen.refresh(at: .milliseconds(150)).isEmpty)
  }

  @Test func barsThatDoNotFitAreCountedAndLongOnesCut() {
    var shown = Shown(ConsoleStyle(isTerminal: true, usesColour: false, width: 40, height: 5))
    for job in 0..<6 {
      shown.handle(
        .jobStarted(id: "tshirt-collar-up/2/collect/\(job)", worker: "a-long-name"), at: 0)
    }
    #expect(shown.lines.count == 4)
    #expect(shown.lines[3] == "  and 3 more")
    #expect(shown.lines.allSatisfy { $0.count <= 39 })
  }

  @Test func aLogFileGetsPlainLinesNowAndThen() {
    var screen = ConsoleScreen(style: Self.plain)
    #expect(screen.handle(.jobStarted(id: "a", worker: "w"), at: .zero).isEmpty)
    #expect(screen.handle(Self.progress("a", 10, of: 100), at: .seconds(10)).isEmpty)
    #expect(
      screen.handle(Self.progress("a", 30, of: 100, metrics: ["loss": 2.5]), at: .seconds(30))
        == "  a  30/100 steps, 1:10 left  loss 2.5\n")
    #expect(screen.handle(Self.progress("a", 50, of: 100), at: .seconds(59)).isEmpty)
    #expect(!screen.handle(Self.progress("a", 51, of: 100), at: .seconds(60)).isEmpty)
    #expect(screen.refresh(at: .seconds(100)).isEmpty)
    #expect(
      screen.handle(.jobFinished(id: "a", summary: "loss 0.1"), at: .seconds(100))
        == "✓ a in 1:40: loss 0.1\n")
  }

  @Test func progressOfAJobThatIsNotRunningIsIgnored() {
    var screen = ConsoleScreen(style: Self.terminal)
    #expect(screen.handle(Self.progress("ghost", 1, of: 2), at: .zero).isEmpty)
    #expect(screen.clear().isEmpty)
  }

  @Test func coloursAreOnlyUsedWhereAllowed() {
    let coloured = ConsoleStyle(isTerminal: true, usesColour: true)
    for (style, expected) in [(coloured, true), (Self.terminal, false), (Self.plain, false)] {
      var screen = ConsoleScreen(style: style)
      let text = screen.handle(.jobFinished(id: "a", summary: ""), at: .zero)
      #expect(text.contains("\u{1B}[32m") == expected)
    }
  }

  /// Whatever happens in whatever order, the terminal shows each permanent line once and then the
  /// running jobs.
  @Test(arguments: 0..<20)
  func theTerminalAlwaysShowsTheStateOfThings(seed: UInt64) {
    var random = RandomSource(seed: seed)
    var shown = Shown(Self.terminal)
    var running: [String] = []
    var permanent = 0
    for step in 0..<200 {
      let time = Double(step) * 0.2
      let known = running.randomElement(using: &random)
      switch (Int.random(in: 0..<6, using: &random), known) {
      case (0, _) where running.count < 5:
        running.append("job-\(step)")
        shown.handle(.jobStarted(id: "job-\(step)", worker: "w"), at: time)
      case (1, let job?):
        running.removeAll { $0 == job }
        permanent += 1
        shown.handle(.jobFinished(id: job, summary: ""), at: time)
      case (2, _):
        permanent += 1
        shown.handle(.workerJoined("w\(step)"), at: time)
      case (3, _): shown.terminal.write(shown.screen.refresh(at: .seconds(time)))
      case (_, let job?): shown.handle(Self.progress(job, step, of: 200), at: time)
      default: break
      }
      #expect(shown.lines.count == permanent + running.count)
      let bars = shown.lines.suffix(running.count).map { $0.split(separator: " ")[0] }
      #expect(bars == running.map { Substring($0) })
    }
    shown.terminal.write(shown.screen.clear())
    #expect(shown.lines.count == permanent)
  }
}
