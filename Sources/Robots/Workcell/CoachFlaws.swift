/// How far the coach, who plays the person, is from perfect when demonstrating. Corrections are
/// always clean.
public struct CoachFlaws: Codable, Hashable, Sendable {
  /// The paces of different people, as shares of the arm's maximum speed, one for each
  /// demonstration, each equally likely; in (0, 1].
  public var paces: [Float]
  /// What a person's pace is multiplied by from stretch to stretch, each equally likely; in (0, 1].
  public var speeds: [Float]
  /// For how many steps a person keeps one speed.
  public var stretchSteps: ClosedRange<Int>
  /// The probability that a stretch begins with a pause.
  public var pauseProbability: Float
  /// How many steps a pause lasts.
  public var pauseSteps: ClosedRange<Int>
  /// Multiplies the probability of each mistake that the task knows.
  public var mistakeScale: Float
  /// The probability, per attempt, of closing the gripper beside the thing.
  public var fumbleProbability: Float
  /// For how many steps a person who missed the thing moves on without noticing.
  public var unnoticedSteps: ClosedRange<Int>
  /// The probability, per step of carrying, of opening the gripper by accident.
  public var dropProbability: Float
  /// Standard deviation of a tremor in each commanded velocity, as a share of the maximum speed.
  public var tremor: Float

  /// Makes a set of flaws; the defaults are none.
  public init(
    paces: [Float] = [1], speeds: [Float] = [1], stretchSteps: ClosedRange<Int> = 10...30,
    pauseProbability: Float = 0, pauseSteps: ClosedRange<Int> = 3...8, mistakeScale: Float = 0,
    fumbleProbability: Float = 0, unnoticedSteps: ClosedRange<Int> = 3...10,
    dropProbability: Float = 0, tremor: Float = 0
  ) {
    self.paces = paces
    self.speeds = speeds
    self.stretchSteps = stretchSteps
    self.pauseProbability = pauseProbability
    self.pauseSteps = pauseSteps
    self.mistakeScale = mistakeScale
    self.fumbleProbability = fumbleProbability
    self.unnoticedSteps = unnoticedSteps
    self.dropProbability = dropProbability
    self.tremor = tremor
  }

  /// Nearly twice as slow as is safe, with pauses, fumbles, drops and every task's mistakes.
  public static let person = CoachFlaws(
    paces: [0.25, 0.3, 0.35, 0.95, 1], speeds: [0.85, 1], pauseProbability: 0.25,
    pauseSteps: 3...6, mistakeScale: 1, fumbleProbability: 0.06, dropProbability: 0.001,
    tremor: 0.03)
  /// As quick as is safe and always right.
  public static let flawless = CoachFlaws()

  /// - Throws: `WorkcellError.flaws` naming the value that is out of range.
  func validate() throws(WorkcellError) {
    for (name, values) in [("paces", paces), ("speeds", speeds)] {
      guard !values.isEmpty, values.allSatisfy({ $0 > 0 && $0 <= 1 }) else {
        throw .flaws("\(name): expected at least one value in (0, 1], got \(values)")
      }
    }
    guard stretchSteps.lowerBound >= 1 else {
      throw .flaws("stretchSteps: expected at least 1, got \(stretchSteps.lowerBound)")
    }
    for (name, steps) in [("pauseSteps", pauseSteps), ("unnoticedSteps", unnoticedSteps)]
    where steps.lowerBound < 0 {
      throw .flaws("\(name): expected at least 0, got \(steps.lowerBound)")
    }
    let probabilities = [
      ("pauseProbability", pauseProbability), ("fumbleProbability", fumbleProbability),
      ("dropProbability", dropProbability),
    ]
    for (name, value) in probabilities where !(0...1).contains(value) {
      throw .flaws("\(name): expected a value in [0, 1], got \(value)")
    }
    guard mistakeScale >= 0, mistakeScale.isFinite else {
      throw .flaws("mistakeScale: expected a value of at least 0, got \(mistakeScale)")
    }
    guard tremor >= 0, tremor.isFinite else {
      throw .flaws("tremor: expected a value of at least 0, got \(tremor)")
    }
  }
}
