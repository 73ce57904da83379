/// The method's own numbers, with the paper's values as defaults where it gives any.
public struct MethodSettings: Codable, Hashable, Sendable {
  /// How policies are made from labelled experience: the paper's way, or one to compare it with.
  public var extraction: PolicyExtraction
  /// C_fail: the cost of failing, in steps (> 0); nil for the task's time limit, which puts every
  /// frame of a failed episode at −1. The paper calls it only "a large constant".
  public var failureCost: Double?
  /// The share p of positive labels in pre-training, in (0, 1).
  public var pretrainPositiveShare: Double
  /// The share p of positive labels in the iterations, in (0, 1), unless a task has its own.
  public var positiveShare: Double
  /// The lookahead N of advantages in the iterations, in steps (≥ 1). Pre-training looks to the end
  /// of the episode.
  public var lookahead: Int
  /// The probability of leaving the indicator out in training, in [0, 1).
  public var indicatorDropout: Double
  /// Guidance β while practising and being evaluated (≥ 0); 1 is plain conditional sampling.
  public var guidance: Float
  /// Actions of a chunk that a robot executes before the policy is asked again (≥ 1): fewer react sooner, more ask
  /// less often. Nil for the whole chunk.
  public var executedActions: Int?
  /// Control steps for which a subtask is kept before the policy is asked for the next one (≥ 1):
  /// subtasks change slowly, and asking costs time. Nil asks with every chunk.
  public var subtaskSteps: Int?
  /// τ of advantage-weighted regression, in standard deviations of the advantage (> 0).
  public var advantageTemperature: Float
  /// What an action may count at most in advantage-weighted regression, before weights are scaled to
  /// a mean of 1 (> 0).
  public var advantageWeightLimit: Float
  /// How far PPO lets the likelihood ratio go from 1 (> 0). The paper's comparison has 0.01.
  public var trustRegion: Float

  /// The paper's values.
  public init(
    extraction: PolicyExtraction = .recap, failureCost: Double? = nil,
    pretrainPositiveShare: Double = 0.3, positiveShare: Double = 0.4,
    lookahead: Int = 50, indicatorDropout: Double = 0.3, guidance: Float = 1,
    executedActions: Int? = nil, subtaskSteps: Int? = nil, advantageTemperature: Float = 1,
    advantageWeightLimit: Float = 20, trustRegion: Float = 0.01
  ) {
    self.extraction = extraction
    self.failureCost = failureCost
    self.pretrainPositiveShare = pretrainPositiveShare
    self.positiveShare = positiveShare
    self.lookahead = lookahead
    self.indicatorDropout = indicatorDropout
    self.guidance = guidance
    self.executedActions = executedActions
    self.subtaskSteps = subtaskSteps
    self.advantageTemperature = advantageTemperature
    self.advantageWeightLimit = advantageWeightLimit
    self.trustRegion = trustRegion
  }
}
