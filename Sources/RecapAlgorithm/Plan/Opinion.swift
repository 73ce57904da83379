import Episodes

/// What a rater says of an episode: how it ended, whether it passed the task's criteria, or both.
public struct Opinion: Codable, Hashable, Sendable {
  /// Success or failure; nil where it follows from the criteria.
  public var outcome: Outcome?
  /// Whether the episode passed each criterion, as far as the rater says so.
  public var criteria: [String: Bool]?

  public init(outcome: Outcome? = nil, criteria: [String: Bool]? = nil) {
    self.outcome = outcome
    self.criteria = criteria
  }

  /// How the episode ended by this opinion: as it says itself, otherwise a success where every criterion
  /// of the task is passed, and a failure where one is not.
  ///
  /// - Parameters:
  ///   - criteria: The task's, whose passing makes a success.
  ///   - scored: Stages that the robot scored, of which a rater may speak too.
  /// - Throws: `OpinionError` for one that says nothing, or speaks of criteria that there are not.
  public func outcome(criteria names: [String], scored: [String] = []) throws(OpinionError)
    -> Outcome
  {
    let said = criteria ?? [:]
    let known = names + scored.filter { !names.contains($0) }
    if let stranger = said.keys.filter({ !known.contains($0) }).sorted().first {
      throw .unknownCriterion(stranger, known: known)
    }
    if let outcome {
      guard outcome != .unjudged else { throw .says(nothingOf: names) }
      return outcome
    }
    if names.contains(where: { said[$0] == false }) { return .failure }
    let missing = names.filter { said[$0] == nil }
    guard missing.isEmpty, !names.isEmpty else { throw .says(nothingOf: missing) }
    return .success
  }
}

/// An opinion from which no outcome follows.
public enum OpinionError: Error, Hashable, CustomStringConvertible {
  /// It has no outcome, and does not speak of these criteria, none of which failed.
  case says(nothingOf: [String])
  case unknownCriterion(String, known: [String])

  public var description: String {
    switch self {
    case .says(let missing):
      "a judgement says success or failure"
        + (missing.isEmpty
          ? "" : ", or whether each criterion was passed: \(missing.joined(separator: ", "))")
    case .unknownCriterion(let name, let known):
      known.isEmpty
        ? "the task has no criteria, got '\(name)'; 'tasks' in the configuration lists them"
        : "there is no criterion '\(name)'; expected \(known.joined(separator: ", "))"
    }
  }
}
