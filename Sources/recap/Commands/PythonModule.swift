import ArgumentParser
import Foundation

/// The Python that has the package `recap_robot`.
struct PythonArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The Python that 'recap_robot' is installed in (Clients/Python).", valueName: "program"))
  var python = "python3"

  /// Runs a module of the package, with this process's input and output, to its end.
  ///
  /// - Throws: `ExitCode` with the module's status where that is not 0; `PythonNotStarted`.
  func run(_ module: String, _ arguments: [String]) throws {
    let process = Process()
    // `env` finds the program in PATH.
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [python, "-m", module] + arguments
    do {
      try process.run()
    } catch {
      throw PythonNotStarted(program: python, reason: "\(error)")
    }
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw ExitCode(process.terminationReason == .exit ? process.terminationStatus : 1)
    }
  }
}

/// Python could not be started.
struct PythonNotStarted: Error, CustomStringConvertible {
  var program: String
  var reason: String

  var description: String { "cannot start '\(program)': \(reason)" }
}

/// `--name value` for an option that was given, nothing otherwise.
func words(_ name: String, _ value: String?) -> [String] { value.map { ["--\(name)", $0] } ?? [] }
