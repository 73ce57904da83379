import Foundation
import Testing

struct CommandLineTests {
  @Test(
    "--seed is checked as the configuration's seed is",
    arguments: [("-1", "-1"), ("18446744073709551615", "the text '18446744073709551615'")])
  func seedOutOfRange(seed: String, shown: String) async throws {
    let folder = try RecapProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appending(path: "run").path
    let result = try await RecapProcess.run(
      "run", "Configs/smoke.yaml", "--dir", run, "--seed=\(seed)")
    #expect(result.status != 0)
    #expect(
      result.errors.contains(
        "seed (from the command line): got \(shown); expected an integer, at least 0"))
    #expect(!FileManager.default.fileExists(atPath: run))
  }
}
