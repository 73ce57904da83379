import Foundation

/// Where a person who plays presses keys and looks.
protocol PlayTerminal: Sendable {
  /// What has been typed since the last call; never waits.
  func typed() -> [UInt8]
  func show(_ text: String)
  /// Columns and rows.
  var size: (columns: Int, rows: Int) { get }
}

/// The process's terminal: keys come one by one and unseen while `with` is at work, and it is as it was
/// afterwards, however the body ends.
struct RawTerminal: PlayTerminal {
  private init() {}

  /// - Throws: `NoTerminal` where standard input or output is none; whatever the body throws.
  static func with<Value: Sendable>(
    _ body: (RawTerminal) async throws -> Value
  ) async throws -> Value {
    for (descriptor, name) in [(STDIN_FILENO, "input"), (STDOUT_FILENO, "output")]
    where isatty(descriptor) == 0 {
      throw NoTerminal(stream: name)
    }
    var saved = termios()
    guard tcgetattr(STDIN_FILENO, &saved) == 0 else { throw NoTerminal(stream: "input") }
    var raw = saved
    cfmakeraw(&raw)
    // Reading gives what there is. Index 5 is VTIME, 6 is VMIN.
    withUnsafeMutableBytes(of: &raw.c_cc) {
      $0[Int(VTIME)] = 0
      $0[Int(VMIN)] = 0
    }
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
    let terminal = RawTerminal()
    // The other screen, so that what was there comes back.
    terminal.show("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
    defer {
      terminal.show("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l")
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved)
    }
    return try await body(terminal)
  }

  func typed() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(STDIN_FILENO, &bytes, bytes.count)
    return count > 0 ? Array(bytes[..<count]) : []
  }

  func show(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
  }

  var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0
    else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}

/// Playing without anybody at a keyboard.
struct NoTerminal: Error, CustomStringConvertible {
  var stream: String

  var description: String {
    "recap play needs a terminal with a person at it: standard \(stream) is none. The built-in coach "
      + "demonstrates without one: recap run"
  }
}
