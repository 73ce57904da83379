import Episodes

/// How often one of a task's scored stages was done: of a task of several steps it tells how far
/// attempts come.
public struct StageRate: Codable, Hashable, Sendable {
  /// What the stage is called, such as "label".
  public var name: String
  /// Episodes in which it was done ÷ episodes, in [0, 1].
  public var rate: Double
  /// √(rate (1 − rate) / n) over n episodes, or over seeds where there are several.
  public var rateStandardError: Double
  /// Episodes of which somebody says whether it was done; nil for a mean over seeds.
  public var episodes: Int?

  public init(name: String, rate: Double, rateStandardError: Double, episodes: Int? = nil) {
    self.name = name
    self.rate = rate
    self.rateStandardError = rateStandardError
    self.episodes = episodes
  }

  /// "92.5 ± 1.9 %", and " of 38" where of other episodes nobody says whether it was done.
  ///
  /// - Parameter all: Episodes in all.
  package func text(among all: Int) -> String {
    let rate = measured(rate * 100, rateStandardError * 100) + " %"
    return episodes.map { $0 == all ? rate : "\(rate) of \($0)" } ?? rate
  }
}

/// How often each of a task's stages and criteria was done, as sums that grow with every episode.
struct StageCounts: Hashable, Sendable {
  private struct Count: Hashable {
    var name: String
    /// Episodes of which somebody says whether it was done, and those in which it was.
    var said = 0
    var done = 0
  }

  /// As they were spoken of first.
  private var counts: [Count] = []

  mutating func add(_ scores: [StageScore]) {
    for score in scores {
      let known = counts.firstIndex { $0.name == score.name }
      if known == nil { counts.append(Count(name: score.name)) }
      let place = known ?? counts.count - 1
      counts[place].said += 1
      if score.isDone { counts[place].done += 1 }
    }
  }

  /// Each of the episodes of which somebody says whether it was done; nil where there are none.
  var rates: [StageRate]? {
    if counts.isEmpty { return nil }
    return counts.map { count in
      let n = Double(count.said)
      let rate = Double(count.done) / n
      return StageRate(
        name: count.name, rate: rate, rateStandardError: (rate * (1 - rate) / n).squareRoot(),
        episodes: count.said)
    }
  }
}

/// What was done of each stage, with a column for every stage that any row has: raters may speak of more
/// criteria in one iteration than in another.
package struct StageTable {
  /// The stages' names, in order.
  package let names: [String]
  /// Each row's own cells and one for each stage.
  package let rows: [[String]]

  /// - Parameter rows: What stands in the first columns, the rates, and the number of episodes.
  package init(_ rows: [(cells: [String], rates: [StageRate], episodes: Int)]) {
    var names: [String] = []
    for rate in rows.flatMap(\.rates) where !names.contains(rate.name) { names.append(rate.name) }
    self.names = names
    self.rows = rows.map { cells, rates, episodes in
      cells
        + names.map { name in rates.first { $0.name == name }?.text(among: episodes) ?? "–" }
    }
  }

  /// Aligned lines below a heading; empty where there is no stage.
  ///
  /// ```
  /// box    k    take a sheet         build         label         place
  ///        0  99.5 ± 0.5 %  92.5 ± 1.9 %  90.0 ± 2.1 %  86.0 ± 2.5 %
  /// ```
  ///
  /// - Parameter heading: What stands above the first columns, such as the task.
  package func text(heading: [String]) -> String {
    names.isEmpty ? "" : aligned([heading + names] + rows, left: [0])
  }
}
