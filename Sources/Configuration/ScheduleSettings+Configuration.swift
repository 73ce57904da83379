import RecapAlgorithm

extension RunConfiguration {
  /// The part that the schedule of jobs is made from.
  public var scheduleSettings: ScheduleSettings {
    ScheduleSettings(
      tasks: tasks.map {
        TaskSchedule(
          name: $0.name, demonstrations: $0.demonstrations,
          autonomousEpisodes: $0.autonomousEpisodes, correctedEpisodes: $0.correctedEpisodes,
          evaluationEpisodes: $0.evaluationEpisodes, positiveShare: $0.positiveShare,
          specialize: $0.specialize)
      },
      iterations: schedule.iterations, pretraining: schedule.pretraining,
      restartFromPretrained: schedule.restartFromPretrained,
      episodesPerJob: schedule.episodesPerJob,
      episodesPerLabelJob: schedule.episodesPerLabelJob, seed: seed, method: method,
      training: TrainingSchedule(
        valuePretrain: training.valuePretrain, value: training.value,
        policyPretrain: training.policyPretrain, policySFT: training.policySFT,
        policy: training.policy))
  }
}
