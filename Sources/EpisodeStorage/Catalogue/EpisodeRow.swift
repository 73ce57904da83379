import Episodes
import Foundation
import GRDB
import RecapAlgorithm

/// What the catalogue knows of an episode: everything that queries and reports need without opening
/// its blob.
public struct EpisodeRow: Codable, Hashable, Sendable {
  /// Unique within the run: "<job>#<index>".
  public var id: String
  /// The episode file's digest.
  public var digest: ContentDigest
  /// The job that asked for it.
  public var job: String
  /// The job's stage: its id without a final number, so "espresso/1/autonomous" for
  /// "espresso/1/autonomous/0".
  public var stage: String
  /// Its place among that stage's episodes.
  public var index: Int
  /// The task's name.
  public var task: String
  /// The iteration k whose job asked for it; nil for demonstrations.
  public var iteration: Int?
  /// Who was meant to act.
  public var source: EpisodeSource
  /// The robot's name.
  public var robot: String
  /// The checkpoint of the policy that acted; nil for demonstrations.
  public var policy: ContentDigest?
  /// Guidance β used while acting; nil for demonstrations.
  public var guidance: Float?
  /// Seed of the episode's start and of the policy's noise.
  @DecimalText public var seed: UInt64
  /// How it ended: what people have said since, or else what was recorded.
  public var outcome: Outcome
  /// How it ended as its recording says.
  public var recordedOutcome: Outcome
  /// Why it ended so, in words for people; nil where nobody said.
  public var reason: String?
  /// Where it failed: the step, from 0, whose action put success out of reach; nil where nobody said.
  public var decidedAtStep: Int?
  /// The step at which the mistake that decided it began; nil where `decidedAtStep` is.
  public var mistakeAtStep: Int?
  /// What came of the task's scored stages and criteria, as far as anybody says: what people have said
  /// since, otherwise as recorded; nil where nobody says anything.
  public var stages: [StageScore]?
  /// What the robot said of its scored stages; nil where it has none.
  public var recordedStages: [StageScore]?
  /// Steps, T.
  public var steps: Int
  /// Steps whose action a person chose.
  public var interventionSteps: Int
  /// Control steps per second.
  public var controlRate: Double
  /// Size of the episode file.
  public var bytes: Int
  /// When the archive stored it.
  public var storedAt: Date

  /// The row that belongs to an episode file.
  ///
  /// - Parameter episode: The file's contents; `digest` and `bytes` are the file's own.
  public init(_ episode: Episode, digest: ContentDigest, bytes: Int, storedAt: Date) {
    let metadata = episode.metadata
    id = metadata.id
    self.digest = digest
    job = metadata.job
    stage = Self.stage(ofJob: metadata.job)
    index = metadata.index
    task = metadata.task.name
    iteration = metadata.iteration
    source = metadata.source
    robot = metadata.robot
    policy = metadata.policy
    guidance = metadata.guidance
    _seed = DecimalText(wrappedValue: metadata.seed)
    outcome = metadata.outcome
    recordedOutcome = metadata.outcome
    reason = metadata.reason
    decidedAtStep = metadata.decidedAtStep
    mistakeAtStep = metadata.mistakeAtStep
    stages = metadata.stages
    recordedStages = metadata.stages
    steps = episode.count
    interventionSteps = episode.interventionCount
    controlRate = metadata.embodiment.controlRate
    self.bytes = bytes
    self.storedAt = storedAt
  }

  /// The archive's word that the episode is durable.
  public var receipt: EpisodeReceipt {
    EpisodeReceipt(
      id: id, index: index, digest: digest, steps: steps, interventionSteps: interventionSteps,
      outcome: recordedOutcome)
  }

  /// Slices of one stage are numbered: their ids differ in a final number only.
  static func stage(ofJob job: String) -> String {
    guard let slash = job.lastIndex(of: "/"),
      case let last = job[job.index(after: slash)...],
      !last.isEmpty, last.allSatisfy({ $0.isASCII && $0.isNumber })
    else { return job }
    return String(job[..<slash])
  }
}

extension EpisodeRow {
  /// What is known when an episode is stored: the columns in the table's order, with their values.
  var columns: [(name: String, value: (any DatabaseValueConvertible)?)] {
    [
      ("id", id), ("digest", digest.rawValue), ("job", job), ("stage", stage),
      ("episode_index", index), ("task", task), ("iteration", iteration),
      ("source", source.rawValue), ("robot", robot), ("policy", policy?.rawValue),
      // Through text, so that the column reads 1.7 and not 1.70000005.
      ("guidance", guidance.flatMap { Double(String($0)) }), ("seed", String(seed)),
      ("outcome", recordedOutcome.rawValue), ("steps", steps),
      ("intervention_steps", interventionSteps), ("control_rate", controlRate),
      ("bytes", bytes), ("stored_at", storedAt.timeIntervalSince1970), ("reason", reason),
      ("decided_at_step", decidedAtStep), ("stages", recordedStages.flatMap { try? jsonText($0) }),
      ("mistake_at_step", mistakeAtStep),
    ]
  }

  func insert(_ database: Database) throws {
    let names = columns.map(\.name).joined(separator: ", ")
    let places = columns.map { _ in "?" }.joined(separator: ", ")
    try database.execute(
      sql: "INSERT INTO episodes (\(names)) VALUES (\(places))",
      arguments: StatementArguments(columns.map(\.value)))
  }

  /// - Throws: `ArchiveError.malformedRow` for a value that no episode can have.
  init(_ row: Row) throws {
    let cells = RowReader(row, table: "episodes")
    id = try cells["id"]
    digest = try cells.digest("digest")
    job = try cells["job"]
    stage = try cells["stage"]
    index = try cells["episode_index"]
    task = try cells["task"]
    iteration = try cells.optional("iteration")
    source = try cells.raw("source")
    robot = try cells["robot"]
    policy = try cells.optionalDigest("policy")
    guidance = try cells.optional("guidance", as: Double.self).map { Float($0) }
    let seedText: String = try cells["seed"]
    guard let seed = UInt64(seedText) else { throw cells.malformed("seed") }
    _seed = DecimalText(wrappedValue: seed)
    recordedOutcome = try cells.raw("outcome")
    // A reader may meet a catalogue from before there were these columns.
    let isJudged =
      try row.hasColumn("verdict") && cells.optional("verdict", as: String.self) != nil
    outcome = isJudged ? try cells.raw("verdict") : recordedOutcome
    reason = row.hasColumn("reason") ? try cells.optional("reason") : nil
    decidedAtStep =
      row.hasColumn("decided_at_step") ? try cells.optional("decided_at_step") : nil
    mistakeAtStep =
      row.hasColumn("mistake_at_step") ? try cells.optional("mistake_at_step") : nil
    func scores(_ column: String) throws -> [StageScore]? {
      row.hasColumn(column) ? try cells.optionalJSON(column) : nil
    }
    recordedStages = try scores("stages")
    stages = try scores("criteria") ?? recordedStages
    steps = try cells["steps"]
    interventionSteps = try cells["intervention_steps"]
    controlRate = try cells["control_rate"]
    bytes = try cells["bytes"]
    storedAt = try cells.date("stored_at")
  }
}
