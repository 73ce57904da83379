import Configuration
import EpisodeStorage
import Episodes
import Foundation
import Monitoring
import RecapAlgorithm

/// A line of the list of episodes.
public struct EpisodeLine: Codable, Hashable, Sendable {
  public var sequence: Int
  public var id: String
  public var task: String
  public var iteration: Int?
  public var source: EpisodeSource
  public var robot: String
  public var outcome: Outcome
  public var reason: String?
  public var steps: Int
  public var seconds: Double
  public var interventionShare: Double
  public var storedAt: Date

  init(_ listed: ListedEpisode) {
    let row = listed.row
    sequence = listed.sequence
    id = row.id
    task = row.task
    iteration = row.iteration
    source = row.source
    robot = row.robot
    outcome = row.outcome
    reason = row.reason
    steps = row.steps
    seconds = Double(row.steps) / row.controlRate
    interventionShare = Double(row.interventionSteps) / Double(max(row.steps, 1))
    storedAt = row.storedAt
  }
}

/// A page of the list.
public struct EpisodeList: Codable, Hashable, Sendable {
  public var episodes: [EpisodeLine]
  /// How many match in all.
  public var matching: Int
  /// Where the next page begins; nil on the last.
  public var before: Int?
}

/// One episode, for the player.
public struct EpisodeView: Codable, Hashable, Sendable {
  public var line: EpisodeLine
  public var instruction: String
  public var maximumSteps: Int
  public var controlRate: Double
  public var guidance: Float?
  /// The policy's checkpoint, shortened.
  public var policy: String?
  /// The step at which it was lost, where the robot said so.
  public var decidedAt: Int?
  /// What counts of its stages and criteria.
  public var stages: [StageScore]?
  /// Empty where no frames were recorded.
  public var cameras: [Camera]
  /// Stretches [first, last] of steps that a person corrected.
  public var corrected: [[Int]]
  /// Stretches labelled positive; nil without labels.
  public var positive: [[Int]]?
  /// Stretches of a subtask.
  public var subtasks: [Subtask]
  /// V(o_t), in [−1, 0]; nil where no value function knows the task.
  public var values: [Float]?
  /// A_t; nil without labels.
  public var advantages: [Float]?
  /// ε of those labels.
  public var threshold: Float?
  /// Whose V it is.
  public var origin: String?
  public var drops: [ValueDrop]
  /// How it ended as its recording says; `line.outcome` is what counts.
  public var recorded: Outcome
  /// What people have said of it since, oldest first.
  public var ratings: [RunTimeline.Rating] = []
  /// What episodes of its task are judged by.
  public var criteria: [CriterionSettings] = []
  /// Why a value function could not be asked.
  public var missing: String?

  public struct Subtask: Codable, Hashable, Sendable {
    public var name: String
    public var first: Int
    public var last: Int
  }

  init(
    _ row: EpisodeRow, _ episode: Episode, values: [Float]?, labels: EpisodeLabels?,
    threshold: Float?, origin: String?
  ) {
    let metadata = episode.metadata
    line = EpisodeLine(ListedEpisode(sequence: 0, row: row))
    recorded = row.recordedOutcome
    instruction = metadata.task.instruction
    maximumSteps = metadata.task.maximumSteps
    controlRate = metadata.embodiment.controlRate
    guidance = metadata.guidance
    policy = row.policy?.short
    decidedAt = metadata.decidedAtStep
    stages = row.stages
    cameras = metadata.recordsImages ? metadata.embodiment.cameras : []
    corrected =
      metadata.source == .demonstration ? [] : Self.stretches(of: episode.interventions)
    positive = labels.map { Self.stretches(of: $0.positives) }
    subtasks = Self.subtasks(of: episode)
    self.values = values
    advantages = labels?.advantages
    self.threshold = labels == nil ? nil : threshold
    self.origin = origin
    drops = values.map { ValueDrops.largest(in: $0) } ?? []
  }

  /// Where a column is true, as [first, last].
  static func stretches(of column: [Bool]) -> [[Int]] {
    var found: [[Int]] = []
    for (step, value) in column.enumerated() where value {
      if let last = found.last, last[1] == step - 1 {
        found[found.count - 1][1] = step
      } else {
        found.append([step, step])
      }
    }
    return found
  }

  private static func subtasks(of episode: Episode) -> [Subtask] {
    let names = episode.metadata.task.subtasks
    var found: [Subtask] = []
    for (step, index) in episode.subtasks.enumerated() {
      guard names.indices.contains(Int(index)) else { continue }
      let name = names[Int(index)]
      if let last = found.last, last.name == name, last.last == step - 1 {
        found[found.count - 1].last = step
      } else {
        found.append(Subtask(name: name, first: step, last: step))
      }
    }
    return found
  }
}
