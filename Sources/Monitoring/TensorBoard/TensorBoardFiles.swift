import Foundation

/// Training metrics as TensorBoard reads them: `<job>/events.out.tfevents.…` below one directory, so that every training
/// is a run of its own there.
struct TensorBoardFiles {
  private let directory: String
  private var files: [String: FileHandle] = [:]

  /// - Parameter directory: Made with the first report.
  init(directory: String) { self.directory = directory }

  /// Appends a report; one that cannot be written is left out.
  mutating func append(_ report: LearningReport) {
    if files[report.job] == nil {
      guard let handle = open(report.job, at: report.time) else { return }
      // Few trainings go on at a time; the files of those that are over need not stay open.
      if files.count > 16 { files = [:] }
      files[report.job] = handle
    }
    let values = report.metrics.sorted { $0.key < $1.key }
      .map { (tag: $0.key.replacing(" ", with: "_"), value: $0.value) }
    let record = EventRecord.scalars(
      values, step: report.step, time: report.time.timeIntervalSince1970)
    try? files[report.job]?.write(contentsOf: Data(record))
  }

  /// A file that no other start of the run has written to.
  private func open(_ job: String, at time: Date) -> FileHandle? {
    let folder = "\(directory)/\(job)"
    let milliseconds = Int(time.timeIntervalSince1970 * 1000)
    let host = ProcessInfo.processInfo.hostName
    let name =
      "events.out.tfevents.\(milliseconds / 1000).\(host).\(getpid()).\(milliseconds % 1000)"
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let version = EventRecord.fileVersion(time: time.timeIntervalSince1970)
    guard FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: Data(version)),
      let handle = FileHandle(forWritingAtPath: "\(folder)/\(name)")
    else { return nil }
    _ = try? handle.seekToEnd()
    return handle
  }
}
