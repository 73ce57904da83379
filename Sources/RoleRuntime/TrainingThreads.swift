import RecapAlgorithm

/// How many threads a learner's arithmetic takes.
public struct TrainingThreads: Sendable {
  /// For one task's model.
  public var own: Int
  /// For a model of all tasks: nobody else has work then, so it may take everybody's.
  public var pretraining: Int

  public init(own: Int = 1, pretraining: Int? = nil) {
    self.own = own
    self.pretraining = pretraining ?? own
  }

  public func count(for job: Job) -> Int { job.task == nil ? pretraining : own }
}
