import Episodes
import Foundation
import GRDB
import RecapAlgorithm

@testable import EpisodeStorage

/// A directory that lives as long as its test.
///
/// In memory where the system offers that: what survives `kill -9` is the same there, and flushing
/// does not wait for whatever else the machine's disk is doing.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    let memory = "/dev/shm"
    let parent =
      FileManager.default.isWritableFile(atPath: memory)
      ? memory : FileManager.default.temporaryDirectory.path
    path = "\(parent)/recap-archive-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

enum Fixture {
  static let embodiment = Embodiment(
    name: "test", proprioceptionWidth: 2, environmentStateWidth: 0, cameras: [], actionWidth: 1,
    controlRate: 10)
  static let run = RunDescription(
    name: "fixture", configuration: #"{"seed":1}"#, version: "0.0.1",
    created: Date(timeIntervalSince1970: 1_700_000_000))

  /// - Parameter interventions: One entry a step.
  static func episode(
    job: String = "espresso/1/collect/0", index: Int = 0, task: String = "espresso",
    robot: String = "left", iteration: Int? = 1, source: EpisodeSource = .corrected,
    policy: ContentDigest? = nil, seed: UInt64 = 1, outcome: Outcome = .success,
    reason: String? = nil, decidedAtStep: Int? = nil, mistakeAtStep: Int? = nil,
    stages: [StageScore]? = nil,
    interventions: [Bool] = [false, true, false]
  ) throws -> Episode {
    var episode = Episode(
      metadata: EpisodeMetadata(
        id: "\(job)#\(index)", job: job, index: index,
        task: TaskDescription(name: task, instruction: "make \(task)", maximumSteps: 100),
        embodiment: embodiment, robot: robot, iteration: iteration, source: source,
        policy: policy, guidance: 1.7, seed: seed, outcome: outcome, reason: reason,
        decidedAtStep: decidedAtStep, mistakeAtStep: mistakeAtStep, stages: stages,
        recordsImages: false,
        recordsEnvironmentState: false))
    for (step, intervention) in interventions.enumerated() {
      try episode.append(
        Observation(proprioception: [Float(step), Float(index)]), action: [0.5][...],
        intervention: intervention)
    }
    return episode
  }

  static func file(_ episode: Episode) throws -> [UInt8] { try EpisodeFile.serialize(episode) }
}

extension Archive {
  /// A setting of the connection that writes.
  func pragma(_ name: String) async throws -> String? {
    try await catalogue.writeWithoutTransaction {
      try String.fetchOne($0, sql: "PRAGMA \(name)")
    }
  }

  @discardableResult
  func put(_ episode: Episode) async throws -> EpisodeReceipt {
    try await putEpisode(id: episode.metadata.id, file: try Fixture.file(episode))
  }
}
