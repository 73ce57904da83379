import Foundation

/// How a policy is made from labelled experience: the paper's way, and the ones that it is compared
/// with (paper, Section VI and Figure 11). All train the same network on the same frames; they
/// differ in what they make of an action's advantage.
public enum PolicyExtraction: String, Codable, Hashable, Sendable, CaseIterable {
  /// Trains on everything, with the advantage's sign as the indicator in the prompt, and acts with
  /// the indicator "positive" (Equation 3).
  case recap
  /// Advantage-weighted regression: each action's flow-matching error counts exp(A / τ) times.
  case awr
  /// One-step policy gradient: the flow-matching error is taken for a log-likelihood, and its ratio
  /// to the policy that practised is pulled towards better actions within a trust region.
  case ppo
  /// Imitates everything, good or bad.
  case imitation
  /// Imitates the episodes that succeeded.
  case filtered

  /// Whether it needs advantages, and so a value function.
  public var needsLabels: Bool {
    switch self {
    case .recap, .awr, .ppo: true
    case .imitation, .filtered: false
    }
  }

  /// Whether its policies are told by the indicator what to do.
  public var isConditioned: Bool { self == .recap }

  /// The extraction of the policy that practises first, k = 0, and of the pre-trained one. What is
  /// compared on the same practice must begin from the same policy, so the two that weigh actions
  /// begin like RECAP.
  public var first: PolicyExtraction { needsLabels ? .recap : self }
}

/// What an action's flow-matching error counts in a policy's loss.
public enum ActionWeighting: Codable, Hashable, Sendable {
  /// All alike.
  case uniform
  /// min(exp(A / τ), limit), scaled to a mean of 1; A in standard deviations.
  case advantage(temperature: Float, limit: Float)
  /// The gradient of r A − |A| (r − 1)² / (2 ε), where r is the ratio of the flow likelihoods of the
  /// policy and the one that it began as (`Tape.trustRegionLoss`); A in standard deviations.
  case trustRegion(Float)
}

/// Advantages as weights of a regression or a policy gradient.
public enum AdvantageWeights {
  /// Advantages less their mean, in standard deviations.
  ///
  /// An action that is called positive although its advantage is low is a person's correction; it
  /// counts like the best action that is called negative, which is where the threshold lies. RECAP
  /// takes corrections for good, so whatever it is compared with may as well.
  ///
  /// - Parameters:
  ///   - advantages: A, [frames], at least one, finite.
  ///   - positives: Labels, [frames].
  /// - Returns: [frames]; all 0 where all advantages are equal.
  public static func standardized(_ advantages: [Float], positives: [Bool]) -> [Float] {
    precondition(
      !advantages.isEmpty && advantages.count == positives.count,
      "expected as many labels as advantages, got \(positives.count) and \(advantages.count)")
    let bar = zip(advantages, positives).lazy.filter { !$1 }.map(\.0).max() ?? -.infinity
    let raised = zip(advantages, positives).map { $1 ? max($0, bar) : $0 }
    let count = Double(raised.count)
    let mean = raised.reduce(0) { $0 + Double($1) } / count
    let variance = raised.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
    guard variance > 0 else { return raised.map { _ in 0 } }
    return raised.map { Float((Double($0) - mean) / variance.squareRoot()) }
  }

  /// min(exp(A / τ), limit), scaled to a mean of 1.
  ///
  /// - Parameters:
  ///   - standardized: A in standard deviations, [frames], at least one.
  ///   - temperature: τ > 0; low ones make few actions count.
  ///   - limit: Of a weight before scaling, > 0.
  public static func regression(
    _ standardized: [Float], temperature: Float, limit: Float
  ) -> [Float] {
    let weights = standardized.map { min(exp($0 / temperature), limit) }
    let mean = weights.reduce(0) { $0 + Double($1) } / Double(weights.count)
    return weights.map { Float(Double($0) / mean) }
  }
}
