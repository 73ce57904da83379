import Foundation

/// A driver that is started here, watched while it runs and stopped at the end.
///
/// What it writes goes into a log, whose end is quoted when it dies. Should this process be killed,
/// the driver's standard input closes, and drivers that heed `RECAP_STOP_WITH_STDIN` stop too.
public actor DriverProcess {
  /// Tells a driver that the end of its standard input is the end of whoever started it.
  public static let lifelineVariable = "RECAP_STOP_WITH_STDIN"
  /// Where the driver listens.
  public nonisolated let endpoint: String
  /// What the driver writes to standard output and standard error.
  public nonisolated let log: URL

  private let command: String
  private let process: Process
  /// The end of the driver's standard input that stays open as long as this process lives.
  private let lifeline: FileHandle
  private let removesLog: Bool
  private let exit: AsyncStream<String>
  private var status: String?
  private var isStopping = false
  private var waiters: [UUID: AsyncStream<String>.Continuation] = [:]

  /// Starts the driver.
  ///
  /// - Parameters:
  ///   - command: The program, found in PATH where it is no path, and its arguments, in which the
  ///     endpoint is already filled in.
  ///   - endpoint: Where the driver listens.
  ///   - log: Where its output is appended; nil for a temporary file that goes with the process.
  /// - Throws: `DriverError.notStarted`.
  public init(command: [String], endpoint: String, log: URL? = nil) throws {
    self.command = command.joined(separator: " ")
    self.endpoint = endpoint
    removesLog = log == nil
    self.log =
      log
      ?? FileManager.default.temporaryDirectory.appendingPathComponent(
        "recap-driver-\(UUID().uuidString).log")
    guard command.first?.isEmpty == false else {
      throw DriverError.notStarted(command: self.command, reason: "the command is empty")
    }

    process = Process()
    // `env` finds the program in PATH, and says so in the log when there is none.
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(
      [Self.lifelineVariable: "1"]
    ) { _, new in new }
    let input = Pipe()
    process.standardInput = input
    lifeline = input.fileHandleForWriting

    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    exit = stream
    process.terminationHandler = { process in
      let word = process.terminationReason == .exit ? "status" : "signal"
      continuation.yield("\(word) \(process.terminationStatus)")
      continuation.finish()
    }
    do {
      let output = try Self.openForAppending(self.log)
      process.standardOutput = output
      process.standardError = output
      try Self.withAllSignals { try process.run() }
      try output.close()
    } catch {
      throw DriverError.notStarted(command: self.command, reason: error.localizedDescription)
    }
    Task { await self.watch() }
  }

  /// Waits until the driver ends by itself.
  ///
  /// - Returns: `DriverError.ended` with its last words, or `CancellationError` when the task is
  ///   cancelled or the driver was stopped on purpose.
  public func end() async -> any Error {
    if status == nil {
      let (stream, continuation) = AsyncStream.makeStream(of: String.self)
      let waiter = UUID()
      waiters[waiter] = continuation
      _ = await stream.first { _ in true }
      waiters[waiter] = nil
    }
    return death ?? CancellationError()
  }

  /// How the driver ended by itself; nil while it runs and when it was stopped on purpose.
  var death: DriverError? {
    guard let status, !isStopping else { return nil }
    return .ended(command: command, status: status, log: lastWords())
  }

  /// Stops the driver: asks it to end, and ends it if it has not after `grace`.
  public func stop(grace: Duration = .seconds(5)) async {
    isStopping = true
    if status == nil {
      process.terminate()
      let kill = Task {
        try await Task.sleep(for: grace)
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
      }
      // Not this task: it may be cancelled already, and the driver should have its grace even so.
      await Task { _ = await end() }.value
      kill.cancel()
    }
    if removesLog { try? FileManager.default.removeItem(at: log) }
  }

  private func watch() async {
    status = await exit.first { _ in true } ?? "unknown status"
    for waiter in waiters.values {
      waiter.yield(status ?? "")
      waiter.finish()
    }
  }

  /// The end of the log: at most 20 lines.
  private func lastWords() -> String {
    guard let file = try? FileHandle(forReadingFrom: log) else { return "" }
    defer { try? file.close() }
    let length = (try? file.seekToEnd()) ?? 0
    try? file.seek(toOffset: length - min(length, 4096))
    let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
    return text.split(separator: "\n").suffix(20).joined(separator: "\n")
  }

  /// Children inherit which signals are blocked, and the threads that Swift's tasks run on block
  /// even the one that asks a program to end.
  private static func withAllSignals(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var before = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }

  private static func openForAppending(_ log: URL) throws -> FileHandle {
    if !FileManager.default.fileExists(atPath: log.path) {
      try Data().write(to: log)
    }
    let handle = try FileHandle(forWritingTo: log)
    try handle.seekToEnd()
    return handle
  }
}
