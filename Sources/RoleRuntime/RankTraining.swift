import Collectives
import Episodes

/// A training by all ranks of a group. The first rank runs it as any other training, the others follow its steps: before
/// each, all vote on whether to go on; before the first, the others take over the first rank's state.
final class RankTraining<Base: Training>: Training {
  private let base: Base
  private let ranks: RankGroup
  private var isInStep = false
  /// Whether all ranks know that the training ended.
  private var isOver = false

  /// Waits until all ranks are ready to train.
  ///
  /// - Throws: `RanksStopped` when one is not.
  init(_ base: Base, ranks: RankGroup) throws {
    self.base = base
    self.ranks = ranks
    try vote()
  }

  /// All ranks go on, or none does.
  private func vote(against isAgainst: Bool = false) throws {
    guard ranks.votes(against: isAgainst) == 0 else {
      isOver = true
      throw RanksStopped()
    }
  }

  // MARK: Training

  var stepsDone: Int { base.stepsDone }

  func step() throws -> [String: Double] {
    // Weights, moments and random numbers: also where this goes on from a saved state.
    let first = isInStep || !ranks.isFirst ? [] : try base.state()
    try vote()
    if !isInStep {
      let state = ranks.communicator.broadcast(first)
      if !ranks.isFirst { try base.restore(state) }
      isInStep = true
      try vote()
    }
    do {
      return try base.step()
    } catch {
      // What makes a step fail is summed over the ranks, so it failed on all of them.
      isOver = true
      throw error
    }
  }

  func validationMetrics() throws -> [String: Double] { try base.validationMetrics() }
  func state() throws -> [UInt8] { try base.state() }
  func restore(_ state: [UInt8]) throws { try base.restore(state) }

  // MARK: From beginning to end

  /// Carries the training out.
  ///
  /// - Returns: The metrics; empty on all ranks but the first.
  func run(
    steps: Int, saves: SavedTraining?, reportingTo context: JobContext,
    isolation: isolated (any Actor)? = #isolation
  ) async throws -> [String: Double] {
    var metrics: [String: Double] = [:]
    do {
      if ranks.isFirst {
        metrics = try await carryOut(self, steps: steps, saves: saves, reportingTo: context)
      } else {
        while base.stepsDone < steps { _ = try step() }
      }
    } catch {
      // What this rank met alone, the others hear of now.
      if !isOver { _ = ranks.votes(against: true) }
      throw error
    }
    let digest = ContentDigest(hashing: try base.state())
    try vote()
    guard ranks.agrees(on: digest) else { throw RanksDiffer() }
    return metrics
  }
}

/// Runs a training to the end, by all ranks of a group where there is one.
///
/// - Returns: The metrics; empty on all ranks but the first.
/// - Throws: What `carryOut` for one process throws; `RanksStopped` when another rank could not go on, `RanksDiffer`.
public func carryOut(
  _ training: some Training, with ranks: RankGroup?, steps: Int, saves: SavedTraining? = nil,
  reportingTo context: JobContext, isolation: isolated (any Actor)? = #isolation
) async throws -> [String: Double] {
  guard let ranks else {
    return try await carryOut(training, steps: steps, saves: saves, reportingTo: context)
  }
  return try await RankTraining(training, ranks: ranks).run(
    steps: steps, saves: saves, reportingTo: context)
}
