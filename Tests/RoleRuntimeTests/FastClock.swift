/// A clock on which a second takes ten milliseconds, so that retries and heartbeats need no
/// patience.
struct FastClock: Clock {
  struct Instant: InstantProtocol {
    var sinceStart: Duration
    func advanced(by duration: Duration) -> Instant { Instant(sinceStart: sinceStart + duration) }
    func duration(to other: Instant) -> Duration { other.sinceStart - sinceStart }
    static func < (a: Instant, b: Instant) -> Bool { a.sinceStart < b.sinceStart }
  }

  private static let speed = 100
  private static let start = ContinuousClock.now

  var now: Instant { Instant(sinceStart: (.now - Self.start) * Self.speed) }
  var minimumResolution: Duration { .milliseconds(1) }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let left = now.duration(to: deadline) / Self.speed
    try await Task.sleep(for: max(Duration.zero, left), clock: .continuous)
  }
}
