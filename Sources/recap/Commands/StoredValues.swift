import EpisodeStorage
import Episodes
import Monitoring
import Policies
import RecapAlgorithm
import RoleRuntime

/// V over one episode, as a run stored it or as one of its value functions sees it now.
struct StoredValues {
  /// V(o_t), [T].
  var values: [Float]
  /// What the label set says of the episode; nil where a value function was asked.
  var labels: EpisodeLabels?
  /// Where they come from, in words.
  var origin: String

  /// The values that a person asks for.
  ///
  /// - Parameter choice: A label set's or value checkpoint's job, such as "espresso/2/labels" or
  ///   "espresso/2/value", or an iteration k for the labels of k, 0 for pre-training's. Nil for the newest label set that
  ///   holds the episode, and where none does, as with evaluation episodes, the task's newest value
  ///   checkpoint.
  /// - Throws: `NothingSuch`, `NotLabelled`, `NoValues`.
  init(
    of row: EpisodeRow, episode: Episode, choice: String?, in archive: ArchiveReader
  ) async throws {
    let sets = try await archive.labelSets().filter { $0.metadata.tasks[row.task] != nil }
    let checkpoints = try await archive.valueCheckpoints(of: row.task)
    if let choice {
      let k = Int(choice)
      let job = k.flatMap { sets.last(ofIteration: $0)?.metadata.job } ?? choice
      if let set = sets.last(where: { $0.metadata.job == job }) {
        guard let labels = try await archive.labels(set).episodes[row.digest] else {
          throw NotLabelled(episode: row.id, job: job, checkpoints: checkpoints.map(\.job))
        }
        self.init(labels, of: set)
      } else if let checkpoint = checkpoints.last(where: { $0.job == job }) {
        try await self.init(episode, by: checkpoint, in: archive)
      } else {
        throw NothingSuch(
          what: "label set or value checkpoint for \(row.task)", wanted: choice,
          known: sets.map(\.metadata.job) + checkpoints.map(\.job))
      }
      return
    }
    for set in sets.reversed() {
      if let labels = try await archive.labels(set).episodes[row.digest] {
        self.init(labels, of: set)
        return
      }
    }
    guard let checkpoint = try await archive.newestValueCheckpoint(of: row.task) else {
      throw NoValues(episode: row.id)
    }
    try await self.init(episode, by: checkpoint, in: archive)
  }

  private init(_ labels: EpisodeLabels, of set: LabelSetRow) {
    self.init(values: labels.values, labels: labels, origin: "label set \(set.metadata.job)")
  }

  private init(
    _ episode: Episode, by checkpoint: CheckpointRow, in archive: ArchiveReader
  ) async throws {
    let value = try await archive.valueFunction(checkpoint)
    self.init(
      values: try value.values(of: episode), labels: nil,
      origin: "value checkpoint \(checkpoint.job)")
  }

  private init(values: [Float], labels: EpisodeLabels?, origin: String) {
    self.values = values
    self.labels = labels
    self.origin = origin
  }
}

extension [LabelSetRow] {
  /// The newest label set of an iteration k; 0 is pre-training's.
  func last(ofIteration k: Int) -> LabelSetRow? { last { ($0.iteration ?? 0) == k } }
}

extension ArchiveReader {
  /// The value checkpoints that know a task, oldest first.
  func valueCheckpoints(of task: String) async throws -> [CheckpointRow] {
    try await checkpoints().filter { $0.kind == "value" && ($0.task == nil || $0.task == task) }
  }

  /// A task's own newest value checkpoint, or pre-training's where it has none yet.
  func newestValueCheckpoint(of task: String) async throws -> CheckpointRow? {
    let all = try await valueCheckpoints(of: task)
    return all.last { $0.task == task } ?? all.last
  }

  /// The value function of a checkpoint.
  func valueFunction(_ row: CheckpointRow) async throws -> ValueFunction {
    try ValueFunction(checkpoint: try await checkpoint(row.digest))
  }

  /// A checkpoint's files.
  func checkpoint(_ digest: ContentDigest) async throws -> CheckpointFiles {
    let manifest = try CheckpointManifest(parsing: try await blob(digest))
    var files: [String: [UInt8]] = [:]
    for (name, digest) in manifest.files { files[name] = try await blob(digest) }
    return CheckpointFiles(files: files)
  }
}

/// An episode that a label set does not hold.
struct NotLabelled: Error, CustomStringConvertible {
  var episode: String
  var job: String
  var checkpoints: [String]

  var description: String {
    "the label set \(job) does not hold \(episode): evaluation episodes are never labelled, others "
      + "only from their own iteration on"
      + (checkpoints.isEmpty
        ? ""
        : "; a value function can be asked instead: --values \(checkpoints.joined(separator: ", "))")
  }
}

/// An episode from before the run had a value function for its task.
struct NoValues: Error, CustomStringConvertible {
  var episode: String

  var description: String {
    "the run has neither labels nor a value function for \(episode) yet; "
      + "the first are there after pre-training"
  }
}
