import Glibc
import Subprocess
import SystemPackage

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
        .name(words[0]), arguments: Arguments(Array(words.dropFirst())),
        input: .fileDescriptor(try Self.file(input), closeAfterSpawningProcess: true),
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

  /// A file without a name that holds a text. Not a pipe: writing to one would end this process (SIGPIPE) where the
  /// program ends before it has read everything.
  private static func file(_ text: String) throws -> FileDescriptor {
    if text.isEmpty { return try .open("/dev/null", .readOnly) }
    var name = "/tmp/recap-input-XXXXXX".utf8CString.map(\.self)
    let file = FileDescriptor(rawValue: mkstemp(&name))
    guard file.rawValue >= 0 else { throw Errno(rawValue: errno) }
    _ = fcntl(file.rawValue, F_SETFD, FD_CLOEXEC)
    unlink(name)
    do {
      try file.writeAll(text.utf8)
      try file.seek(offset: 0, from: .start)
      return file
    } catch {
      try? file.close()
      throw error
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
