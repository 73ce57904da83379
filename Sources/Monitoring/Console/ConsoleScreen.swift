import Messaging

/// What a person watching a run sees: notices go in, text to print comes out. A value without a
/// clock or a file, told the time, so that every line of it can be tested.
///
/// On a terminal the running jobs' bars stay at the bottom, redrawn in place, and finished lines
/// scroll away above them. Elsewhere each running job is mentioned once in a while, in plain lines
/// that suit a log file.
///
/// Times are durations since the screen began.
public struct ConsoleScreen: Sendable {
  /// A terminal is redrawn at most this often by progress alone.
  static let redrawInterval = Duration.milliseconds(100)
  /// Without a terminal, a running job is mentioned at most this often.
  static let plainInterval = Duration.seconds(30)

  /// What the place we print to can show. Change its size when the terminal's changes.
  public var style: ConsoleStyle
  /// In the order of starting.
  private var running: [RunningJob] = []
  /// Bars on the screen now.
  private var barsShown = 0
  private var lastRedraw: Duration?

  private struct RunningJob: Sendable {
    var id: String
    var worker: String
    var started: Duration
    var lastMentioned: Duration
    var progress: JobProgress?
    var rate = RateEstimate()
  }

  /// An empty screen.
  public init(style: ConsoleStyle) { self.style = style }

  /// Takes in a notice; returns what to print now, which may be nothing.
  public mutating func handle(_ notice: RunNotice, at now: Duration) -> String {
    switch notice {
    case .jobStarted(let id, let worker):
      running.removeAll { $0.id == id }
      running.append(RunningJob(id: id, worker: worker, started: now, lastMentioned: now))
      return redraw(at: now)
    case .jobProgress(let id, let progress):
      guard let index = running.firstIndex(where: { $0.id == id }) else { return "" }
      running[index].progress = progress
      running[index].rate.add(done: progress.done, at: now)
      return style.isTerminal ? redrawIfDue(at: now) : mention(index, at: now)
    case .jobFinished(let id, let summary):
      let job = remove(id)
      let time = job.map { " in \(Self.text(now - $0.started))" } ?? ""
      let detail = summary.isEmpty ? "" : ": \(summary)"
      return print(style.paint("✓", .green) + " \(id)\(time)\(detail)", at: now)
    case .jobRetried(let id, let reason):
      remove(id)
      return print(style.paint("↻", .yellow) + " \(id) will be tried again: \(reason)", at: now)
    case .jobHeld(let id, let unjudged):
      let what = unjudged == 1 ? "1 episode is" : "\(unjudged) episodes are"
      return print(
        style.paint("?", .yellow) + " \(id) waits until \(what) judged: recap episodes label",
        at: now)
    case .workerJoined(let name):
      return print(style.paint("+ \(name) joined", .dim), at: now)
    case .workerLost(let name):
      return print(style.paint("–", .yellow) + " \(name) is gone", at: now)
    case .runFinished:
      running.removeAll()
      return print(style.paint("✓", .green) + " run finished in \(Self.text(now))", at: now)
    case .runFailed(let reason):
      running.removeAll()
      return print(style.paint("✗", .red) + " run failed: \(reason)", at: now)
    }
  }

  /// Lets estimated ends count down where no progress comes in; returns what to print now.
  public mutating func refresh(at now: Duration) -> String {
    guard style.isTerminal, !running.isEmpty || barsShown > 0 else { return "" }
    return redrawIfDue(at: now)
  }

  /// Takes the bars off the screen, so that other text can follow.
  public mutating func clear() -> String {
    defer { barsShown = 0 }
    return erasure
  }

  /// Prints any other line above the bars.
  public mutating func print(_ line: String, at now: Duration) -> String {
    guard style.isTerminal else { return line + "\n" }
    return erasure + line + "\n" + drawing(at: now)
  }

  // MARK: - Drawing

  @discardableResult
  private mutating func remove(_ id: String) -> RunningJob? {
    guard let index = running.firstIndex(where: { $0.id == id }) else { return nil }
    return running.remove(at: index)
  }

  private mutating func redrawIfDue(at now: Duration) -> String {
    if let lastRedraw, now - lastRedraw < Self.redrawInterval { return "" }
    return redraw(at: now)
  }

  private mutating func redraw(at now: Duration) -> String {
    style.isTerminal ? erasure + drawing(at: now) : ""
  }

  /// Moves to the first bar's line and clears from there on.
  private var erasure: String {
    barsShown == 0 ? "" : "\u{1B}[\(barsShown)A\r\u{1B}[J"
  }

  private mutating func drawing(at now: Duration) -> String {
    lastRedraw = now
    // One row stays free for the cursor and one for the line that sums up the rest.
    let room = max(1, style.height - 2)
    var lines = running.prefix(room).map { bar(of: $0, at: now) }
    if running.count > room { lines.append("  and \(running.count - room) more") }
    barsShown = lines.count
    return lines.map { $0 + "\n" }.joined()
  }

  private func bar(of job: RunningJob, at now: Duration) -> String {
    let nameWidth = running.map(\.id.count).max() ?? 0
    let name = job.id.padded(to: min(nameWidth, max(12, style.width / 3)))
    // The last column stays empty: some terminals wrap when it is written.
    let room = style.width - 1
    guard let progress = job.progress, progress.total > 0 else {
      return "  \(name)  started \(Self.text(now - job.started)) ago on \(job.worker)"
        .truncated(to: room)
    }
    let barWidth = min(24, max(8, style.width * 3 / 20))
    let share = min(1, max(0, Double(progress.done) / Double(progress.total)))
    let filled = Int(share * Double(barWidth))
    let bar =
      String(repeating: "━", count: filled) + String(repeating: "╌", count: barWidth - filled)
    let percent = "\(Int(share * 100))".padded(to: 3, alignment: .right)
    var line = "  \(name)  \(bar) \(percent) %  \(Self.text(job: job, progress, at: now))"
    // A number cut short would be another number: metrics that do not fit are left out.
    for metric in Self.metrics(progress) {
      guard line.count + metric.count <= room else { break }
      line += metric
    }
    return line.truncated(to: room)
  }

  /// A line about a job for a log file, if it is time for one.
  private mutating func mention(_ index: Int, at now: Duration) -> String {
    let job = running[index]
    guard now - job.lastMentioned >= Self.plainInterval, let progress = job.progress else {
      return ""
    }
    running[index].lastMentioned = now
    return
      "  \(job.id)  \(Self.text(job: job, progress, at: now))\(Self.metrics(progress).joined())\n"
  }

  private static func text(job: RunningJob, _ progress: JobProgress, at now: Duration) -> String {
    let end =
      job.rate.remaining(total: progress.total, at: now).map { "\(text($0)) left" }
      ?? "end unknown yet"
    return "\(progress.done)/\(progress.total) \(progress.unit), \(end)"
  }

  private static func metrics(_ progress: JobProgress) -> [String] {
    progress.metrics.sorted { $0.key < $1.key }
      .map { "  \($0.key) \(significant($0.value))" }
  }

  /// Hours, minutes and seconds: "0:07", "12:05", "3:00:09". Rounded up, so that "0:00" means the
  /// end.
  package static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = max(.zero, duration).components
    let whole = seconds + (attoseconds > 0 ? 1 : 0)
    func two(_ number: Int64) -> String { (number < 10 ? "0" : "") + "\(number)" }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return hours > 0
      ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
  }
}
