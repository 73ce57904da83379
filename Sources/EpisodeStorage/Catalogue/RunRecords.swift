import Episodes
import Foundation
import RecapAlgorithm

/// What a run directory is for.
public struct RunDescription: Codable, Hashable, Sendable {
  /// The run's name.
  public var name: String
  /// The resolved configuration, as JSON.
  public var configuration: String
  /// The version of recap that started it.
  public var version: String
  /// When it was started.
  public var created: Date

  /// Tells this run apart from every other, also of the same name: 12 digits that stay the same for as long as the run's
  /// directory does, wherever it is moved.
  public var id: String {
    let milliseconds = Int64((created.timeIntervalSince1970 * 1000).rounded())
    return ContentDigest(hashing: Array("\(name)\n\(milliseconds)".utf8)).short
  }

  /// Describes a run that starts at `created`.
  public init(name: String, configuration: String, version: String, created: Date = Date()) {
    self.name = name
    self.configuration = configuration
    self.version = version
    self.created = created
  }
}

/// One entry of the plan's event log.
public struct EventRow: Hashable, Sendable {
  /// 1, 2, 3, … in the order of appending, without gaps.
  public var sequence: Int
  /// When it was appended.
  public var time: Date
  /// The event, as JSON.
  public var event: String

  public init(sequence: Int, time: Date, event: String) {
    self.sequence = sequence
    self.time = time
    self.event = event
  }
}

/// What a checkpoint's row holds.
public struct CheckpointRow: Hashable, Sendable {
  /// The job that trained it.
  public var job: String
  /// The checkpoint's manifest blob.
  public var digest: ContentDigest
  /// The network: "value" or "policy".
  public var kind: String
  /// The task, or nil for pre-training over all tasks.
  public var task: String?
  /// The iteration k, or nil in pre-training.
  public var iteration: Int?
  /// The last value of each training metric.
  public var metrics: [String: Double]
  /// When its job's result was accepted.
  public var storedAt: Date
}

/// What a label set's row holds.
public struct LabelSetRow: Hashable, Sendable {
  /// The label set's blob.
  public var digest: ContentDigest
  /// The task, or nil in pre-training over all tasks.
  public var task: String?
  /// The iteration k, or nil in pre-training.
  public var iteration: Int?
  /// What made it, its job included, and how its labels came out.
  public var metadata: LabelSetMetadata
  /// When its job's result was accepted.
  public var storedAt: Date

  /// A row with exactly these columns.
  public init(
    digest: ContentDigest, task: String?, iteration: Int?, metadata: LabelSetMetadata,
    storedAt: Date
  ) {
    self.digest = digest
    self.task = task
    self.iteration = iteration
    self.metadata = metadata
    self.storedAt = storedAt
  }
}

/// One value of one training metric.
public struct MetricSample: Hashable, Sendable {
  /// The job that reported it.
  public var job: String
  /// Units done when it was measured: gradient steps, episodes.
  public var step: Int
  /// Such as "loss".
  public var name: String
  /// NaN where training went wrong; stored as NULL.
  public var value: Double
  /// When it was reported.
  public var time: Date

  /// One measurement.
  public init(job: String, step: Int, name: String, value: Double, time: Date) {
    self.job = job
    self.step = step
    self.name = name
    self.value = value
    self.time = time
  }
}

/// An answer to an uploaded episode.
public struct StoredEpisode: Hashable, Sendable {
  /// The receipt of the episode that the archive holds under this id.
  public var receipt: EpisodeReceipt
  /// What this upload changed.
  public var novelty: Novelty

  /// What an upload changed.
  public enum Novelty: Hashable, Sendable {
    /// Stored by this upload.
    case new
    /// Stored before, the same bytes: nothing changed.
    case repeated
    /// Stored before with other bytes, which were kept: nothing changed, and these bytes were not
    /// used.
    case conflicting(rejected: ContentDigest)
  }
}

/// How much an archive holds.
public struct ArchiveCounts: Hashable, Sendable {
  /// Episodes.
  public var episodes: Int
  /// Blobs of every kind.
  public var blobs: Int
  /// Bytes of all blobs.
  public var bytes: Int
  /// Plan events.
  public var events: Int
  /// Checkpoints of finished jobs.
  public var checkpoints: Int
  /// Label sets of finished jobs.
  public var labelSets: Int
}
