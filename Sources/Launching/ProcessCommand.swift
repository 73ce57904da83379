/// How a process of a run is started here.
public struct ProcessCommand: Hashable, Sendable {
  /// Unique within the run.
  public var name: String
  /// The program, as a path or found in PATH, and its arguments.
  public var words: [String]

  public init(name: String, words: [String]) {
    self.name = name
    self.words = words
  }
}

/// The convention by which a process stops when whoever started it is gone, however that ended: its standard input is
/// a pipe, or ssh's, whose other end the starter holds, and closes.
///
/// Unlike Linux's death signal (`PR_SET_PDEATHSIG`) it does not depend on which thread started the process, and it
/// reaches processes on other machines.
public enum Lifeline {
  /// Set to 1 for a process that is to stop at the end of its standard input.
  public static let variable = "RECAP_STOP_WITH_STDIN"
}
