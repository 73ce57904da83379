import EpisodeStorage

/// How often one of a task's scored stages was done: of a task of several steps it tells how far
/// attempts come.
public struct StageRate: Codable, Hashable, Sendable {
  /// What the stage is called, such as "label".
  public var name: String
  /// Episodes in which it was done ÷ episodes, in [0, 1].
  public var rate: Double
  /// √(rate (1 − rate) / n) over n episodes, or over seeds where there are several.
  public var rateStandardError: Double

  public init(name: String, rate: Double, rateStandardError: Double) {
    self.name = name
    self.rate = rate
    self.rateStandardError = rateStandardError
  }

  /// "92.5 ± 1.9 %"
  package var text: String { measured(rate * 100, rateStandardError * 100) + " %" }

  /// The rates of a task's stages and criteria, in the task's order; nil where no episode has any.
  ///
  /// Each is of the episodes of which somebody says whether it was done.
  static func rates(of episodes: some Sequence<EpisodeRow>) -> [StageRate]? {
    let scored = episodes.compactMap(\.stages)
    guard !scored.isEmpty else { return nil }
    var names: [String] = []
    for stage in scored.joined() where !names.contains(stage.name) { names.append(stage.name) }
    return names.map { name in
      let said = scored.compactMap { $0.first { $0.name == name }?.isDone }
      let n = Double(said.count)
      let rate = Double(said.count { $0 }) / n
      return StageRate(
        name: name, rate: rate, rateStandardError: (rate * (1 - rate) / n).squareRoot())
    }
  }

  /// A table of what was done of each stage, a line for each row of rates.
  ///
  /// ```
  /// box    k    take a sheet         build         label         place
  ///        0  99.5 ± 0.5 %  92.5 ± 1.9 %  90.0 ± 2.1 %  86.0 ± 2.5 %
  /// ```
  ///
  /// - Parameters:
  ///   - heading: What stands above the first columns, such as the task.
  ///   - rows: What stands in the first columns, as many as the heading's, and the rates.
  package static func table(
    heading: [String], rows: [(cells: [String], rates: [StageRate])]
  ) -> String {
    guard let first = rows.first else { return "" }
    let lines = rows.map { $0.cells + $0.rates.map(\.text) }
    // A row of a run that scored other stages has no place below these.
    let width = heading.count + first.rates.count
    return aligned(
      [heading + first.rates.map(\.name)] + lines.filter { $0.count == width }, left: [0])
  }
}
