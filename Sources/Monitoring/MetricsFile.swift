import Foundation

/// Training metrics as text, one JSON object a line, for plotting with any tool:
/// `{"job": "espresso/1/policy", "metrics": {"loss": 0.41}, "step": 120, "time": 1760000000.5}`.
///
/// `pandas.read_json(path, lines=True)` reads it. A value that is not finite is `null`.
struct MetricsFile {
  private let path: String
  private var handle: FileHandle?

  /// - Parameter path: Made with the first report.
  init(path: String) { self.path = path }

  /// Appends a line; one that cannot be written is left out.
  mutating func append(_ report: LearningReport) {
    if handle == nil { handle = Self.open(path) }
    let line = Line(
      job: report.job, metrics: report.metrics.mapValues { $0.isFinite ? $0 : nil },
      step: report.step, time: report.time.timeIntervalSince1970)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(line) else { return }
    try? handle?.write(contentsOf: text + Data("\n".utf8))
  }

  /// A last line that a crash cut short is ended, so that only it is lost.
  private static func open(_ path: String) -> FileHandle? {
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    guard let handle = FileHandle(forUpdatingAtPath: path), let end = try? handle.seekToEnd()
    else { return nil }
    if end > 0 {
      try? handle.seek(toOffset: end - 1)
      let last = try? handle.read(upToCount: 1)
      if last != Data("\n".utf8) { try? handle.write(contentsOf: Data("\n".utf8)) }
    }
    return handle
  }

  private struct Line: Encodable {
    var job: String
    var metrics: [String: Double?]
    var step: Int
    var time: Double
  }
}
