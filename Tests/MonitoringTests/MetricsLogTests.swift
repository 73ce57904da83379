import EpisodeStorage
import Foundation
import Monitoring
import Testing

@Suite struct MetricsLogTests {
  private static func sample(_ step: Int, _ name: String, _ value: Double) -> MetricSample {
    MetricSample(
      job: "espresso/1/value", step: step, name: name, value: value,
      time: Date(timeIntervalSince1970: 1000.5))
  }

  @Test func samplesOfOneStepShareALineAndATornLineIsEnded() async throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("recap-metrics-\(UUID().uuidString).jsonl").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let log = try MetricsLog(path: path)
    try await log.append([
      Self.sample(1, "loss", 0.5), Self.sample(1, "norm", .infinity), Self.sample(2, "loss", 0.25),
    ])
    try await log.append([])
    try await log.close()
    let first = """
      {"job":"espresso/1/value","metrics":{"loss":0.5,"norm":null},"step":1,"time":1000.5}
      {"job":"espresso/1/value","metrics":{"loss":0.25},"step":2,"time":1000.5}

      """
    #expect(try String(contentsOfFile: path, encoding: .utf8) == first)

    // The process died in the middle of its next line.
    try (first + #"{"job":"esp"#).write(toFile: path, atomically: true, encoding: .utf8)
    let reopened = try MetricsLog(path: path)
    try await reopened.append([Self.sample(3, "loss", 0.125)])
    try await reopened.close()
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 4)
    #expect(
      lines.last
        == #"{"job":"espresso/1/value","metrics":{"loss":0.125},"step":3,"time":1000.5}"#)
  }
}
