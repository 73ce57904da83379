import Episodes

@testable import RecapAlgorithm

/// A digest that stands for a blob described by `text`.
func digest(_ text: String) -> ContentDigest {
  let hex = (0..<4).map { part in
    let word = String(StableSeed.derive(UInt64(part), text), radix: 16)
    return String(repeating: "0", count: 16 - word.count) + word
  }
  guard let digest = ContentDigest(rawValue: hex.joined()) else {
    preconditionFailure("not a digest: \(hex)")
  }
  return digest
}

/// An episode with one value a step; its id names its digest.
func valued(
  _ id: String, task: String = "fold", limit: Int = 10, source: EpisodeSource = .autonomous,
  outcome: Outcome, values: [Float], interventions: [Bool]? = nil, steps: Int? = nil
) throws -> Labelling.ValuedEpisode {
  let embodiment = Embodiment(
    name: "test", proprioceptionWidth: 1, environmentStateWidth: 0, cameras: [], actionWidth: 1,
    controlRate: 10)
  var episode = Episode(
    metadata: EpisodeMetadata(
      id: id, job: "job", index: 0,
      task: TaskDescription(name: task, instruction: task, maximumSteps: limit),
      embodiment: embodiment, robot: "robot", source: source, seed: 1, outcome: outcome,
      recordsImages: false, recordsEnvironmentState: false))
  for step in 0..<(steps ?? values.count) {
    try episode.append(
      Observation(proprioception: [0]), action: [0], intervention: interventions?[step] ?? false)
  }
  return Labelling.ValuedEpisode(digest: digest(id), episode: episode, values: values)
}

extension ScheduleSettings {
  /// Small settings: two tasks and few episodes unless told otherwise.
  static func small(
    tasks: [TaskSchedule] = [
      TaskSchedule(
        name: "fold", demonstrations: 5, autonomousEpisodes: 3, correctedEpisodes: 2,
        evaluationEpisodes: 4),
      TaskSchedule(
        name: "stack", demonstrations: 2, autonomousEpisodes: 2, correctedEpisodes: 0,
        evaluationEpisodes: 2, positiveShare: 0.1),
    ], iterations: Int = 2, restartFromPretrained: Bool = true, episodesPerJob: Int = 2,
    episodesPerLabelJob: Int? = nil, seed: UInt64 = 1
  ) -> ScheduleSettings {
    let training = TrainingSettings(steps: 10, batchSize: 4, learningRate: 1e-3)
    return ScheduleSettings(
      tasks: tasks, iterations: iterations, restartFromPretrained: restartFromPretrained,
      episodesPerJob: episodesPerJob, episodesPerLabelJob: episodesPerLabelJob, seed: seed,
      training: TrainingSchedule(
        valuePretrain: training, value: training, policyPretrain: training, policy: training))
  }
}
