import Subprocess

/// Runs programs that belong to others: `sbatch`, `squeue`, `scancel`, `kubectl`, `curl`.
public enum ExternalTool {
  /// Runs a command to its end.
  ///
  /// - Parameter input: What it reads from standard input.
  /// - Returns: What it printed to standard output.
  /// - Throws: `ExternalToolFailed` when it is not there or ends with another status than 0.
  @discardableResult
  public static func run(_ words: [String], input: String = "") async throws -> String {
    let limit = 16 << 20
    do {
      let result = try await Subprocess.run(
        .name(words[0]), arguments: Arguments(Array(words.dropFirst())), input: .string(input),
        output: .string(limit: limit), error: .string(limit: limit))
      if result.terminationStatus.isSuccess { return result.standardOutput }
      throw ExternalToolFailed(
        command: words.joined(separator: " "), reason: "\(result.terminationStatus)",
        words: result.standardError)
    } catch let error as SubprocessError {
      throw ExternalToolFailed(
        command: words.joined(separator: " "), reason: "could not be run, \(error)", words: "")
    }
  }
}

/// A program that did not do what it was asked.
public struct ExternalToolFailed: Error, CustomStringConvertible {
  public var command: String
  public var reason: String
  /// What it wrote to standard error.
  public var words: String

  public var description: String {
    let said = words.split(separator: "\n").joined(separator: " | ")
    return "'\(command)' failed: \(reason)" + (said.isEmpty ? "" : ": \(said)")
  }
}
