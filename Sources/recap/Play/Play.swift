import CollectorRole
import Configuration
import CoordinatorRole
import DurableFiles
import EpisodeStorage
import Episodes
import Foundation
import Policies
import RecapAlgorithm
import Robots

/// What a person plays, and what becomes of it.
struct PlayOptions: Sendable {
  var task: String
  var seed: UInt64
  var episodes: Int
  var speed: Double
  /// The side of recorded camera images; nil for none.
  var cameras: Int?
  /// Where episodes are recorded; nil for nowhere.
  var folder: String?
  /// The run whose current policy acts until the person takes over; nil for a person alone.
  var run: String?
}

extension Composition {
  /// Lets a person play at the terminal until they have had enough.
  ///
  /// - Returns: How each finished episode ended.
  /// - Throws: `NoTerminal`; what reading the run or writing an episode throws.
  static func play(_ options: PlayOptions, in terminal: any PlayTerminal) async throws -> [Episode]
  {
    var cameras = options.cameras
    var environmentState = true
    var actor: PlayedPolicy?
    if let run = options.run {
      let found = try await PlayedPolicy(of: run, task: options.task)
      cameras = found.robot.observation.cameras.pixels
      environmentState = found.robot.observation.environmentState
      actor = found
    }
    let model = try WorkcellRobot(
      name: "keyboard", tasks: [options.task], cameras: cameras, environmentState: environmentState)
    let robot = PlayedWorkcell(
      like: model, cameras: cameras, terminal: terminal,
      colours: PlayScreen.Colours(ProcessInfo.processInfo.environment), speed: options.speed)
    let first = try options.folder.map { try PlayedFiles.nextNumber(in: $0) } ?? 0
    var played: [Episode] = []
    do {
      for number in first..<first + options.episodes {
        let job = Job(
          id: "played/\(options.task)", task: options.task, iteration: actor?.iteration,
          seed: options.seed,
          work: .collect(
            actor?.work
              ?? CollectWork(
                source: .demonstration, policy: nil, guidance: 1, firstEpisode: 0,
                episodeCount: options.episodes, stage: "played/\(options.task)")))
        guard case .collect(let work) = job.work else { break }
        let attempt = CollectorRole.Attempt(
          job: job, work: work, index: number, task: model.tasks[0],
          policyDigest: actor?.checkpoint, robotName: model.name)
        let episode = try await attempt.episode(by: robot, policy: actor?.policy)
        if let folder = options.folder {
          try PlayedFiles.write(episode, number: number, to: folder)
        }
        played.append(episode)
        if await robot.isLeaving { break }
      }
    } catch is PlayEnded {
      // That is how one leaves.
    }
    return played
  }
}

/// A run's policy that acts while a person watches.
private struct PlayedPolicy {
  var policy: ActingPolicy
  var checkpoint: ContentDigest
  /// Of the iteration that this practice would be for.
  var iteration: Int
  var work: CollectWork
  var robot: RobotSettings

  /// - Throws: `NothingSuch` for a task without a policy; `NoWorkcell`.
  init(of directory: String, task: String) async throws {
    let archive = try ArchiveReader(directory: directory)
    let configuration = try await RunConfiguration(of: archive)
    guard let robot = configuration.robots.first(where: { $0.kind == .workcell }) else {
      throw NoWorkcell(directory: directory)
    }
    let plan = try await Plan(of: configuration, in: archive)
    guard let current = plan.currentPolicy(of: task) else {
      throw NothingSuch(
        what: "task with a policy", wanted: task,
        known: configuration.tasks.map(\.name).filter { plan.currentPolicy(of: $0) != nil })
    }
    let name = "\(task)/\(current.k)/policy"
    let works = plan.jobs.compactMap { job -> CollectWork? in
      if case .collect(let work) = job.work, work.policy == name { work } else { nil }
    }
    guard var work = works.first else {
      throw NothingSuch(what: "robot's work with the policy", wanted: name, known: [])
    }
    work.source = .corrected
    self.work = work
    self.robot = robot
    iteration = current.k + 1
    checkpoint = current.checkpoint
    policy = try ActingPolicy(checkpoint: try await archive.checkpoint(current.checkpoint))
  }
}

/// Episodes as files of a folder, as every driver records them.
enum PlayedFiles {
  /// One after the last that there is.
  static func nextNumber(in folder: String) throws -> Int {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let numbers = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { name in
      name.wholeMatch(of: /episode_(\d+)\.safetensors/).flatMap { Int($0.1) }
    }
    return numbers.max().map { $0 + 1 } ?? 0
  }

  static func write(_ episode: Episode, number: Int, to folder: String) throws {
    let digits = String(number)
    let name = "episode_" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    try DurableFile.write(
      try EpisodeFile.serialize(episode), to: "\(folder)/\(name).safetensors")
  }
}

/// A run whose robots are not the built-in workcell.
struct NoWorkcell: Error, CustomStringConvertible {
  var directory: String

  var description: String {
    "recap play is for the built-in workcell; the robots of \(directory) are driven by drivers of their own, "
      + "which have their own controls"
  }
}
