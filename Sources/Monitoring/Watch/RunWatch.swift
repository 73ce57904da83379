import Configuration
import EpisodeStorage
import Foundation
import Messaging
import RecapAlgorithm

/// Follows a run through its archive: reads what is new, at most about twice a second however many ask,
/// and gives snapshots.
public actor RunWatch {
  /// Where the run is read.
  public nonisolated let archive: ArchiveReader
  /// What the run is.
  public nonisolated let run: RunDescription
  public nonisolated let configuration: RunConfiguration
  private let live: (@Sendable () async -> CoordinatorStatus?)?
  private let now: @Sendable () -> Date
  private var timeline: RunTimeline
  private var tally = EpisodeTally()
  private var labelSets: [LabelSetRow] = []
  private var status: CoordinatorStatus?
  private var isOpen = false
  private var freeDiskShare: Double?
  private var leastLosses: [String: Double] = [:]
  private var valueQuality: [String: ValueQuality] = [:]
  private var statusCount = 0
  private var refreshed: ContinuousClock.Instant?
  private var reading: Task<Void, any Error>?

  /// What has changed since one looked last: equal stamps mean that nothing has.
  public struct Stamp: Codable, Hashable, Sendable {
    /// Entries of the log.
    public var plan: Int
    public var episodes: Int
    /// What people have said of episodes.
    public var judgements: Int
    /// Grows when workers have said something new.
    public var live: Int
  }

  /// - Parameters:
  ///   - live: Asks the run's coordinator, where there may be one; nil from it where there is none.
  ///   - now: The clock that ages are measured by.
  /// - Throws: What the archive throws; `ConfigurationError` for a run of another version.
  public init(
    archive: some ArchiveReading, live: (@Sendable () async -> CoordinatorStatus?)? = nil,
    now: @escaping @Sendable () -> Date = { Date() }
  ) async throws {
    self.archive = archive.reader
    self.live = live
    self.now = now
    run = try await archive.run()
    configuration = try RunConfiguration(resolvedJSON: run.configuration)
    timeline = RunTimeline(
      jobs: Schedule.jobs(for: configuration.scheduleSettings),
      maximumAttempts: configuration.runtime.maximumAttempts,
      judging: configuration.schedule.judging)
  }

  /// The run as it is now.
  public func snapshot() async throws -> WatchSnapshot {
    try await refresh()
    return WatchSnapshot(
      run: run, configuration: configuration, stamp: current, timeline: timeline, tally: tally,
      labelSets: labelSets, status: status, isOpen: isOpen, now: now(),
      freeDiskShare: freeDiskShare, valueQuality: valueQuality, leastLosses: leastLosses)
  }

  /// Whether anything is new.
  public func stamp() async throws -> Stamp {
    try await refresh()
    return current
  }

  private var current: Stamp {
    Stamp(
      plan: timeline.sequence, episodes: tally.sequence, judgements: timeline.judgements,
      live: statusCount)
  }

  /// A training's metrics by name, thinned out for drawing.
  public nonisolated func curves(of job: String) async throws -> [String: Curve] {
    var curves: [String: Curve] = [:]
    for name in try await archive.metricNames(job: job) {
      let samples = try await archive.metric(job: job, name: name)
      curves[name] = Curve(samples.map { ($0.step, $0.value) }, count: 240)
    }
    return curves
  }

  /// Remembers how well a value function does, for alerts.
  public func note(_ quality: ValueQuality, of job: String) { valueQuality[job] = quality }

  private func refresh() async throws {
    if let reading { return try await reading.value }
    if let refreshed, ContinuousClock.now - refreshed < .milliseconds(400) { return }
    let task = Task { try await self.read() }
    reading = task
    defer { reading = nil }
    try await task.value
    refreshed = ContinuousClock.now
  }

  private func read() async throws {
    let known = timeline.sequence
    let events = try await archive.events(after: known)
    let judged = timeline.judgements
    try timeline.add(events)
    // Sums cannot be told which episode has changed: they are made anew.
    var sums = timeline.judgements == judged ? tally : EpisodeTally()
    try await sums.catchUp(with: archive)
    tally = sums
    if timeline.sequence != known { labelSets = try await archive.labelSets() }
    if let next = await live?() {
      if next.workers != status?.workers { statusCount += 1 }
      status = next
      isOpen = true
      for worker in next.workers {
        guard let job = worker.job, let loss = worker.progress?.metrics["loss"], loss.isFinite
        else { continue }
        leastLosses[job] = min(leastLosses[job] ?? loss, loss)
      }
    } else {
      if status != nil { statusCount += 1 }
      status = nil
      isOpen = ArchiveReader.writer(of: archive.directory) != nil
    }
    let system = try? FileManager.default.attributesOfFileSystem(forPath: archive.directory)
    if let free = (system?[.systemFreeSize] as? NSNumber)?.doubleValue,
      let size = (system?[.systemSize] as? NSNumber)?.doubleValue, size > 0
    {
      freeDiskShare = free / size
    }
  }
}
