/// How a robot fares, whatever its job is: what its collector says with every sign of life. All but the spool counts from
/// the collector's start.
public struct RobotVitals: Codable, Hashable, Sendable {
  /// Episodes that wait for the archive's acknowledgement.
  public var spooledEpisodes: Int
  /// The policy's chunks of actions of which something was executed.
  public var chunks: Int
  /// Times that a chunk ran out before the next was there.
  public var lateChunks: Int
  /// Times that the watchdog told the robot to hold.
  public var holds: Int
  /// Actions of the policy that were beyond the configured limits, and executed within them.
  public var limitedActions: Int
  /// How long the coordinator took to answer the last sign of life that it answered, seconds; nil before the first.
  public var roundTripSeconds: Double?
  /// Signs of life that nobody answered in time.
  public var unansweredHeartbeats: Int

  public init(
    spooledEpisodes: Int, chunks: Int = 0, lateChunks: Int = 0, holds: Int = 0,
    limitedActions: Int = 0, roundTripSeconds: Double? = nil, unansweredHeartbeats: Int = 0
  ) {
    self.spooledEpisodes = spooledEpisodes
    self.chunks = chunks
    self.lateChunks = lateChunks
    self.holds = holds
    self.limitedActions = limitedActions
    self.roundTripSeconds = roundTripSeconds
    self.unansweredHeartbeats = unansweredHeartbeats
  }
}
