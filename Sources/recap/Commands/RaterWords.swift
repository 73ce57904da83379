import Episodes
import RecapAlgorithm

/// What raters have said last of an episode, in words.
struct RaterWords {
  private let ratings: [String: Outcome]
  private let criteria: [String: [String: Bool]]

  init(_ plan: Plan, on episode: ContentDigest) {
    ratings = plan.ratings(of: episode)
    criteria = plan.criteria(of: episode)
  }

  /// "ann: success, label ✗", a line for each rater.
  var lines: [String] {
    ratings.sorted { $0.key < $1.key }.map { rater, outcome in
      let said = (criteria[rater] ?? [:]).sorted { $0.key < $1.key }
        .map { Self.mark($0.key, $0.value) }
      return "\(rater): " + ([outcome.words] + said).joined(separator: ", ")
    }
  }

  /// The criteria on which raters say different things; "the outcome" is one of them.
  var divided: [String] {
    var words: [String: Set<Bool>] = [:]
    for said in criteria.values {
      for (name, passed) in said { words[name, default: []].insert(passed) }
    }
    let criteria = words.filter { $0.value.count > 1 }.keys.sorted()
    return (Set(ratings.values).count > 1 ? ["the outcome"] : []) + criteria
  }

  static func mark(_ name: String, _ isDone: Bool) -> String { "\(name) \(isDone ? "✓" : "✗")" }
}
