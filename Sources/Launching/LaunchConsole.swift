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
    try LogDirectory.make((path as NSString).deletingLastPathComponent)
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

/// The directory of a launch's logs.
public enum LogDirectory {
  /// Makes it, and those above it, where they are missing.
  ///
  /// - Throws: `CannotLog`.
  public static func make(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
      let words = (cause as? POSIXError).map { String(cString: strerror($0.code.rawValue)) }
      throw CannotLog(path: path, reason: words ?? error.localizedDescription)
    }
  }

  /// Looks whether `make` could make it, without making anything.
  ///
  /// - Throws: `CannotLog`.
  public static func check(_ path: String) throws {
    var place = path
    while !FileManager.default.fileExists(atPath: place), place != "/", !place.isEmpty {
      place = (place as NSString).deletingLastPathComponent
    }
    if place.isEmpty { place = "." }
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: place, isDirectory: &isDirectory),
      isDirectory.boolValue
    else { throw CannotLog(path: path, reason: "\(place) is no directory") }
    guard access(place, W_OK) == 0 else {
      throw CannotLog(path: path, reason: "\(place): \(String(cString: strerror(errno)))")
    }
  }
}

/// Logs that cannot be written.
struct CannotLog: Error, CustomStringConvertible {
  /// Of the log, or of the directory for all of them.
  var path: String
  var reason: String
  var description: String { "cannot write logs at \(path): \(reason)" }
}
