import Episodes

/// Algorithm 1 as jobs.
///
/// ```
/// <task>/demonstrations/<slice>
/// pretrain/value       V over all demonstrations
/// pretrain/labels      N = T
/// pretrain/policy
/// <task>/0/value       from pretrain/value; only where iterations continue from the last one
/// <task>/0/policy      SFT on the task's demonstrations, every indicator positive, from pretrain/policy
/// <task>/0/evaluate/<slice>
/// <task>/k/autonomous/<slice>, <task>/k/corrected/<slice>     practice with the policy of k − 1
/// <task>/k/value       all the task's episodes so far but evaluations, from pretrain/value
/// <task>/k/labels      N = method.lookahead
/// <task>/k/policy      from pretrain/policy
/// <task>/k/evaluate/<slice>
/// ```
///
/// Where the policy's extraction needs no labels there is no V either; without pre-training each
/// task's networks begin at random weights. A task that is not specialised to has demonstrations
/// alone. Evaluation episodes are in no dataset. The slices of a stage are of nearly equal size.
/// Where labelling is divided, `<task>/k/labels/<shard>` come before `<task>/k/labels`.
public enum Schedule {
  /// What pre-training's jobs have in place of a task's name.
  static let pretraining = "pretrain"

  /// The run's jobs, each after those that it needs, in the order in which a free worker takes
  /// them.
  ///
  /// Practice comes before any evaluation, so that learners wait as little as possible and robots
  /// evaluate while learners train; tasks take turns.
  ///
  /// - Parameter settings: Without problems.
  public static func jobs(for settings: ScheduleSettings) -> [Job] {
    if let problem = settings.problems.first { preconditionFailure("\(problem)") }
    let tasks = settings.tasks.map { TaskJobs(task: $0, settings: settings) }
    var jobs = interleaved(tasks.map(\.demonstrations))
    if settings.pretraining { jobs += pretraining(jobs.map(\.id), settings) }
    let specialised = tasks.filter(\.task.specialize)
    for iteration in 0...settings.iterations {
      jobs += interleaved(specialised.map { $0.practice(iteration) })
      jobs += interleaved(specialised.map { $0.learning(iteration) })
    }
    for iteration in 0...settings.iterations {
      jobs += interleaved(specialised.map { $0.evaluation(iteration) })
    }
    return sharded(jobs, settings)
  }

  private static func pretraining(_ demonstrations: [String], _ settings: ScheduleSettings) -> [Job]
  {
    let extraction = settings.method.extraction.first
    let policy = job(
      "\(pretraining)/policy", settings,
      .trainPolicy(
        TrainPolicyWork(
          dataset: demonstrations, initial: nil, extraction: extraction,
          labels: extraction.needsLabels ? "\(pretraining)/labels" : nil,
          training: settings.training.policyPretrain, method: settings.method)))
    guard extraction.needsLabels else { return [policy] }
    let shares = settings.tasks.map { ($0.name, settings.method.pretrainPositiveShare) }
    return [
      job(
        "\(pretraining)/value", settings,
        .trainValue(
          TrainValueWork(
            dataset: demonstrations, initial: nil, training: settings.training.valuePretrain,
            failureCost: settings.method.failureCost))),
      job(
        "\(pretraining)/labels", settings,
        .label(
          LabelWork(
            dataset: demonstrations, value: "\(pretraining)/value", lookahead: nil,
            positiveShare: Dictionary(uniqueKeysWithValues: shares),
            failureCost: settings.method.failureCost))),
      policy,
    ]
  }

  static func job(
    _ id: String, task: String? = nil, iteration: Int? = nil, _ settings: ScheduleSettings,
    _ work: Job.Work
  ) -> Job {
    Job(
      id: id, task: task, iteration: iteration, seed: StableSeed.derive(settings.seed, id),
      work: work)
  }

  /// The first of each list, then the second of each, and so on.
  private static func interleaved(_ lists: [[Job]]) -> [Job] {
    let longest = lists.map(\.count).max() ?? 0
    return (0..<longest).flatMap { place in
      lists.compactMap { $0.indices.contains(place) ? $0[place] : nil }
    }
  }
}

/// The jobs of one task.
private struct TaskJobs {
  var task: TaskSchedule
  var settings: ScheduleSettings

  var demonstrations: [Job] {
    slices(
      "\(task.name)/demonstrations", iteration: nil, .demonstration, policyOf: nil,
      task.demonstrations)
  }

  /// What the policy of k − 1 records for iteration k.
  func practice(_ k: Int) -> [Job] {
    guard k > 0 else { return [] }
    return slices(
      "\(task.name)/\(k)/autonomous", iteration: k, .autonomous, policyOf: k - 1,
      task.autonomousEpisodes)
      + slices(
        "\(task.name)/\(k)/corrected", iteration: k, .corrected, policyOf: k - 1,
        task.correctedEpisodes)
  }

