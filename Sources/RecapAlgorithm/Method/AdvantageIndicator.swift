/// The improvement indicator I that conditions the policy (paper, Section V-B): whether the action
/// to come is better than usual.
///
/// It is text, after the subtask and before both forms of action, so that the likelihood of the
/// subtask does not depend on it.
public enum AdvantageIndicator: String, Codable, Hashable, Sendable, CaseIterable {
  /// A > ε, or a person's correction.
  case positive
  /// A ≤ ε.
  case negative
  /// Left out: the unconditional policy.
  case absent

  /// I from a label.
  public init(isPositive: Bool) { self = isPositive ? .positive : .negative }

  /// What the policy reads; empty where the indicator is left out.
  public var text: String {
    switch self {
    case .positive: "Advantage: positive"
    case .negative: "Advantage: negative"
    case .absent: ""
    }
  }

  /// The indicator as one training sample sees it: left out with a probability (App. F: 30 %), so
  /// that the same network is the unconditional policy too. It takes the place of tuning α of
  /// Equation 3.
  ///
  /// - Parameter probability: In [0, 1].
  public func dropped(
    withProbability probability: Double, using generator: inout some RandomNumberGenerator
  ) -> AdvantageIndicator {
    Double.random(in: 0..<1, using: &generator) < probability ? .absent : self
  }
}

/// Guidance: sharpening the conditional policy against the unconditional one while acting (paper,
/// Section IV-B).
public enum Guidance {
  /// Whether the unconditional field is needed: with β = 1 it cancels, and one conditional pass is
  /// enough.
  public static func needsUnconditional(_ scale: Float) -> Bool { scale != 1 }

  /// v = v_u + β (v_c − v_u). β = 0 is the unconditional policy, 1 the conditional one; 1.5 to 2.5
  /// is the useful range above, and more pushes actions to the edge of what was seen.
  ///
  /// - Parameters:
  ///   - conditional: v_c, flow velocities with the indicator.
  ///   - unconditional: v_u, without it, as many.
  ///   - scale: β ≥ 0.
  public static func combine(
    conditional: ArraySlice<Float>, unconditional: ArraySlice<Float>, scale: Float
  ) -> [Float] {
    precondition(
      conditional.count == unconditional.count,
      "expected as many unconditional as conditional velocities, "
        + "got \(unconditional.count) and \(conditional.count)")
    return zip(conditional, unconditional).map { $1 + scale * ($0 - $1) }
  }
}
