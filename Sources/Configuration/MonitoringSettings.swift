/// When a run wants somebody's attention; has no influence on results.
public struct MonitoringSettings: Codable, Hashable, Sendable {
  /// A robot that was not heard for so many seconds is reported.
  public var robotSilentSeconds: Double
  /// A robot whose share of corrected steps has risen by this much, from the older to the newer half of
  /// its last 40 episodes with a person, is reported.
  public var interventionRise: Double
  /// A training whose loss is this many times the least that it has been is reported.
  public var lossRise: Double
  /// A learner that has been without a job for so many seconds, while robots work, is reported.
  public var learnerIdleSeconds: Double
  /// A run whose file system has a smaller share free is reported.
  public var freeDiskShare: Double
  /// A worker whose machine's clock was off by more seconds than that when it joined is reported.
  public var clockSkewSeconds: Double

  public init(
    robotSilentSeconds: Double = 10, interventionRise: Double = 0.15, lossRise: Double = 3,
    learnerIdleSeconds: Double = 1800, freeDiskShare: Double = 0.05,
    clockSkewSeconds: Double = 2
  ) {
    self.robotSilentSeconds = robotSilentSeconds
    self.interventionRise = interventionRise
    self.lossRise = lossRise
    self.learnerIdleSeconds = learnerIdleSeconds
    self.freeDiskShare = freeDiskShare
    self.clockSkewSeconds = clockSkewSeconds
  }
}
