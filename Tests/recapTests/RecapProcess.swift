import Foundation
import Testing

/// The `recap` program of this build, as a person starts it.
struct RecapProcess {
  /// The repository's root.
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The program beside the test bundle.
  static let program: URL = {
    let bundle = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    let candidates = [bundle, bundle.deletingLastPathComponent()].map {
      $0.appending(path: "recap")
    }
    let found = candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) }
    return found ?? root.appending(path: ".build/debug/recap")
  }()

  struct Result {
    var status: Int32
    var output: String
    var errors: String
  }

  /// Starts the program; the caller waits for or ends it.
  ///
  /// - Parameter environment: Instead of this process's.
  static func start(
    _ arguments: [String], environment: [String: String]? = nil, output: FileHandle,
    errors: FileHandle
  ) throws -> Process {
    let process = Process()
    process.executableURL = program
    if let environment { process.environment = environment }
    process.arguments = arguments
    process.currentDirectoryURL = root
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    return process
  }

  /// Runs the program to its end.
  static func run(_ arguments: String...) async throws -> Result { try await run(arguments) }

  /// Runs the program to its end.
  static func run(
    _ arguments: [String], environment: [String: String]? = nil
  ) async throws -> Result {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (out, err) = (folder.appending(path: "out"), folder.appending(path: "err"))
    for file in [out, err] { try Data().write(to: file) }
    let process = try start(
      arguments, environment: environment, output: FileHandle(forWritingTo: out),
      errors: FileHandle(forWritingTo: err))
    await process.ended()
    return Result(
      status: process.terminationStatus, output: try String(contentsOf: out, encoding: .utf8),
      errors: try String(contentsOf: err, encoding: .utf8))
  }

  static func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "recap-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }
}

extension Process {
  /// Waits off the cooperative pool, which has only as many threads as there are cores.
  func ended() async {
    await withCheckedContinuation { done in
      DispatchQueue.global().async {
        self.waitUntilExit()
        done.resume()
      }
    }
  }
}

extension FileHandle {
  /// The lines that arrive, as they arrive, until the other end closes. Read on a thread of their own.
  var lines: AsyncStream<String> {
    AsyncStream { continuation in
      DispatchQueue.global().async {
        var rest = Data()
        while case let data = self.availableData, !data.isEmpty {
          rest += data
          while let end = rest.firstIndex(of: 10) {
            continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
            rest = Data(rest[(end + 1)...])
          }
        }
        continuation.finish()
      }
    }
  }
}
