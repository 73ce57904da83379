import Episodes

// Which of a task's policies counts, and going back to an earlier one.

extension Plan {
  /// The jobs that train a task's policies, by iteration.
  public func policyJobs(of task: String) -> [(k: Int, job: Job)] {
    jobs.compactMap { job in
      guard job.task == task, let k = job.iteration, case .trainPolicy = job.work else {
        return nil
      }
      return (k, job)
    }.sorted { $0.k < $1.k }
  }

  /// The iterations of a task that a rollback has withdrawn: nothing of them is deleted, but what
  /// follows does not build on their networks.
  public func withdrawnIterations(of task: String) -> Set<Int> { withdrawn[task] ?? [] }

  /// The iteration whose policy is the task's current one: the last that is trained and not
  /// withdrawn; nil while there is none.
  public func currentIteration(of task: String) -> Int? {
    let withdrawn = withdrawnIterations(of: task)
    return policyJobs(of: task)
      .last { !withdrawn.contains($0.k) && checkpoint(of: $0.job.id) != nil }?.k
  }

  /// The checkpoint of a task's current policy, and its iteration; nil while there is none.
  public func currentPolicy(of task: String) -> (k: Int, checkpoint: ContentDigest)? {
    guard let k = currentIteration(of: task),
      let job = policyJobs(of: task).first(where: { $0.k == k })?.job,
      let checkpoint = checkpoint(of: job.id)
    else { return nil }
    return (k, checkpoint)
  }

  /// The value function by which a policy's training data were labelled; nil where there is none.
  public func valueCheckpoint(labelling policy: Job) -> ContentDigest? {
    guard case .trainPolicy(let work) = policy.work, let labels = work.labels.flatMap(job),
      case .label(let labelling) = labels.work
    else { return nil }
    return checkpoint(of: labelling.value)
  }

  /// Why a task's policy of iteration k cannot be made current; nil if it can.
  public func obstacle(toRollingBack task: String, to k: Int) -> String? {
    let policies = policyJobs(of: task)
    guard !policies.isEmpty else {
      let tasks = Set(jobs.compactMap(\.task)).sorted()
      return "the run has no task '\(task)'; it has \(tasks.joined(separator: ", "))"
    }
    let trained = policies.filter { checkpoint(of: $0.job.id) != nil }.map { "\($0.k)" }
    if trained.contains("\(k)") { return nil }
    return "task '\(task)' has no trained policy of iteration \(k); "
      + (trained.isEmpty ? "it has none yet" : "it has \(trained.joined(separator: ", "))")
  }

  /// Makes iteration k current: all later ones that are trained are withdrawn, earlier ones are not.
  /// What is not done yet builds on the current networks instead of withdrawn ones; a worker that is
  /// doing otherwise loses its lease.
  mutating func rollBack(_ task: String, to k: Int) -> [PlanCommand] {
    guard obstacle(toRollingBack: task, to: k) == nil else { return [] }
    withdrawn[task] = Set(
      policyJobs(of: task).filter { $0.k > k && checkpoint(of: $0.job.id) != nil }.map(\.k))
    var commands: [PlanCommand] = []
    for place in jobs.indices where jobs[place].task == task && records[place].result == nil {
      let standIns = standIns(for: jobs[place], current: k)
      if standIns == records[place].standIns { continue }
      records[place].standIns = standIns
      if let lease = records[place].lease {
        release(lease)
        enqueue(place)
        commands.append(.revoke(lease: lease))
      }
    }
    return commands + dispatch()
  }

  /// The jobs whose networks a job takes in place of those that it names: of the same part of the
  /// current iteration, where the named iteration is an earlier one than the job's and withdrawn.
  private func standIns(for job: Job, current: Int) -> [String: String] {
    guard let task = job.task, let iteration = job.iteration else { return [:] }
    var standIns: [String: String] = [:]
    for id in job.networks {
      guard let named = self.job(id), named.task == task, let k = named.iteration, k < iteration,
        withdrawnIterations(of: task).contains(k), let part = id.split(separator: "/").last
      else { continue }
      let standIn = "\(task)/\(current)/\(part)"
      if checkpoint(of: standIn) != nil { standIns[id] = standIn }
    }
    return standIns
  }

  /// The job whose checkpoint a job means by the name of another: that, or what stands in for it
  /// since a rollback.
  public func network(_ id: String, for job: String) -> String {
    places[job].flatMap { records[$0].standIns[id] } ?? id
  }

  func network(_ id: String, for place: Int) -> ContentDigest? {
    checkpoint(of: records[place].standIns[id] ?? id)
  }

  /// What a collect job asks of its policy. A policy that stands in for another is asked as it is
  /// asked elsewhere: one may know the indicator and the other not.
  func asked(_ work: CollectWork, _ place: Int) -> CollectWork {
    guard let standIn = work.policy.flatMap({ records[place].standIns[$0] }) else { return work }
    for job in jobs {
      guard case .collect(let own) = job.work, own.policy == standIn else { continue }
      var work = work
      work.indicator = own.indicator
      work.guidance = own.guidance
      return work
    }
    return work
  }
}

extension Job {
  /// The jobs whose checkpoints it acts with or begins from.
  fileprivate var networks: [String] {
    switch work {
    case .collect(let work): [work.policy].compactMap(\.self)
    case .trainValue(let work): [work.initial].compactMap(\.self)
    case .trainPolicy(let work): [work.initial].compactMap(\.self)
    case .estimateValues, .label: []
    }
  }
}
