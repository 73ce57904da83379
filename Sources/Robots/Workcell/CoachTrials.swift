import Tensors

/// How a task goes when the coach does it in a certain way, over many episodes: what a policy can be
/// measured against.
public struct CoachTrials: Sendable {
  /// How the coach works.
  public enum Manner: String, CaseIterable, Sendable {
    /// Without flaws: the best that is possible.
    case flawless
    /// As in demonstrations.
    case demonstrations
    /// As in demonstrations, but deciding anew about mistakes at each stretch while the hands are
    /// empty: a stand-in for a policy that imitates all people at once.
    case redrawn
    /// Without flaws but with normal noise, σ = `noise`, on every action: what an imperfect network
    /// may afford.
    case noise
  }

  /// The standard deviation of `Manner.noise`.
  public static let noise: Float = 0.2

  /// Episodes so far.
  public private(set) var episodes = 0
  public private(set) var successes = 0
  /// Steps of all episodes.
  public private(set) var steps = 0
  /// Steps of the successes.
  public private(set) var successSteps = 0
  /// Failures by their reasons.
  public private(set) var failures: [String: Int] = [:]
  /// How often each scored stage was done, in order; empty for a task that is judged as a whole.
  public private(set) var stages: [(name: String, count: Int)] = []

  init() {}

  /// Lets the coach do a task.
  ///
  /// - Parameters:
  ///   - task: One of `WorkcellTasks.names`.
  ///   - manner: How the coach works.
  ///   - episodes: How many, with seeds 0, 1, 2, ….
  /// - Throws: `WorkcellError.unknownTask`.
  public init(task: String, manner: Manner, episodes: Int) throws {
    self.init(of: try WorkcellTasks.named(task), manner, episodes: episodes)
  }

  init(of task: any WorkcellTask, _ manner: Manner, episodes: Int) {
    let isPerson = manner == .demonstrations || manner == .redrawn
    for seed in 0..<UInt64(episodes) {
      var cell = Workcell(task, seed: seed)
      var coach = Coach(
        flaws: isPerson ? .person : .flawless, mistakes: task.mistakes, seed: seed)
      var random = RandomSource(seed: seed, stream: "trial noise")
      while cell.ending == nil {
        let isFree = Side.allCases.allSatisfy { cell.arms[$0].holding == nil }
        if manner == .redrawn && coach.remainingStretch == 0 && isFree { coach.drawMistakes() }
        var action = coach.action(for: cell)
        if manner == .noise {
          for index in action.indices { action[index] += Self.noise * random.normal() }
        }
        cell.step(action[...])
      }
      add(cell)
    }
  }

  /// Counts an episode that is over.
  mutating func add(_ cell: Workcell) {
    episodes += 1
    steps += cell.stepCount
    switch cell.ending {
    case .success:
      successes += 1
      successSteps += cell.stepCount
    case .failure(let reason): failures[reason, default: 0] += 1
    case nil: break
    }
    for (index, stage) in (cell.stages ?? []).enumerated() {
      if index == stages.count { stages.append((stage.name, 0)) }
      stages[index].count += stage.isDone ? 1 : 0
    }
  }

  /// The share of episodes that succeeded.
  public var successShare: Double { Double(successes) / Double(max(1, episodes)) }
  /// Mean length of the successes, in steps.
  public var successLength: Double { Double(successSteps) / Double(max(1, successes)) }
  /// Mean length of all episodes, in steps.
  public var meanLength: Double { Double(steps) / Double(max(1, episodes)) }
  /// Successes per robot-hour, the time of failures included.
  public var throughput: Double {
    Double(successes) / (Double(max(1, steps)) / Workcell.controlRate / 3600)
  }
}
