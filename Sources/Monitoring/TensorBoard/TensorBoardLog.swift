import Foundation
import Messaging

/// Writes what learners report as files that TensorBoard reads: `<job>/events.out.tfevents.…` below one directory, so
/// that every training is a run of its own there.
///
/// Never in the way of the run: reports are queued, those that come too fast are dropped, and what cannot be
/// written is left out.
public final class TensorBoardLog: Sendable {
  private let reports: AsyncStream<Report>
  private let queue: AsyncStream<Report>.Continuation
  private let directory: String
  private let now: @Sendable () -> Date

  private struct Report: Sendable {
    var job: String
    var progress: JobProgress
    var time: Date
  }

  /// - Parameter directory: Made with the first report.
  public init(directory: String, now: @escaping @Sendable () -> Date = { Date() }) {
    self.directory = directory
    self.now = now
    (reports, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(2000))
  }

  /// Takes in a notice; only progress in steps is of interest.
  public func report(_ notice: RunNotice) {
    guard case .jobProgress(let id, let progress) = notice, progress.unit == "steps",
      !progress.metrics.isEmpty
    else { return }
    queue.yield(Report(job: id, progress: progress, time: now()))
  }

  /// Ends `run()` once everything reported so far is written.
  public func finish() { queue.finish() }

  /// Writes until `finish()`.
  public func run() async {
    var files: [String: (handle: FileHandle, step: Int)] = [:]
    for await report in reports {
      if files[report.job] == nil {
        guard let handle = open(report.job, at: report.time) else { continue }
        // Few trainings go on at a time; the files of those that are over need not stay open.
        if files.count > 16 { files = [:] }
        files[report.job] = (handle, -1)
      }
      // A heartbeat may say again what the last one said.
      guard let file = files[report.job], file.step != report.progress.done else { continue }
      files[report.job]?.step = report.progress.done
      let values = report.progress.metrics.sorted { $0.key < $1.key }
        .map { (tag: $0.key.replacing(" ", with: "_"), value: $0.value) }
      let record = EventRecord.scalars(
        values, step: report.progress.done, time: report.time.timeIntervalSince1970)
      try? file.handle.write(contentsOf: Data(record))
    }
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
