/// A comparison of runs: a configuration to begin with, and *arms* that each change some of its
/// settings. Every arm is run with the same seeds.
///
/// A person writes it as YAML (`load`); `Documentation/Experiments.md` describes every key.
public struct Experiment: Codable, Hashable, Sendable {
  /// Names the experiment's directory and, with the arm, its runs.
  public var name: String
  /// One line for people; nil for the name.
  public var title: String?
  /// What is asked, and what to look at, for the report.
  public var description: String?
  /// The run configuration that all arms begin with, as a path from the working directory.
  public var base: String
  /// What is changed in every arm, as `--set` takes it: "key.path=value".
  public var settings: [String]
  /// At least one, with names of their own.
  public var arms: [Arm]
  /// What the report draws.
  public var figures: [Figure]

  /// An experiment with exactly these properties, unchecked.
  public init(
    name: String, title: String? = nil, description: String? = nil, base: String,
    settings: [String] = [], arms: [Arm], figures: [Figure] = []
  ) {
    self.name = name
    self.title = title
    self.description = description
    self.base = base
    self.settings = settings
    self.arms = arms
    self.figures = figures
  }

  /// One of the things that are compared.
  public struct Arm: Codable, Hashable, Sendable {
    /// Names its run directories.
    public var name: String
    /// For tables and figures; nil for the name.
    public var title: String?
    /// What it changes besides the experiment's own settings, which come first.
    public var settings: [String]

    public init(name: String, title: String? = nil, settings: [String]) {
      self.name = name
      self.title = title
      self.settings = settings
    }

    /// As people read it.
    public var label: String { title ?? name }
  }

  /// One figure of the report: a chart for each task.
  public struct Figure: Codable, Hashable, Sendable {
    /// Nil for one that says what is drawn.
    public var title: String?
    public var metric: Metric
    public var over: Abscissa
    /// The iteration k that is drawn over arms; nil for each run's last.
    public var iteration: Int?
    /// Nil for every task.
    public var task: String?

    public init(
      title: String? = nil, metric: Metric, over: Abscissa, iteration: Int? = nil,
      task: String? = nil
    ) {
      self.title = title
      self.metric = metric
      self.over = over
      self.iteration = iteration
      self.task = task
    }
  }

  /// What is drawn.
  public enum Metric: String, Codable, Hashable, Sendable, CaseIterable {
    /// Successes per robot-hour.
    case throughput
    /// The share of episodes that succeed.
    case success
    /// The share of episodes that fail.
    case failure
  }

  /// Along which axis.
  public enum Abscissa: String, Codable, Hashable, Sendable, CaseIterable {
    /// A bar for each arm.
    case arms
    /// A line for each arm, over the iterations.
    case iterations
  }

  /// As people read it.
  public var heading: String { title ?? name }

  /// The name of an arm's runs.
  public func runName(of arm: Arm) -> String { "\(name)-\(arm.name)" }

  /// Everything that an arm's run changes in the base configuration, as `--set` takes it.
  public func overrides(of arm: Arm, seed: Int) -> [String] {
    settings + arm.settings + ["name=\(runName(of: arm))", "seed=\(seed)"]
  }

  /// Arms whose runs would be the same but for their names: groups of at least two, in the file's
  /// order.
  ///
  /// - Parameter configurations: Each arm's, all with the same seed.
  public func sameArms(_ configurations: [String: RunConfiguration]) -> [[String]] {
    var groups: [(configuration: RunConfiguration, arms: [String])] = []
    for arm in arms.map(\.name) {
      guard var configuration = configurations[arm] else { continue }
      configuration.name = name
      if let place = groups.firstIndex(where: { $0.configuration == configuration }) {
        groups[place].arms.append(arm)
      } else {
        groups.append((configuration, [arm]))
      }
    }
    return groups.map(\.arms).filter { $0.count > 1 }
  }

  /// The configuration of an arm's run.
  ///
  /// - Parameter workcellTasks: The tasks that the built-in simulator offers.
  /// - Throws: `ConfigurationError`, which `load` has ruled out unless the base has changed since.
  public func configuration(
    of arm: Arm, seed: Int, workcellTasks: [String]
  ) throws -> RunConfiguration {
    try RunConfiguration.load(
      file: base, overrides: overrides(of: arm, seed: seed), workcellTasks: workcellTasks)
  }
}
