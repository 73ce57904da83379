import Foundation
import Logging

/// Where the roles' log lines go: standard error, from the level that suits the command.
enum Logs {
  /// Call once a process, before anything logs. `RECAP_LOG` (trace, debug, info, notice, warning, error) overrides `level`.
  static func bootstrap(_ level: Logger.Level) {
    let chosen = ProcessInfo.processInfo.environment["RECAP_LOG"].flatMap(
      Logger.Level.init(rawValue:))
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = chosen ?? level
      return handler
    }
  }
}
