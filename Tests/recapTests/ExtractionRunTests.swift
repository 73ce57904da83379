import EpisodeStorage
import Episodes
import Foundation
import Testing

/// Every way to make a policy carries a run to its end.
@Suite(.serialized)
struct ExtractionRunTests {
  /// Runs `tshirt` alone, whose demonstrations nearly all succeed.
  private func run(_ settings: [String]) async throws -> (ArchiveReader, remove: () -> Void) {
    let folder = try RecapProcess.temporaryFolder()
    let smoke = try String(
      contentsOf: RecapProcess.root.appending(path: "Configs/smoke.yaml"), encoding: .utf8)
    let file = folder.appending(path: "one.yaml").path
    try smoke.replacing("  - name: espresso\n", with: "")
      .write(toFile: file, atomically: true, encoding: .utf8)
    let directory = folder.appending(path: "run").path
    let result = try await RecapProcess.run(
      ["run", file, "--quiet", "--dir", directory] + settings.flatMap { ["--set", $0] })
    #expect(result.status == 0, "\(settings): \(result.errors)")
    return (
      try ArchiveReader(directory: directory), { try? FileManager.default.removeItem(at: folder) }
    )
  }

  @Test(arguments: ["awr", "ppo", "imitation", "filtered"])
  func extraction(_ name: String) async throws {
    let (archive, remove) = try await run(["method.extraction=\(name)"])
    defer { remove() }
    let jobs = Set(try await archive.checkpoints().map(\.job))
    let needsValue = ["awr", "ppo"].contains(name)
    #expect(jobs.contains("tshirt/1/value") == needsValue)
    #expect(jobs.contains("tshirt/1/policy"))
    let evaluated = try await archive.episodes().count { $0.stage == "tshirt/1/evaluate" }
    #expect(evaluated == 2)
  }

  @Test func withoutPretrainingOrWithoutFineTuning() async throws {
    let (scratch, removeScratch) = try await run(["schedule.pretraining=false"])
    defer { removeScratch() }
    #expect(try await !scratch.checkpoints().contains { $0.job.hasPrefix("pretrain") })
    let (untuned, removeUntuned) = try await run([
      "training.policySFT.steps=0", "schedule.iterations=0",
    ])
    defer { removeUntuned() }
    let digests = try await untuned.checkpoints().reduce(into: [:]) { $0[$1.job] = $1.digest }
    #expect(digests["tshirt/0/policy"] == digests["pretrain/policy"])
  }
}
