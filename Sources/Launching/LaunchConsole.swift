import Foundation

/// Shows what processes write, each line with the name of its process before it.
public struct LaunchConsole: Sendable {
  /// Of the names, so that what follows them is aligned.
  private let width: Int
  private let usesColour: Bool
  private let showsProcesses: Bool
  private let places: [String: Int]
  private let write: @Sendable (String) -> Void

  /// Cyan, yellow, green, magenta, blue, and their bright siblings: red is left to errors.
  private static let colours = ["36", "33", "32", "35", "34", "96", "93", "92", "95", "94"]

  /// - Parameters:
  ///   - names: Of the processes, in the order in which they take colours.
  ///   - showsProcesses: Whether it shows what processes write, and not only what the launcher says.
  ///   - write: Prints a text that ends with a newline.
  public init(
    names: [String], usesColour: Bool, showsProcesses: Bool = true,
    write: @escaping @Sendable (String) -> Void
  ) {
    width = (names + [Self.ownName]).map(\.count).max() ?? 0
    self.usesColour = usesColour
    self.showsProcesses = showsProcesses
    places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
    self.write = write
  }

  /// The launcher's own name.
  static let ownName = "launch"

  /// Prints a line of a process.
  public func print(_ line: String, of name: String) {
    if showsProcesses { write(text(line, of: name)) }
  }

  /// Prints a line of the launcher.
  public func say(_ line: String) { write(text(line, of: Self.ownName)) }

  func text(_ line: String, of name: String) -> String {
    let prefix = name + String(repeating: " ", count: max(0, width - name.count)) + " │"
    guard usesColour else { return "\(prefix) \(line)\n" }
    let colour = places[name].map { Self.colours[$0 % Self.colours.count] } ?? "1"
    return "\u{1B}[\(colour)m\(prefix)\u{1B}[0m \(line)\n"
  }
}

/// The log of one process: everything that it writes, over all its lives.
final class ProcessLog: Sendable {
  /// What `Subprocess` may write to.
  let descriptor: Int32
  let path: String

  /// Opens a log for appending; its directory is made where it is missing.
  ///
  /// - Throws: `CannotLog`.
  init(path: String) throws {
    self.path = path
    let directory = (path as NSString).deletingLastPathComponent
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
    } catch {
      throw CannotLog(path: path, reason: error.localizedDescription)
    }
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw CannotLog(path: path, reason: String(cString: strerror(errno)))
    }
  }

  deinit { _ = close(descriptor) }

  /// Adds a line. What cannot be written is dropped: a run does not stop because a disk with logs is full.
  func add(_ line: String) {
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    try? handle.write(contentsOf: Data("\(line)\n".utf8))
  }
}

/// A log that cannot be opened.
struct CannotLog: Error, CustomStringConvertible {
  var path: String
  var reason: String
  var description: String { "cannot write the log \(path): \(reason)" }
}
