import Episodes

// What a plan tells those who report on it.

/// Where a job is.
public enum JobState: Hashable, Sendable {
  /// It needs the results of these jobs first.
  case blocked(on: [String])
  /// A worker may have it.
  case queued
  /// It waits until some of so many episodes are judged: see `JudgingPolicy`.
  case held(unjudged: Int)
  case running(worker: String, lease: String)
  case done
}

/// How far a stage is: a collect stage with all its slices, labelling with all its shards, or one job
/// of learning.
public struct StageProgress: Hashable, Sendable {
  /// Such as "espresso/1/autonomous".
  public var stage: String
  public var role: WorkerRole
  /// Nil in pre-training.
  public var task: String?
  /// Nil in pre-training and for demonstrations.
  public var iteration: Int?
  public var jobs: Int
  public var jobsRunning: Int
  /// Those that a free worker may have.
  public var jobsReady: Int
  public var jobsDone: Int
  /// 0 unless it is a collect stage, or labelling in shards.
  public var episodes: Int
  /// Of finished jobs.
  public var episodesDone: Int
}

/// A live lease.
public struct LeaseStatus: Hashable, Sendable {
  public var lease: String
  public var job: String
  public var worker: String
  public var incarnation: String
}

extension Plan {
  /// Whether nothing has happened yet.
  public var isPristine: Bool { eventCount == 0 }

  /// Whether every job is done.
  public var isFinished: Bool { doneCount == jobs.count }

  /// Every worker that has a say here, or about which a person has said something.
  public var knownWorkers: Set<String> {
    Set(workers.keys).union(invitations.keys).union(paused).union(removed)
  }

  /// The job of this id, if there is one.
  public func job(_ id: String) -> Job? { places[id].map { jobs[$0] } }

  /// Where a job is; nil for an unknown id.
  public func state(of id: String) -> JobState? {
    guard let place = places[id] else { return nil }
    let record = records[place]
    if record.result != nil { return .done }
    if let lease = record.lease, let held = leases[lease] {
      return .running(worker: held.worker, lease: lease)
    }
    if record.missing == 0 {
      let held = heldBy(place)
      return held == 0 ? .queued : .held(unjudged: held)
    }
    return .blocked(on: jobs[place].dependencies.filter { result(of: $0) == nil })
  }

  /// What a job gave; nil until it is done.
  public func result(of id: String) -> JobResult? { places[id].flatMap { records[$0].result } }

  /// What every finished job gave, by id.
  public var results: [String: JobResult] {
    var results: [String: JobResult] = [:]
    for (job, record) in zip(jobs, records) { results[job.id] = record.result }
    return results
  }

  /// The jobs whose results were taken from other runs.
  public var adoptedWork: SharedWork {
    SharedWork(zip(jobs, records).filter { $0.1.origin != nil }.map(\.0))
  }

  /// The run that a job's result was taken from; nil for one of this run, or none.
  public func origin(of id: String) -> String? { places[id].flatMap { records[$0].origin } }

  /// The checkpoint that a job trained; nil until it is done or if it trains none.
  public func checkpoint(of id: String) -> ContentDigest? {
    if case .checkpoint(let digest, _) = result(of: id) { digest } else { nil }
  }

  /// The values that a job estimated for a shard; nil until it is done or if it estimates none.
  public func values(of id: String) -> ContentDigest? {
    if case .values(let digest) = result(of: id) { digest } else { nil }
  }

  /// The label set that a job made; nil until it is done or if it makes none.
  public func labels(of id: String) -> (digest: ContentDigest, metadata: LabelSetMetadata)? {
    if case .labels(let digest, let metadata) = result(of: id) { (digest, metadata) } else { nil }
  }

  /// The episodes of a finished collect job, by index; empty otherwise.
  public func receipts(of id: String) -> [EpisodeReceipt] {
    if case .episodes(let receipts) = result(of: id) { receipts } else { [] }
  }

  /// The episodes of a stage's finished jobs, by index.
  public func receipts(ofStage stage: String) -> [EpisodeReceipt] {
    jobs.filter { $0.stage == stage }.flatMap { receipts(of: $0.id) }
      .sorted { $0.index < $1.index }
  }

  /// Every stage, in the order of its first job.
  public var stages: [StageProgress] {
    var stages: [StageProgress] = []
    var places: [String: Int] = [:]
    for (index, (job, record)) in zip(jobs, records).enumerated() {
      let place = places[job.stage] ?? stages.count
      if place == stages.count {
        places[job.stage] = place
        stages.append(
          StageProgress(
            stage: job.stage, role: job.role, task: job.task, iteration: job.iteration, jobs: 0,
            jobsRunning: 0, jobsReady: 0, jobsDone: 0, episodes: 0, episodesDone: 0))
      }
      let isDone = record.result != nil
      stages[place].jobs += 1
      stages[place].jobsRunning += record.lease == nil ? 0 : 1
      stages[place].jobsDone += isDone ? 1 : 0
      if !isDone, record.lease == nil, record.missing == 0, heldBy(index) == 0 {
        stages[place].jobsReady += 1
      }
      stages[place].episodes += job.episodeCount
      stages[place].episodesDone += isDone ? job.episodeCount : 0
    }
    return stages
  }

  /// The finished and all jobs.
  public var jobsDone: Int { doneCount }

  /// The leases that are live, by name.
  public var liveLeases: [LeaseStatus] {
    leases.compactMap { name, lease in
      workers[lease.worker].map {
        LeaseStatus(
          lease: name, job: jobs[lease.job].id, worker: lease.worker, incarnation: $0.incarnation)
      }
    }.sorted { $0.lease < $1.lease }
  }

  /// Whether a worker waits for a job already: `.jobWanted` from it would change nothing, so it
  /// need not be stored.
  public func isWaiting(_ worker: String, incarnation: String) -> Bool {
    workers[worker]?.incarnation == incarnation && waiting.contains(worker)
  }

  /// Workers that have not been heard since the coordinator started again, by name.
  public var unheardWorkers: [(worker: String, incarnation: String)] {
    workers.filter { !$0.value.isHeard }.map { ($0.key, $0.value.incarnation) }
      .sorted { $0.0 < $1.0 }
  }
}
