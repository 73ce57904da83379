extension RunReport {
  /// The report as an aligned table for people.
  ///
  /// ```
  /// task              k  episodes      success  throughput/h  positive  intervened
  /// tshirt-collar-up  0       100   41 ± 4.9 %    95.2 ± 12.1  100.0 %       0.0 %
  /// ```
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
    if tasks.isEmpty { return "\(run): no evaluation episodes yet\n" }
    return aligned(rows, left: [0])
  }

  private func percent(_ share: Double) -> String { decimal(share * 100, digits: 1) + " %" }
}
