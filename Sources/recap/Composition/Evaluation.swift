import CollectorRole
import Configuration
import CoordinatorRole
import EpisodeStorage
import Episodes
import Executors
import Policies
import RecapAlgorithm

/// What `recap evaluate` was asked for; nil for what the run itself evaluated with.
struct EvaluationOptions: Sendable {
  /// The run's.
  var directory: String
  var task: String
  var iteration: Int?
  var guidance: [Float]
  var indicator: AdvantageIndicator?
  var executedActions: Int?
  var episodes: Int?
}

/// A policy tried in one way. The JSON keys are part of the command line's interface.
struct PolicyTrial: Encodable, Sendable {
  /// The job that trained it, such as "espresso/2/policy".
  var policy: String
  var indicator: AdvantageIndicator
  /// β.
  var guidance: Float
  /// Null for whole chunks.
  var executedActions: Int?
  var statistics: PracticeStatistics
}

extension Composition {
  /// Tries a run's policy, with all of the run's robots at a time.
  ///
  /// - Throws: `NothingSuch` for a task or iteration that has no policy.
  static func evaluate(_ options: EvaluationOptions) async throws -> [PolicyTrial] {
    Logs.bootstrap(.warning)
    let archive = try ArchiveReader(directory: options.directory)
    let configuration = try await RunConfiguration(of: archive)
    let plan = try await Plan(of: configuration, in: archive)
    let (job, work, digest) = try evaluation(of: plan, options)
    let works = (options.guidance.isEmpty ? [work.guidance] : options.guidance).map { guidance in
      var work = work
      work.guidance = guidance
      work.indicator = options.indicator ?? work.indicator
      work.executedActions = options.executedActions ?? work.executedActions
      return work
    }
    let episodes =
      options.episodes
      ?? configuration.tasks.first { $0.name == options.task }?.evaluationEpisodes ?? 100
    // Trial by trial, so that a robot that is done early helps with what is left of all.
    let queue = Locked(works.indices.flatMap { trial in (0..<episodes).map { (trial, $0) } }[...])
    let attempts = try await withThrowingTaskGroup(of: [Tried].self) { group in
      for settings in configuration.robots where settings.tasks?.contains(options.task) ?? true {
        group.addTask {
          try await attempt(
            queue, of: job, works, by: settings, of: configuration, policy: digest, in: archive)
        }
      }
      return try await group.reduce(into: [Tried]()) { $0 += $1 }
    }
    let open = attempts.count { $0.attempt.outcome == .unjudged }
    if open > 0 {
      say("\(open) of \(attempts.count) episodes were not judged by the robot, and are not counted")
    }
    return works.indices.compactMap { trial in
      PracticeStatistics(attempts.filter { $0.trial == trial }.map(\.attempt)).map {
        PolicyTrial(
          policy: work.policy ?? "", indicator: works[trial].indicator,
          guidance: works[trial].guidance, executedActions: works[trial].executedActions,
          statistics: $0)
      }
    }
  }

  /// One episode, and which trial it belongs to.
  private struct Tried: Sendable {
    var trial: Int
    var attempt: PracticeStatistics.Attempt
  }

  /// The job that evaluated the policy that is meant.
  private static func evaluation(
    of plan: Plan, _ options: EvaluationOptions
  ) throws -> (job: Job, work: CollectWork, policy: ContentDigest) {
    var known: [(job: Job, work: CollectWork, policy: ContentDigest)] = []
    for job in plan.jobs {
      guard case .collect(let work) = job.work, work.source == .evaluation, work.firstEpisode == 0,
        let policy = work.policy, let digest = plan.checkpoint(of: policy)
      else { continue }
      known.append((job, work, digest))
    }
    let ofTask = known.filter { $0.job.task == options.task }
    guard !ofTask.isEmpty else {
      throw NothingSuch(
        what: "task with a policy", wanted: options.task,
        known: Set(known.compactMap(\.job.task)).sorted())
    }
    // A rollback may have withdrawn newer ones.
    guard let iteration = options.iteration ?? plan.currentIteration(of: options.task) else {
      return ofTask[ofTask.count - 1]
    }
    guard let found = ofTask.first(where: { $0.job.iteration == iteration }) else {
      throw NothingSuch(
        what: "iteration of \(options.task) with a policy", wanted: "\(iteration)",
        known: ofTask.compactMap { $0.job.iteration.map { "\($0)" } })
    }
    return found
  }

  /// One robot's share of all episodes: one after the other, until the queue is empty.
  private static func attempt(
    _ queue: Locked<ArraySlice<(Int, Int)>>, of job: Job, _ works: [CollectWork],
    by settings: RobotSettings, of configuration: RunConfiguration, policy digest: ContentDigest,
    in archive: ArchiveReader
  ) async throws -> [Tried] {
    try await AttachedRobot.with(settings, of: configuration, logs: nil) { attached in
      var attempts: [Tried] = []
      guard let task = attached.tasks.first(where: { $0.name == job.task }) else {
        return attempts
      }
      let policy = try ActingPolicy(checkpoint: try await archive.checkpoint(digest))
      while let (trial, index) = queue.withLock({ $0.popFirst() }) {
        let attempt = Attempt(
          job: job, work: works[trial], index: index, task: task, policyDigest: digest,
          robotName: settings.name)
        let episode = try await attempt.episode(
          by: attached.robot, policy: policy, under: attached.terms)
        attempts.append(
          Tried(
            trial: trial,
            attempt: PracticeStatistics.Attempt(
              outcome: episode.metadata.outcome, steps: episode.count,
              controlRate: episode.metadata.embodiment.controlRate)))
      }
      return attempts
    }
  }
}
