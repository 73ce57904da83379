/// Everything that is wrong with a configuration, found before any work is done.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// The file, or what else the configuration came from.
  public var source: String
  /// In the order of the file's lines; never empty.
  public var problems: [Problem]

  init(source: String, problems: [Problem]) {
    self.source = source
    self.problems = problems
  }

  /// One thing to put right.
  public struct Problem: Equatable, Sendable, CustomStringConvertible {
    /// For programs; people read `message`.
    public var kind: Kind
    /// The full path of the key, such as `training.policy.batchSize`; entries of lists are named,
    /// as in `tasks.espresso.demonstrations`. Empty for the file as a whole.
    public var keyPath: String
    /// Where it was written, if anywhere.
    public var origin: Origin?
    /// The value that came, and what would be valid.
    public var message: String

    public var description: String {
      let place = origin.map { keyPath.isEmpty ? "\($0)" : " (\($0))" } ?? ""
      return keyPath.isEmpty && place.isEmpty ? message : "\(keyPath)\(place): \(message)"
    }
  }

  /// What sort of problem it is.
  public enum Kind: Equatable, Sendable {
    case unreadable
    case unknownKey
    case missingKey
    case wrongType
    case outOfRange
    case duplicate
    /// A task that no robot offers.
    case notOffered
    /// Two settings that exclude each other.
    case inconsistent
  }

  /// Where a value was written.
  public enum Origin: Equatable, Sendable, CustomStringConvertible {
    case line(Int)
    case override

    public var description: String {
      switch self {
      case .line(let number): "line \(number)"
      case .override: "from the command line"
      }
    }
  }

  public var description: String {
    let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
    return "\(source): \(count)\n" + problems.map { "  \($0)" }.joined(separator: "\n")
  }
}

extension [ConfigurationError.Problem] {
  /// In the order of the file, then by key.
  func sorted() -> Self {
    func line(_ problem: Element) -> Int {
      if case .line(let line) = problem.origin { line } else { .max }
    }
    return sorted { (line($0), $0.keyPath) < (line($1), $1.keyPath) }
  }
}
