/// How much work some jobs are, in the units in which people think of it.
public struct SharedWork: Codable, Hashable, Sendable {
  public var jobs = 0
  /// Episodes of collect jobs.
  public var episodes = 0
  /// Trained networks, value functions and policies.
  public var trainings = 0
  public var labelSets = 0

  /// No work.
  public init() {}

  /// The work of these jobs.
  public init(_ jobs: some Sequence<Job>) {
    for job in jobs {
      self.jobs += 1
      switch job.work {
      case .collect(let work): episodes += work.episodeCount
      case .trainValue, .trainPolicy: trainings += 1
      case .estimateValues: break
      case .label: labelSets += 1
      }
    }
  }

  public static func + (a: Self, b: Self) -> Self {
    var sum = a
    sum.jobs += b.jobs
    sum.episodes += b.episodes
    sum.trainings += b.trainings
    sum.labelSets += b.labelSets
    return sum
  }
}

extension SharedWork: CustomStringConvertible {
  /// "240 episodes, 2 trainings, 1 label set"; kinds of which there is nothing are left out.
  public var description: String {
    let parts = [(episodes, "episode"), (trainings, "training"), (labelSets, "label set")]
      .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }
    return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
  }
}
