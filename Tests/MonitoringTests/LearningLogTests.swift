import Foundation
import Messaging
import Testing

@testable import Monitoring

/// What learners report, as files for other tools.
struct LearningLogTests {
  private let directory: String

  init() throws {
    directory =
      FileManager.default.temporaryDirectory
      .appending(path: "learning-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  private func report(_ notices: [RunNotice]) async {
    let log = LearningLog(directory: directory, now: { Date(timeIntervalSince1970: 1000.5) })
    for notice in notices { log.report(notice) }
    log.finish()
    await log.run()
  }

  private func progress(
    _ step: Int, _ metrics: [String: Double], job: String = "fold/1/policy", unit: String = "steps"
  ) -> RunNotice {
    .jobProgress(
      id: job, progress: JobProgress(done: step, total: 9, unit: unit, metrics: metrics))
  }

  @Test("each training has a folder for TensorBoard, and what was said before is not written again")
  func files() async throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    await report([
      progress(1, ["loss": 1]), progress(1, ["loss": 1]), progress(2, ["loss": 1]),
      progress(1, ["success rate": 1], job: "fold/1/autonomous/0", unit: "episodes"),
    ])
    let folder = "\(directory)/tensorboard/fold/1"
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["policy"])
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/policy")
    let name = try #require(names.first)
    #expect(names.count == 1 && name.hasPrefix("events.out.tfevents."))
    let bytes = try #require(FileManager.default.contents(atPath: "\(folder)/policy/\(name)"))
    let one = EventRecord.scalars([("loss", 1)], step: 1, time: 0).count
    #expect(bytes.count == EventRecord.fileVersion(time: 0).count + 2 * one)
  }

  @Test("every report is a line of JSON, and a line that a crash cut short is ended")
  func lines() async throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let path = "\(directory)/metrics.jsonl"
    await report([progress(1, ["loss": 0.5, "norm": .infinity]), progress(2, ["loss": 0.25])])
    let first = """
      {"job":"fold/1/policy","metrics":{"loss":0.5,"norm":null},"step":1,"time":1000.5}
      {"job":"fold/1/policy","metrics":{"loss":0.25},"step":2,"time":1000.5}

      """
    #expect(try String(contentsOfFile: path, encoding: .utf8) == first)

    // The process died in the middle of its next line.
    try (first + #"{"job":"fol"#).write(toFile: path, atomically: true, encoding: .utf8)
    await report([progress(3, ["loss": 0.125])])
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 4)
    #expect(
      lines.last == #"{"job":"fold/1/policy","metrics":{"loss":0.125},"step":3,"time":1000.5}"#)
  }
}
