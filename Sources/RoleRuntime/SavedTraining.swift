import DurableFiles
import Episodes
import Foundation
import Logging
import Messaging
import RecapAlgorithm

/// Where a learner keeps the state of the training at hand, so that a crash or a restart costs the
/// time since it was last saved instead of the whole job.
public struct TrainingShelf: Sendable {
  let directory: String
  let interval: Duration
  let log: Logger

  /// - Parameters:
  ///   - directory: Learners may share one, so that any of them can go on with a job; made when
  ///     something is saved first.
  ///   - interval: Between two savings.
  public init(
    directory: String, interval: Duration = .seconds(30),
    log: Logger = Logger(label: "recap.training")
  ) {
    self.directory = directory
    self.interval = interval
    self.log = log
  }

  /// The place for one job's training. The same job with the same inputs finds it again.
  ///
  /// - Parameter configuration: The run's, as JSON.
  public func place(for order: JobOrder, configuration: String) throws -> SavedTraining {
    // The same job has another lease after a restart.
    var key = order
    key.lease = ""
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let digest = ContentDigest(hashing: Array(try encoder.encode(key)) + Array(configuration.utf8))
    return SavedTraining(shelf: self, name: digest.short, job: order.job.id)
  }
}

/// One training's saved state: a file that is replaced as a whole or not at all.
public struct SavedTraining: Sendable {
  let shelf: TrainingShelf
  let name: String
  let job: String

  private var path: String { "\(shelf.directory)/\(name).safetensors" }

  /// Lets the training go on from what was saved. A state that does not fit is reported and left
  /// out: the training then starts from its beginning.
  func restore(_ training: some Training) throws {
    guard let state = try DurableFile.read(path) else { return }
    do {
      try training.restore(state)
      shelf.log.info("\(job) goes on from step \(training.stepsDone)")
    } catch {
      shelf.log.warning("\(job) starts from its beginning: \(error)")
    }
  }

  func save(_ training: some Training) throws {
    try FileManager.default.createDirectory(
      atPath: shelf.directory, withIntermediateDirectories: true)
    try DurableFile.write(try training.state(), to: path)
  }

  /// Forgets the state, once the job's result is in the archive.
  public func remove() throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    try FileManager.default.removeItem(atPath: path)
  }
}
