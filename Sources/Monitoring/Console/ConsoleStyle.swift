import Foundation

/// What the place we print to can show.
public struct ConsoleStyle: Sendable, Equatable {
  /// Whether lines can be redrawn in place.
  public var isTerminal: Bool
  /// Whether to use colours.
  public var usesColour: Bool
  /// Columns.
  public var width: Int
  /// Rows; more bars than fit are summed up in a line.
  public var height: Int

  /// A style with exactly these properties.
  public init(isTerminal: Bool, usesColour: Bool, width: Int = 80, height: Int = 24) {
    self.isTerminal = isTerminal
    self.usesColour = usesColour
    self.width = width
    self.height = height
  }

  /// What a file descriptor and the environment allow: a terminal is redrawn unless `TERM` is
  /// `dumb`, and coloured unless `NO_COLOR` is set to anything but an empty text
  /// (https://no-color.org).
  public static func detect(
    descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> ConsoleStyle {
    style(
      isTerminal: isatty(descriptor) == 1, size: windowSize(of: descriptor),
      environment: environment)
  }

  static func style(
    isTerminal: Bool, size: (width: Int, height: Int)?, environment: [String: String]
  ) -> ConsoleStyle {
    let terminal = isTerminal && environment["TERM"] != "dumb"
    let noColour = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    func number(_ name: String) -> Int? {
      environment[name].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    }
    return ConsoleStyle(
      isTerminal: terminal, usesColour: terminal && !noColour,
      width: size?.width ?? number("COLUMNS") ?? 80,
      height: size?.height ?? number("LINES") ?? 24)
  }

  /// Columns and rows of the terminal behind a descriptor; nil where there is none or it does not
  /// say.
  private static func windowSize(of descriptor: Int32) -> (width: Int, height: Int)? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return nil
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  func paint(_ text: String, _ colour: Colour) -> String {
    usesColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }

  enum Colour: String {
    case green = "32"
    case yellow = "33"
    case red = "31"
    case dim = "2"
  }
}
