import Foundation

/// Why a robot behind the driver link cannot be used as asked.
public enum DriverError: Error, Equatable, CustomStringConvertible {
  /// The caller asked for what the robot or the episode does not allow.
  case invalidRequest(String)
  /// The driver describes a robot that cannot be.
  case invalidDescription(String)
  /// The driver's reply breaks the protocol or is not what it described.
  case invalidReply(String)
  /// Nobody answered where the driver was expected; `log` is where a driver that was started here writes.
  case silent(driver: String, seconds: Double, log: String?)
  /// The driver's command could not be started.
  case notStarted(command: String, reason: String)
  /// The driver that this process started has ended by itself.
  case ended(command: String, status: String, log: String)

  public var description: String {
    switch self {
    case .invalidRequest(let reason): reason
    case .invalidDescription(let reason): "the driver describes an impossible robot: \(reason)"
    case .invalidReply(let reason): "the driver's reply is not valid: \(reason)"
    case .silent(let driver, let seconds, let log):
      "no answer from \(driver) within \(seconds.formatted()) s; "
        + (log.map { "it was started, and what it writes is in \($0)" }
          ?? "is it running, and does it listen there?")
    case .notStarted(let command, let reason): "cannot start the driver '\(command)': \(reason)"
    case .ended(let command, let status, let log):
      "the driver '\(command)' ended with \(status)"
        + (log.isEmpty ? " and said nothing" : "; it said last:\n\(log)")
    }
  }
}
