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
  /// - Throws: `ExitCode` with the module's status where that is not 0; `PackageMissing` where this Python has no such
  ///   package.
  func run(_ module: String, _ arguments: [String]) throws {
    // First, since Python has words of its own for a missing package, and a person would read those.
    let package = try start(["-c", "import recap_robot"], output: FileHandle.nullDevice)
    package.waitUntilExit()
    guard package.terminationStatus == 0 else { throw PackageMissing(python: python) }
    let process = try start(["-m", module] + arguments)
    process.waitUntilExit()
    if process.terminationReason == .exit, process.terminationStatus == 0 { return }
    throw ExitCode(process.terminationReason == .exit ? process.terminationStatus : 1)
  }

  /// - Parameter output: Of both kinds; nil for this process's own.
  private func start(_ arguments: [String], output: FileHandle? = nil) throws -> Process {
    let process = Process()
    // `env` finds the program in PATH.
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [python] + arguments
    if let output {
      process.standardOutput = output
      process.standardError = output
    }
    try process.run()
    return process
  }
}

/// A Python without the package, or no Python at all.
struct PackageMissing: Error, CustomStringConvertible {
  var python: String

  var description: String {
    "'\(python)' cannot import recap_robot: install it (pip install Clients/Python), or name the Python that has it "
      + "with --python"
  }
}

/// `--name value` for an option that was given, nothing otherwise.
func words(_ name: String, _ value: String?) -> [String] { value.map { ["--\(name)", $0] } ?? [] }
