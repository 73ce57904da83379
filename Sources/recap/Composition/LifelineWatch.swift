import Foundation
import Launching

extension Lifeline {
  /// How long a clean stop may take before the process ends at once, which loses nothing either.
  private static let patience: UInt32 = 10

  /// Whether whoever started this process keeps it going.
  static var isHeld: Bool { ProcessInfo.processInfo.environment[variable] == "1" }

  /// Calls `stop` when standard input ends, where whoever started this process asked for that.
  ///
  /// On a thread of its own, and with an end of its own, so that a process that hangs stops too.
  static func watch(_ stop: @escaping @Sendable () -> Void) {
    guard isHeld else { return }
    Thread.detachNewThread {
      var bytes = [UInt8](repeating: 0, count: 64)
      while true {
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        if count == 0 || count < 0 && errno != EINTR { break }
      }
      stop()
      sleep(patience)
      _exit(128 + SIGTERM)
    }
  }
}