  func learning(_ k: Int) -> [Job] {
    let name = task.name
    let dataset = dataset(k)
    let training = settings.training
    let extraction = extraction(k)
    let needsLabels = extraction.needsLabels && k > 0
    // SFT needs no labels, so the first V is of use only to an iteration that continues from it.
    let needsValue =
      needsLabels || extraction.needsLabels && !settings.restartFromPretrained
    let value = job(
      k, "value",
      .trainValue(
        TrainValueWork(
          dataset: dataset, initial: origin(k).map { "\($0)/value" }, training: training.value,
          failureCost: settings.method.failureCost)))
    let labels = job(
      k, "labels",
      .label(
        LabelWork(
          dataset: dataset, value: "\(name)/\(k)/value", lookahead: settings.method.lookahead,
          positiveShare: [name: task.positiveShare ?? settings.method.positiveShare],
          failureCost: settings.method.failureCost)))
    let policy = job(
      k, "policy",
      .trainPolicy(
        TrainPolicyWork(
          dataset: dataset,
          initial: origin(k, ofPolicyBy: extraction).map { "\($0)/policy" },
          extraction: extraction,
          labels: needsLabels ? "\(name)/\(k)/labels" : nil,
          training: k == 0 ? training.policySFT ?? training.policy : training.policy,
          method: settings.method)))
    return (needsValue ? [value] : []) + (needsLabels ? [labels] : []) + [policy]
  }

  /// How the policy of iteration k is made.
  private func extraction(_ k: Int) -> PolicyExtraction {
    k == 0 ? settings.method.extraction.first : settings.method.extraction
  }

  /// Whose networks iteration k begins from; nil for random weights. Algorithm 1 restarts both
  /// networks from the pre-trained ones; the switch continues from the last iteration's. A trust
  /// region is about the policy that practised.
  private func origin(_ k: Int, ofPolicyBy extraction: PolicyExtraction = .recap) -> String? {
    if k > 0, extraction == .ppo || !settings.restartFromPretrained {
      return "\(task.name)/\(k - 1)"
    }
    return settings.pretraining ? Schedule.pretraining : nil
  }

  func evaluation(_ k: Int) -> [Job] {
    slices(
      "\(task.name)/\(k)/evaluate", iteration: k, .evaluation, policyOf: k,
      task.evaluationEpisodes)
  }

  /// D_ℓ as iteration k sees it: demonstrations and all practice so far.
  private func dataset(_ k: Int) -> [String] {
    demonstrations.map(\.id) + (0...k).flatMap { practice($0).map(\.id) }
  }

  private func job(_ k: Int, _ part: String, _ work: Job.Work) -> Job {
    Schedule.job("\(task.name)/\(k)/\(part)", task: task.name, iteration: k, settings, work)
  }

  private func slices(
    _ stage: String, iteration: Int?, _ source: EpisodeSource, policyOf actor: Int?,
    _ episodes: Int
  ) -> [Job] {
    let count = (episodes + settings.episodesPerJob - 1) / settings.episodesPerJob
    // Every iteration of a task is judged from the same starts, so that iterations compare in
    // pairs.
    let seedName = source == .evaluation ? "\(task.name)/evaluate" : stage
    let method = settings.method
    let policy = actor.map { "\(task.name)/\($0)/policy" }
    let isConditioned = actor.map { extraction($0).isConditioned } ?? false
    return (0..<count).map { slice in
      let first = slice * episodes / count
      let work = CollectWork(
        source: source, policy: policy, indicator: isConditioned ? .positive : .absent,
        guidance: isConditioned ? method.guidance : 1,
        // A demonstration is a person's from start to end.
        executedActions: actor == nil ? nil : method.executedActions,
        subtaskSteps: actor == nil ? nil : method.subtaskSteps, firstEpisode: first,
        episodeCount: (slice + 1) * episodes / count - first, stage: stage)
      return Job(
        id: "\(stage)/\(slice)", task: task.name, iteration: iteration,
        seed: StableSeed.derive(settings.seed, seedName), work: .collect(work))
    }
  }
}

extension TrainPolicyWork {
  /// The work of a way to make policies.
  ///
  /// - Parameters:
  ///   - extraction: The way.
  ///   - labels: The labelling job; nil where every action is taken for good.
  ///   - method: The numbers of the way.
  fileprivate init(
    dataset: [String], initial: String?, extraction: PolicyExtraction, labels: String?,
    training: TrainingSettings, method: MethodSettings
  ) {
    let weighting: ActionWeighting =
      switch extraction {
      case .recap, .imitation, .filtered: .uniform
      case .awr:
        .advantage(temperature: method.advantageTemperature, limit: method.advantageWeightLimit)
      case .ppo: .trustRegion(method.trustRegion)
      }
    self.init(
      dataset: dataset, labels: labels, initial: initial, training: training,
      indicatorDropout: extraction.isConditioned ? method.indicatorDropout : 1,
      onlySuccesses: extraction == .filtered, weighting: weighting)
  }
}

extension Job {
  /// The stage that it is a part of: the collect stage that it is a slice of, the labelling job that
  /// it is a shard of, or itself.
  public var stage: String {
    switch work {
    case .collect(let work): work.stage
    case .estimateValues(let work): work.stage
    case .trainValue, .label, .trainPolicy: id
    }
  }

  /// The episodes that it records, or whose values are all that it makes; 0 for other work.
  public var episodeCount: Int {
    switch work {
    case .collect(let work): work.episodeCount
    case .estimateValues(let work): work.episodeCount
    case .trainValue, .label, .trainPolicy: 0
    }
  }

  /// The seed of the stage's episode `index`, whichever job holds it: of its start and of the
  /// policy's noise.
  ///
  /// Evaluation's seeds are odd and all others even, so that no policy is judged from a start that
  /// it was trained on, even where a robot keeps only a seed's low bits.
  public func episodeSeed(_ index: Int) -> UInt64 {
    let seed = StableSeed.derive(seed, index)
    if case .collect(let work) = work, work.source == .evaluation { return seed | 1 }
    return seed & ~1
  }
}
