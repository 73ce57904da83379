/// How long the rest of an experiment takes, judged by the runs that are done.
public struct ExperimentPace: Sendable {
  /// A run, as far as its length is concerned.
  public struct Run: Hashable, Sendable {
    public var arm: String
    /// Whether it is the first of its seed, which finds nothing to share.
    public var isFirst: Bool

    public init(arm: String, isFirst: Bool) {
      self.arm = arm
      self.isFirst = isFirst
    }
  }

  private var measured: [(run: Run, duration: Duration)] = []

  public init() {}

  /// Takes in a run that went from its beginning to its end.
  public mutating func add(_ run: Run, _ duration: Duration) { measured.append((run, duration)) }

  /// Time for these runs; nil while none is measured. A run takes as long as its arm took with other
  /// seeds, else as the other runs that had something to share, or had not, else as any run.
  public func estimate(_ runs: [Run]) -> Duration? {
    if measured.isEmpty { return nil }
    return runs.reduce(.zero) { $0 + (estimate($1) ?? .zero) }
  }

  private func estimate(_ run: Run) -> Duration? {
    mean { $0.arm == run.arm } ?? mean { $0.isFirst == run.isFirst } ?? mean { _ in true }
  }

  private func mean(_ isAlike: (Run) -> Bool) -> Duration? {
    let alike = measured.filter { isAlike($0.run) }
    if alike.isEmpty { return nil }
    return alike.reduce(.zero) { $0 + $1.duration } / alike.count
  }
}
