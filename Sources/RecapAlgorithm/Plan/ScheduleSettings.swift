/// All that decides the jobs of a run.
public struct ScheduleSettings: Codable, Hashable, Sendable {
  /// At least one.
  public var tasks: [TaskSchedule]
  /// K ≥ 0: rounds of collecting, labelling and training after the SFT stage k = 0.
  public var iterations: Int
  /// Whether networks are first trained on all tasks' demonstrations; without it each task's begin
  /// at random weights.
  public var pretraining: Bool
  /// Whether each iteration trains from the pre-trained networks, as the paper does to avoid drift,
  /// or from the previous iteration's.
  public var restartFromPretrained: Bool
  /// A collect job holds at most this many episodes, ≥ 1.
  public var episodesPerJob: Int
  /// A labelling job reads at most this many episodes, ≥ 1, or one collect job's where these are more:
  /// larger datasets are divided. Nil for whole datasets.
  public var episodesPerLabelJob: Int?
  /// Everything random follows from this number.
  public var seed: UInt64
  public var method: MethodSettings
  public var training: TrainingSchedule

  /// Settings as given; `problems` tells whether they can be carried out.
  public init(
    tasks: [TaskSchedule], iterations: Int, pretraining: Bool = true,
    restartFromPretrained: Bool = true,
    episodesPerJob: Int, episodesPerLabelJob: Int? = nil, seed: UInt64,
    method: MethodSettings = MethodSettings(),
    training: TrainingSchedule
  ) {
    self.tasks = tasks
    self.iterations = iterations
    self.pretraining = pretraining
    self.restartFromPretrained = restartFromPretrained
    self.episodesPerJob = episodesPerJob
    self.episodesPerLabelJob = episodesPerLabelJob
    self.seed = seed
    self.method = method
    self.training = training
  }
}

/// One task's episodes.
public struct TaskSchedule: Codable, Hashable, Sendable {
  /// As robots know it.
  public var name: String
  /// Episodes that a person demonstrates before any learning, ≥ 1.
  public var demonstrations: Int
  /// Episodes an iteration that the policy attempts alone, ≥ 0.
  public var autonomousEpisodes: Int
  /// Episodes an iteration in which a person may take over, ≥ 0.
  public var correctedEpisodes: Int
  /// Episodes that judge each iteration's policy and are never trained on, ≥ 0.
  public var evaluationEpisodes: Int
  /// The share p of positive labels in the iterations, in (0, 1); nil for the method's.
  public var positiveShare: Double?
  /// Whether the task gets a policy of its own, and practice; otherwise its demonstrations are a
  /// part of pre-training and nothing more.
  public var specialize: Bool

  /// Quotas as given.
  public init(
    name: String, demonstrations: Int, autonomousEpisodes: Int, correctedEpisodes: Int,
    evaluationEpisodes: Int, positiveShare: Double? = nil, specialize: Bool = true
  ) {
    self.name = name
    self.demonstrations = demonstrations
    self.autonomousEpisodes = autonomousEpisodes
    self.correctedEpisodes = correctedEpisodes
    self.evaluationEpisodes = evaluationEpisodes
    self.positiveShare = positiveShare
    self.specialize = specialize
  }
}

/// Optimisation by stage.
public struct TrainingSchedule: Codable, Hashable, Sendable {
  /// V over all tasks' demonstrations.
  public var valuePretrain: TrainingSettings
  /// V of one task, each iteration.
  public var value: TrainingSettings
  /// π over all tasks' demonstrations.
  public var policyPretrain: TrainingSettings
  /// π of one task at k = 0; nil for the same as `policy`. With 0 steps it is the pre-trained policy
  /// itself.
  public var policySFT: TrainingSettings?
  /// π of one task at k ≥ 1.
  public var policy: TrainingSettings

  /// Settings as given.
  public init(
    valuePretrain: TrainingSettings, value: TrainingSettings, policyPretrain: TrainingSettings,
    policySFT: TrainingSettings? = nil, policy: TrainingSettings
  ) {
    self.valuePretrain = valuePretrain
    self.value = value
    self.policyPretrain = policyPretrain
    self.policySFT = policySFT
    self.policy = policy
  }
}

/// A setting that cannot be carried out.
public struct SettingProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// The key in a configuration file, such as `tasks[0].demonstrations`.
  public var key: String
  /// What is valid there, and what was given.
  public var message: String

  public var description: String { "\(key): \(message)" }
}

extension ScheduleSettings {
  /// Throws the first of `problems`, if there is one.
  public func validate() throws(SettingProblem) {
    if let first = problems.first { throw first }
  }

