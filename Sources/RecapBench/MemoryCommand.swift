import ArgumentParser
import Foundation

/// Whether training's memory stays level.
struct MemoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "memory",
    abstract: "Compares resident memory after many training steps of vla-tiny with that after few.")

  @Option(help: "Steps before the first look.")
  var first = 200

  @Option(help: "Steps before the second look.")
  var last = 2000

  @Option(help: "Samples in a batch.")
  var batch = 32

  @Option(help: "Threads.")
  var threads = 2

  func run() throws {
    let training = ReferenceTraining(
      ReferenceModel.all[0], samples: batch, threads: threads, sliceSize: nil)
    for _ in 0..<first { _ = training.step() }
    let before = try ProcessFigures.residentBytes()
    for _ in first..<last { _ = training.step() }
    let after = try ProcessFigures.residentBytes()
    let growth = Double(after) / Double(before) - 1
    print(
      "resident after \(first) steps: \(before / 1024) KiB, after \(last): \(after / 1024) KiB, "
        + "\((growth * 1000).rounded() / 10) % more")
    if growth > 0.02 { throw ExitCode.failure }
  }
}
