/// How fast a job goes, and so when it will end: the rate over its latest progress reports.
///
/// A window rather than the whole past, since jobs speed up (a warm cache) and slow down (a second
/// job starts), and since a resumed job begins with units that it did not do now. Times are
/// durations since any fixed moment.
struct RateEstimate {
  /// Reports older than this are forgotten, as long as two remain.
  static let window = Duration.seconds(60)

  private var reports: [(time: Duration, done: Int)] = []

  mutating func add(done: Int, at time: Duration) {
    // A repeated job starts again from less: its past says nothing.
    if let last = reports.last, done < last.done { reports.removeAll() }
    reports.append((time, done))
    while reports.count > 2, time - reports[1].time >= Self.window { reports.removeFirst() }
  }

  /// Time until `total` units are done, or nil while there is nothing to judge by.
  ///
  /// (total − done) · Δt/Δdone over the window, less the time since the last report.
  func remaining(total: Int, at now: Duration) -> Duration? {
    guard let first = reports.first, let last = reports.last else { return nil }
    if last.done >= total { return .zero }
    guard last.done > first.done, last.time > first.time else { return nil }
    let perUnit = (last.time - first.time) / (last.done - first.done)
    return max(.zero, perUnit * (total - last.done) - (now - last.time))
  }
}
