import RecapAlgorithm

/// A role that trains networks, alone or with the other ranks of its group. A learner says what an order wants trained;
/// the way from the order to a stored checkpoint is the same for all of them.
public protocol Learner: Actor, Role, JobHandler, JobHelper {
  nonisolated var jobs: JobSource { get }
  /// Keeps the state of the training at hand; nil to start interrupted jobs anew, and on ranks that help.
  nonisolated var shelf: TrainingShelf? { get }
  /// Threads of its arithmetic.
  nonisolated var threads: TrainingThreads { get }

  /// What an order wants trained, ready for its first step.
  ///
  /// - Throws: Why that cannot be trained.
  func prepare(
    _ order: JobOrder, _ context: JobContext, threads: Int
  ) async throws -> PreparedTraining
}

/// A training, and what becomes of it.
public struct PreparedTraining {
  var training: any Training
  var steps: Int
  /// What is known of it besides the training's own metrics.
  var metrics: [String: Double]
  var checkpoint: () throws -> [String: [UInt8]]

  /// - Parameters:
  ///   - steps: Gradient steps in all.
  ///   - metrics: What is known of it besides the training's own.
  ///   - checkpoint: The files of the trained network; asked for once, after the last step.
  public init(
    _ training: any Training, steps: Int, metrics: [String: Double] = [:],
    checkpoint: @escaping () throws -> [String: [UInt8]]
  ) {
    self.training = training
    self.steps = steps
    self.metrics = metrics
    self.checkpoint = checkpoint
  }
}

extension Learner {
  /// Takes jobs until the run is over or the task is cancelled.
  public func run() async throws {
    try await jobs.run(self)
  }

  /// Trains one network and stores its checkpoint.
  public func run(_ order: JobOrder, _ context: JobContext) async throws -> JobResult {
    let threads = threads.count(for: order.job)
    let saves = try shelf?.place(for: order, configuration: context.configuration)
    try jobs.ranks?.share(order, context, threads: threads)
    let prepared = try await prepareWithOthers(order, context, threads: threads)
    let metrics = try await carryOut(
      prepared.training, with: jobs.ranks, steps: prepared.steps, saves: saves,
      reportingTo: context)
    let checkpoint = try await context.archive.putCheckpoint(try prepared.checkpoint())
    try saves?.remove()
    return .checkpoint(checkpoint, metrics: metrics.merging(prepared.metrics) { _, own in own })
  }

  /// Trains the first rank's network with it.
  public func help(with order: JobOrder, _ context: JobContext, threads: Int) async throws {
    let prepared = try await prepareWithOthers(order, context, threads: threads)
    _ = try await carryOut(
      prepared.training, with: jobs.ranks, steps: prepared.steps, reportingTo: context)
  }

  /// Prepares a training; where that fails, no rank begins it.
  private func prepareWithOthers(
    _ order: JobOrder, _ context: JobContext, threads: Int
  ) async throws -> PreparedTraining {
    do {
      return try await prepare(order, context, threads: threads)
    } catch {
      jobs.ranks?.refuse()
      throw error
    }
  }
}
