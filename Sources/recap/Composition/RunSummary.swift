import Configuration
import CoordinatorRole
import EpisodeStorage
import Episodes
import Foundation
import Monitoring
import RecapAlgorithm

/// How a run is, and what its tasks' policies came from: `recap runs`.
struct RunSummary: Encodable {
  var directory: String
  var run: String
  var id: String
  var seed: UInt64
  /// Of recap, when the run began.
  var version: String
  var created: Date
  var state: RunState
  /// Why it cannot go on; nil unless it failed.
  var failure: String?
  /// The process that writes to it, in words.
  var writer: String?
  var jobs: Int
  var jobsDone: Int
  var episodes: Int
  var bytes: Int
  /// Other runs whose results it took over.
  var sharedWith: [String]
  /// By name.
  var tasks: [TaskLineage]

  /// A task's policies.
  struct TaskLineage: Encodable {
    var task: String
    /// The iteration whose policy counts; nil before there is one.
    var current: Int?
    var iterations: [IterationLineage]
  }

  /// One iteration's policy and what it was made from.
  struct IterationLineage: Encodable {
    var k: Int
    /// "current", "earlier", "withdrawn" by a rollback, or "unfinished".
    var state: String
    /// The checkpoint's digest.
    var policy: String?
    /// The job whose policy it was trained from; nil for random weights.
    var trainedFrom: String?
    /// The value function that judged its training data.
    var value: String?
    /// The label set that it was trained with.
    var labels: String?
    /// Episodes that it was trained on.
    var trainingEpisodes: Int
    /// The run that it was taken from; nil for one of this run's own.
    var sharedFrom: String?
  }

  /// Of the run in a directory; works beside a run that goes on.
  ///
  /// - Throws: What keeps its archive from being read.
  init(ofRunAt directory: String) async throws {
    let archive = try Composition.archive(ofRunAt: directory)
    let description = try await archive.run()
    let configuration = try RunConfiguration(resolvedJSON: description.configuration)
    let plan = try await Plan(of: configuration, in: archive)
    let counts = try await archive.counts()
    self.directory = directory
    run = description.name
    id = description.id
    seed = configuration.seed
    version = description.version
    created = description.created
    writer = ArchiveReader.writer(of: directory)
    failure = plan.failure
    state = RunState(of: plan, isOpen: writer != nil)
    jobs = plan.jobs.count
    jobsDone = plan.jobsDone
    episodes = counts.episodes
    bytes = counts.bytes
    sharedWith = Set(plan.jobs.compactMap { plan.origin(of: $0.id) }).sorted()
    tasks = configuration.tasks.map(\.name).sorted().map { TaskLineage(of: $0, in: plan) }
  }
}

extension RunSummary.TaskLineage {
  init(of task: String, in plan: Plan) {
    self.task = task
    let current = plan.currentIteration(of: task)
    self.current = current
    let withdrawn = plan.withdrawnIterations(of: task)
    iterations = plan.policyJobs(of: task).map { k, job in
      let maker = plan.maker(of: job)
      let order = plan.order(for: maker.id, lease: "")
      var trainedFrom: String?
      if case .trainPolicy(let work) = job.work {
        trainedFrom = work.initial.map { plan.network($0, for: job.id) }
      }
      let policy = plan.checkpoint(of: job.id)
      return RunSummary.IterationLineage(
        k: k,
        state: policy == nil
          ? "unfinished"
          : withdrawn.contains(k) ? "withdrawn" : k == current ? "current" : "earlier",
        policy: policy?.rawValue, trainedFrom: trainedFrom,
        value: plan.valueCheckpoint(labelling: maker)?.rawValue, labels: order?.labels?.rawValue,
        trainingEpisodes: order?.dataset.count ?? 0, sharedFrom: plan.origin(of: job.id))
    }
  }
}

extension Plan {
  /// The job that trained a job's policy: another one where it has no steps and hands on what it was given.
  fileprivate func maker(of job: Job) -> Job {
    guard case .trainPolicy(let work) = job.work, work.training.steps == 0,
      let initial = work.initial.flatMap({ self.job(network($0, for: job.id)) })
    else { return job }
    return maker(of: initial)
  }
}
