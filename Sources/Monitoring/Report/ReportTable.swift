extension RunReport {
  /// The report as an aligned table for people.
  ///
  /// ```
  /// task              k  episodes      success  throughput/h  positive  intervened
  /// tshirt-collar-up  0       100   41 ± 4.9 %    95.2 ± 12.1  100.0 %       0.0 %
  /// ```
  ///
  /// Below it, how often the scored stages were done, for each task that has some.
  public func table() -> String {
    var rows = [["task", "k", "episodes", "success", "throughput/h", "positive", "intervened"]]
    for task in tasks {
      for (index, iteration) in task.iterations.enumerated() {
        rows.append(
          [index == 0 ? task.task : "", "\(iteration.k)", "\(iteration.episodes)"]
            + [
              measured(iteration.successRate * 100, iteration.successRateStandardError * 100)
                + " %",
              measured(iteration.throughputPerHour, iteration.throughputStandardError),
              iteration.positiveShare.map { percent($0) } ?? "–",
              percent(iteration.interventionShare),
            ])
      }
    }
    if tasks.isEmpty, unjudged == nil { return "\(run): no evaluation episodes yet\n" }
    return (tasks.isEmpty ? "" : aligned(rows, left: [0])) + stageTables
      + (unjudgedNote.map { "\(run): \($0)\n" } ?? "")
  }

  /// What the figures go without; nil where that is nothing.
  var unjudgedNote: String? {
    guard let unjudged else { return nil }
    let (noun, verb) = unjudged == 1 ? ("episode", "is") : ("episodes", "are")
    return "\(unjudged) evaluation \(noun) \(verb) not judged and counted nowhere; "
      + "'recap episodes label' asks"
  }

  private var stageTables: String {
    tasks.map { task in
      StageTable(
        task.iterations.compactMap { iteration in
          iteration.stages.map {
            (cells: ["", "\(iteration.k)"], rates: $0, episodes: iteration.episodes)
          }
        }
      ).text(heading: ["\(task.task): done", "k"])
    }.filter { !$0.isEmpty }.map { "\n" + $0 }.joined()
  }

  private func percent(_ share: Double) -> String { decimal(share * 100, digits: 1) + " %" }
}
