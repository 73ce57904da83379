import Networks
import Policies
import RecapAlgorithm

// What a configuration means where it is silent. The sizes and counts here suit a small robot on a
// few processor cores; what a settings type's own initialiser gives (the paper's numbers for the
// method, for example) is not repeated.

extension RunConfiguration {
  /// A configuration without tasks and robots, which have no defaults.
  public static let defaults = RunConfiguration(
    name: "", seed: 1, tasks: [],
    schedule: LoopSettings(
      iterations: 2, pretraining: true, restartFromPretrained: true, episodesPerJob: 10,
      episodesPerLabelJob: 500, judging: .leaveOut),
    method: MethodSettings(),
    models: ModelSettings(
      policy: PolicySettings(
        backbone: .defaults, expertWidth: 64, expertFeedForward: 128, chunkLength: 8,
        usesImages: false, usesEnvironmentState: false),
      value: ValueSettings(
        network: .defaults, usesImages: false, usesEnvironmentState: false)),
    training: TrainingStages(
      valuePretrain: .defaults, value: .defaults, policyPretrain: .defaults,
      policySFT: .defaults, policy: .defaults),
    robots: [],
    runtime: RuntimeSettings(
      heartbeatSeconds: 2, leaseSeconds: 15, maximumAttempts: 5, labellers: 1, policyLearners: 1,
      learnerThreads: 1, listen: []),
    monitoring: MonitoringSettings())
}

extension TaskSettings {
  static let defaults = TaskSettings(
    name: "", demonstrations: 100, autonomousEpisodes: 100, correctedEpisodes: 50,
    evaluationEpisodes: 100, positiveShare: nil, specialize: true, criteria: [])
}

extension TransformerSettings {
  static let defaults = TransformerSettings(
    width: 64, layers: 3, heads: 4, keyValueHeads: 1, headWidth: 16, feedForward: 128)
}

extension VisionSettings {
  static let defaults = VisionSettings(
    network: TransformerSettings(
      width: 64, layers: 2, heads: 4, keyValueHeads: 4, headWidth: 16, feedForward: 128),
    merge: 2)
}

extension CoTrainingSettings {
  /// Without the folder, which a file must give.
  static let defaults = CoTrainingSettings(folder: "")
}

extension TrainingSettings {
  static let defaults = TrainingSettings(steps: 1000, batchSize: 128, learningRate: 1e-3)
}

extension RobotSettings {
  static let defaults = RobotSettings(
    name: "", kind: .workcell, tasks: nil,
    observation: ObservationSettings(cameras: .off, environmentState: true), driver: nil)
}

extension DriverSettings {
  static let defaults = DriverSettings(endpoint: nil, command: nil)
}
