/// Finds what a person probably meant.
enum NearestName {
  /// The name among `names` with the smallest edit distance to `word`, ignoring case; nil when none
  /// is close.
  static func to(_ word: String, among names: some Sequence<String>) -> String? {
    let best = names.map { (name: $0, distance: distance(word.lowercased(), $0.lowercased())) }
      .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
    guard let best, best.distance <= max(2, word.count / 3) else { return nil }
    return best.name
  }

  /// "did you mean 'x'? Valid: a, b, x"
  static func advice(for word: String, among names: some Sequence<String>) -> String {
    let all = "valid: " + names.sorted().joined(separator: ", ")
    guard let nearest = to(word, among: names) else { return all }
    return "did you mean '\(nearest)'? (\(all))"
  }

  /// Levenshtein's distance: insertions, deletions and replacements that turn `a` into `b`.
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a)
    let b = Array(b)
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