  /// Everything that is wrong with the settings; empty if nothing is.
  public var problems: [SettingProblem] {
    var found = Problems()
    found.require(!tasks.isEmpty, "tasks", "at least 1 task is needed, got none")
    found.require(iterations >= 0, "schedule.iterations", "must be 0 or more, got \(iterations)")
    found.require(
      episodesPerJob >= 1, "schedule.episodesPerJob", "must be 1 or more, got \(episodesPerJob)")
    if let episodes = episodesPerLabelJob {
      found.require(
        episodes >= 1, "schedule.episodesPerLabelJob", "must be 1 or more, got \(episodes)")
    }
    var names: Set<String> = []
    for (index, task) in tasks.enumerated() {
      let first = names.insert(task.name).inserted
      found.require(first, "tasks[\(index)].name", "'\(task.name)' is named twice")
      found.check(task, "tasks[\(index)]", iterations: task.specialize ? iterations : 0)
      found.require(
        task.specialize || pretraining, "tasks[\(index)].specialize",
        "false leaves a task to pre-training, which schedule.pretraining: false leaves out")
    }
    found.require(
      tasks.isEmpty || tasks.contains(where: \.specialize), "tasks[0].specialize",
      "at least 1 task must be specialised to, but every one says false")
    found.check(method)
    found.check(training.valuePretrain, "training.valuePretrain")
    found.check(training.value, "training.value")
    found.check(training.policyPretrain, "training.policyPretrain")
    if let sft = training.policySFT {
      found.check(sft, "training.policySFT", leastSteps: pretraining ? 0 : 1)
    }
    found.check(training.policy, "training.policy")
    return found.all
  }

  private struct Problems {
    var all: [SettingProblem] = []

    mutating func require(_ holds: Bool, _ key: String, _ message: String) {
      if !holds { all.append(SettingProblem(key: key, message: message)) }
    }

    mutating func requireShare(_ share: Double, _ key: String) {
      require(share > 0 && share < 1, key, "must be above 0 and below 1, got \(share)")
    }

    mutating func check(_ task: TaskSchedule, _ key: String, iterations: Int) {
      // A task's name is a part of job and episode ids.
      require(
        !task.name.isEmpty && !task.name.contains(where: { "/#@".contains($0) })
          && task.name != Schedule.pretraining,
        "\(key).name",
        "must not be empty or '\(Schedule.pretraining)' and must not hold '/', '#' or '@', "
          + "got '\(task.name)'")
      require(
        task.demonstrations >= 1, "\(key).demonstrations",
        "must be 1 or more, got \(task.demonstrations)")
      for (name, count) in [
        ("autonomousEpisodes", task.autonomousEpisodes),
        ("correctedEpisodes", task.correctedEpisodes),
        ("evaluationEpisodes", task.evaluationEpisodes),
      ] {
        require(count >= 0, "\(key).\(name)", "must be 0 or more, got \(count)")
      }
      require(
        iterations <= 0 || task.autonomousEpisodes > 0 || task.correctedEpisodes > 0,
        "\(key).autonomousEpisodes",
        "an iteration needs new episodes: this or correctedEpisodes must be 1 or more")
      if let share = task.positiveShare { requireShare(share, "\(key).positiveShare") }
    }

    mutating func check(_ method: MethodSettings) {
      if let cost = method.failureCost {
        require(cost > 0 && cost.isFinite, "method.failureCost", "must be above 0, got \(cost)")
      }
      requireShare(method.pretrainPositiveShare, "method.pretrainPositiveShare")
      requireShare(method.positiveShare, "method.positiveShare")
      require(
        method.lookahead >= 1, "method.lookahead", "must be 1 or more, got \(method.lookahead)")
      require(
        method.indicatorDropout >= 0 && method.indicatorDropout < 1, "method.indicatorDropout",
        "must be 0 or more and below 1, got \(method.indicatorDropout)")
      require(
        method.guidance >= 0 && method.guidance.isFinite, "method.guidance",
        "must be 0 or more, got \(method.guidance)")
      for (key, number) in [
        ("advantageTemperature", method.advantageTemperature),
        ("advantageWeightLimit", method.advantageWeightLimit), ("trustRegion", method.trustRegion),
      ] {
        require(number > 0 && number.isFinite, "method.\(key)", "must be above 0, got \(number)")
      }
    }

    mutating func check(_ training: TrainingSettings, _ key: String, leastSteps: Int = 1) {
      require(
        training.steps >= leastSteps, "\(key).steps",
        "must be \(leastSteps) or more, got \(training.steps)")
      require(
        training.batchSize >= 1, "\(key).batchSize", "must be 1 or more, got \(training.batchSize)")
      require(
        training.learningRate > 0 && training.learningRate.isFinite, "\(key).learningRate",
        "must be above 0, got \(training.learningRate)")
      require(
        (0...1).contains(training.finalLearningRateShare), "\(key).finalLearningRateShare",
        "must be from 0 to 1, got \(training.finalLearningRateShare)")
      require(
        training.warmupSteps >= 0, "\(key).warmupSteps",
        "must be 0 or more, got \(training.warmupSteps)")
      require(
        training.weightDecay >= 0, "\(key).weightDecay",
        "must be 0 or more, got \(training.weightDecay)")
      require(
        training.gradientClip > 0, "\(key).gradientClip",
        "must be above 0, got \(training.gradientClip)")
      require(
        training.averageDecay >= 0 && training.averageDecay < 1, "\(key).averageDecay",
        "must be 0 or more and below 1, got \(training.averageDecay)")
      require(
        training.stateNoise >= 0 && training.stateNoise.isFinite, "\(key).stateNoise",
        "must be 0 or more, got \(training.stateNoise)")
      require(
        (0...0.5).contains(training.heldOutShare), "\(key).heldOutShare",
        "must be from 0 to 0.5, got \(training.heldOutShare)")
    }
  }
}
