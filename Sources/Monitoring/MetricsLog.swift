import EpisodeStorage
import Foundation

/// Appends training metrics to a text file, one JSON object a line, for plotting with any tool:
/// `{"job": "espresso/1/policy", "metrics": {"loss": 0.41}, "step": 120, "time": 1760000000.5}`.
///
/// `pandas.read_json(path, lines=True)` reads it. A value that is not finite is `null`.
public actor MetricsLog {
  private let handle: FileHandle
  /// The file's path.
  public nonisolated let path: String

  /// Opens the file for appending, or creates it. A last line that a crash cut short is ended, so
  /// that only it is lost.
  public init(path: String) throws {
    self.path = path
    if !FileManager.default.fileExists(atPath: path) {
      try Data().write(to: URL(fileURLWithPath: path))
    }
    handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    let end = try handle.seekToEnd()
    if end > 0 {
      try handle.seek(toOffset: end - 1)
      let last = try handle.read(upToCount: 1)
      if last != Data("\n".utf8) { try handle.write(contentsOf: Data("\n".utf8)) }
    }
  }

  /// Appends samples: those of one job, step and time share a line.
  public func append(_ samples: [MetricSample]) throws {
    var lines: [Line] = []
    for sample in samples {
      let value = sample.value.isFinite ? sample.value : nil
      if let last = lines.last, last.job == sample.job, last.step == sample.step,
        last.time == sample.time.timeIntervalSince1970
      {
        lines[lines.count - 1].metrics[sample.name] = .some(value)
      } else {
        lines.append(
          Line(
            job: sample.job, metrics: [sample.name: value], step: sample.step,
            time: sample.time.timeIntervalSince1970))
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var text = Data()
    for line in lines {
      text += try encoder.encode(line)
      text += Data("\n".utf8)
    }
    try handle.write(contentsOf: text)
  }

  /// Closes the file.
  public func close() throws { try handle.close() }

  private struct Line: Encodable {
    var job: String
    var metrics: [String: Double?]
    var step: Int
    var time: Double
  }
}
